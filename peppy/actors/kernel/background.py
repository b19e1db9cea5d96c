"""Background: a call that waits, beside an actor that never does."""

from collections.abc import Awaitable, Callable
from typing import Any

import trio


class Background:
    """One call that runs in an actor's scope and reports by message."""

    __slots__ = ("_call", "_done", "_failed", "_scope", "name")

    def __init__(
        self,
        name: str,
        call: Callable[[], Awaitable[Any]],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self.name = name
        self._call = call
        self._done = done
        self._failed = failed
        self._scope = trio.CancelScope()

    def __repr__(self) -> str:
        return f"<Background {self.name}>"

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._scope.cancel_called

    def cancel(self) -> None:
        """End it. It says nothing any more, unless it raises an error while it ends."""
        self._scope.cancel()

    async def run(self) -> None:
        """For the kernel: run the call and report."""
        try:
            with self._scope:
                result = await self._call()
                if not self._scope.cancel_called:
                    self._done(result)
        except Exception as error:
            self._failed(error)
