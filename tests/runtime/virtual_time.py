"""Both loops on a clock that jumps to the next moment at which something is due."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any, Final

import anyio
from trio.testing import MockClock

HANGING: Final = 20.0
"""Real seconds after which a loop that waits for nothing that comes is given up."""


class _JumpingSelector(selectors.DefaultSelector):
    """Does not wait: it has the time go by."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            found = super().select(HANGING)
            assert found, "nothing will ever happen on this loop"
            return found
        found = super().select(0)
        if not found:
            self.now += max(0.0, timeout)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run_virtually(backend: str, main: Callable[[], Awaitable[None]]) -> None:
    """Run `main` on `asyncio` or `trio`."""
    options: dict[str, Any] = (
        {"clock": MockClock(autojump_threshold=0)}
        if backend == "trio"
        else {"loop_factory": VirtualLoop}
    )
    anyio.run(main, backend=backend, backend_options=options)
