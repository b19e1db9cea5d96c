"""What happens later on an embedded network, each thing at its time and in its order."""

import asyncio
import heapq
import itertools
import math
from collections.abc import Callable
from typing import Any, Final

import trio

Here = Callable[[Callable[[], object]], None]
"""Has a function called soon where a participant lives: on its loop, in its context."""

_events: Any = asyncio.events
running_loop: Final[Callable[[], Any]] = _events._get_running_loop
"""Returns the asyncio loop that runs now, or None; it raises nothing, unlike its public kin."""

NOWHERE: Final = object()
"""No loop: in place of one on which whoever is told to be called `here` could be called at once."""


class Carrier:
    """Calls functions at virtual times, from one task that is there once it is needed.

    A function must neither raise nor take long: who raises here ends the whole Trio run.
    """

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._scope: trio.CancelScope | None = None

    def at(self, when: float, function: Callable[[], object]) -> None:
        """Have it called at `when`, after all that was told before for the same moment."""
        heapq.heappush(self._due, (when, next(self._numbers), function))
        if self._scope is None:
            self._scope = trio.CancelScope(deadline=when)
            trio.lowlevel.spawn_system_task(self._run)
        elif when < self._scope.deadline:
            self._scope.deadline = when

    def soon(self, function: Callable[[], object]) -> None:
        """Have it called in this moment, by a task of Trio's."""
        self.at(trio.current_time(), function)

    async def _run(self) -> None:
        while True:
            self._scope = trio.CancelScope(deadline=self._due[0][0] if self._due else math.inf)
            with self._scope:
                await trio.sleep_forever()
            # What is told meanwhile has to wait for the next turn, so that others have theirs.
            until = (trio.current_time(), next(self._numbers))
            while self._due and self._due[0][:2] < until:
                heapq.heappop(self._due)[2]()

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
