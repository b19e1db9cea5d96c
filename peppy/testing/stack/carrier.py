"""What happens later on an embedded network, each thing at its time and in its order."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Any, Final

import trio

from peppy.testing.stack.alarms import Alarm

Here = Callable[[Callable[[], object]], None]
"""Has a function called soon where a participant lives: on its loop, in its context."""

_events: Any = asyncio.events
running_loop: Final[Callable[[], Any]] = _events._get_running_loop
"""Returns the asyncio loop that runs now, or None; it raises nothing, unlike its public kin."""


class Carrier:
    """Calls functions at virtual times, from one task that is there once it is needed.

    A function must neither raise nor take long: who raises here ends the whole Trio run.
    """

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._begun = False
        self._parked: trio.lowlevel.Task | None = None
        self._alarm: Alarm | None = None

    def at(self, when: float, function: Callable[[], object]) -> None:
        """Have it called at `when`, after all that was told before for the same moment."""
        heapq.heappush(self._due, (when, next(self._numbers), function))
        if not self._begun:
            self._begun = True
            trio.lowlevel.spawn_system_task(self._run)
        elif self._parked is not None and (self._alarm is None or when < self._alarm.when):
            self._set_alarm()

    def soon(self, function: Callable[[], object]) -> None:
        """Have it called in this moment, by a task of Trio's."""
        self.at(trio.current_time(), function)

    async def _run(self) -> None:
        while True:
            self._set_alarm()
            self._parked = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._end)
            # What is told meanwhile has to wait for the next turn, so that others have theirs.
            until = (trio.current_time(), next(self._numbers))
            while self._due and self._due[0][:2] < until:
                heapq.heappop(self._due)[2]()

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = Alarm(self._due[0][0], self._wake) if self._due else None

    def _wake(self) -> None:
        self._alarm = None
        if self._parked is not None:
            task, self._parked = self._parked, None
            trio.lowlevel.reschedule(task)

    def _end(self, _: object) -> trio.lowlevel.Abort:
        self._parked = None
        if self._alarm is not None:
            self._alarm.cancel()
        return trio.lowlevel.Abort.SUCCEEDED

    def here(self) -> Here:
        """Return how to have a function called where this is called, from wherever."""
        home = running_loop()

        def on_trio(function: Callable[[], object]) -> None:
            if running_loop() is None:
                function()
            else:
                self.soon(function)

        def on_asyncio(function: Callable[[], object]) -> None:
            if running_loop() is home:
                function()
            else:
                home.call_soon(function)

        return on_trio if home is None else on_asyncio
