"""When requests are over, without a timer for each: one that looks at all of them."""

import asyncio
import math
import sys
from collections.abc import Callable
from typing import Any

from peppy.runtime.transport.loops import on_trio

Sweep = Callable[[float], float]
"""Ends what is due at a time of the loop's clock; returns when the next is due."""


class Deadlines:
    """A timer of the running loop, set to the earliest deadline of many.

    Most requests are answered long before theirs. Then the timer finds none of them any more, and
    is set to the next: once per time-out, not once per request.
    """

    def __init__(self, sweep: Sweep) -> None:
        """Begin without a deadline, on the loop."""
        self._sweep = sweep
        self._at = math.inf
        self._scope: Any = None
        self._timer: asyncio.TimerHandle | None = None
        self._trio: Any = _trio()
        self._loop = None if on_trio() else asyncio.get_running_loop()
        self.now: Callable[[], float] = (
            self._trio.current_time if self._loop is None else self._loop.time
        )
        """The time of the loop's clock, in seconds."""

    def add(self, deadline: float) -> None:
        """Look at the latest when the clock says `deadline`."""
        if deadline < self._at:
            self._set(deadline)

    def _set(self, deadline: float) -> None:
        self._at = deadline
        if self._loop is not None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(deadline, self._look)
        elif self._scope is not None:
            self._scope.deadline = deadline
        else:
            self._scope = self._trio.CancelScope(deadline=deadline)
            self._trio.lowlevel.spawn_system_task(self._wait, self._scope)

    async def _wait(self, scope: Any) -> None:
        with scope:
            await self._trio.sleep_forever()
        if self._scope is scope:
            self._look()

    def _look(self) -> None:
        self._at, self._timer, self._scope = math.inf, None, None
        following = self._sweep(self.now())
        if following < math.inf:
            self.add(following)

    def close(self) -> None:
        """Look no more."""
        self._at = -math.inf
        if self._timer is not None:
            self._timer.cancel()
        scope, self._scope = self._scope, None
        if scope is not None:
            scope.cancel()


def _trio() -> Any:
    return sys.modules.get("trio")
