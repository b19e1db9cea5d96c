"""The cancellation token: the one sign that a node's time is over.

Source: seed 000, "Graceful shutdown". It is set once and stays set. No lock guards it, since a
signal handler may interrupt whoever would hold that lock; each step is one atomic operation, and
a listener looks at the flag again after it has made itself known.
"""

import contextlib
from collections.abc import Callable, Generator

import anyio
import anyio.lowlevel

from peppy.runtime.loops import run_soon_here


class CancellationToken:
    """Tells every part of a node that shutdown has begun."""

    def __init__(self) -> None:
        self._cancelled = False
        self._listeners: dict[object, Callable[[], None]] = {}

    def is_cancelled(self) -> bool:
        """Say whether shutdown has begun; from any thread."""
        return self._cancelled

    def cancel(self) -> None:
        """Begin shutdown; again is fine. From any thread, and from signal handlers."""
        self._cancelled = True
        for wake in tuple(self._listeners.values()):
            wake()

    async def cancelled(self) -> None:
        """Return once shutdown has begun; under asyncio and Trio, for any number of waiters."""
        event = anyio.Event()
        with self.calling(event.set):
            if self._cancelled:
                await anyio.lowlevel.checkpoint()
            else:
                await event.wait()

    @contextlib.contextmanager
    def calling(self, function: Callable[[], object]) -> Generator[None]:
        """Inside the block, have the running loop call `function` when shutdown begins.

        It is called before the block's first line if shutdown has begun already. It may still be
        called shortly after the block, and twice; it must not raise.
        """
        run_soon = run_soon_here()
        me = object()
        self._listeners[me] = lambda: run_soon(function)
        try:
            if self._cancelled:
                function()
            yield
        finally:
            del self._listeners[me]

    def __repr__(self) -> str:
        return f"<CancellationToken {'cancelled' if self._cancelled else 'not cancelled'}>"
