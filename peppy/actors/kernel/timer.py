"""Timers: what an actor tells itself later. One task of each actor serves all of its timers."""

from bisect import bisect_left, insort
from collections.abc import Awaitable, Callable
from typing import Any

import trio


class Timer:
    """One message to come."""

    __slots__ = ("_timers", "deadline", "message", "number")

    def __init__(self, timers: "Timers", deadline: float, number: int, message: Any) -> None:
        self.deadline = deadline
        """In Trio's time, seconds."""
        self.message = message
        self.number = number
        self._timers = timers

    def __lt__(self, other: "Timer") -> bool:
        return (self.deadline, self.number) < (other.deadline, other.number)

    def __repr__(self) -> str:
        return f"<Timer {self.message!r} at {self.deadline:g}>"

    def cancel(self) -> None:
        """Say nothing. If its message is in the mailbox already, it comes; twice is fine."""
        self._timers.remove(self)


class Timers:
    """The timers of one actor, the next one first; of equal ones the one that was set first."""

    def __init__(
        self,
        launch: Callable[[Callable[[], Awaitable[None]], str], None],
        put: Callable[[Any], None],
    ) -> None:
        self._launch = launch
        self._put = put
        self._due: list[Timer] = []
        self._count = 0
        self._nap = trio.CancelScope()
        self._serving = False

    def add(self, seconds: float, message: Any) -> Timer:
        """Set a timer."""
        self._count += 1
        timer = Timer(self, trio.current_time() + seconds, self._count, message)
        insort(self._due, timer)
        if self._serving:
            self._rearm()
        else:
            self._serving = True
            self._launch(self._serve, "timers")
        return timer

    def remove(self, timer: Timer) -> None:
        """Forget a timer; fine if it has gone off."""
        place = bisect_left(self._due, timer)
        if place < len(self._due) and self._due[place] is timer:
            del self._due[place]
            self._rearm()

    def _rearm(self) -> None:
        if self._due:
            self._nap.deadline = self._due[0].deadline
        else:
            self._nap.cancel()

    async def _serve(self) -> None:
        while self._due:
            with trio.CancelScope(deadline=self._due[0].deadline) as self._nap:
                await trio.sleep_forever()
            now = trio.current_time()
            while self._due and self._due[0].deadline <= now:
                self._put(self._due.pop(0).message)
        self._serving = False
