"""One task of Trio's that runs all asyncio loops of a run, each when it has something to do.

A message that goes from one loop to the next is not worth the way through Trio in between: loops
that wake one another take their turns here, until a task of Trio's is to run. Which of several goes
first is drawn, as Trio draws it among its tasks, and so is whether others go in between.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from importlib import import_module
from operator import attrgetter
from random import Random
from typing import Any, Final, Protocol

import sniffio
import trio

_run: Final[Any] = import_module("trio._core._run")

_events: Any = asyncio.events
_set_running_loop: Final[Callable[[Any], None]] = _events._set_running_loop

ROUNDS: Final = 16
"""Rounds of all loops that have something to do, before Trio looks at timers and descriptors."""

GIVE_WAY: Final = 1 / 16
"""How likely it is that tasks of Trio's that could run too get their turn before the next loop."""


class Scheduled(Protocol):
    """What is scheduled."""

    number: int
    """Another one for each, so that what is drawn from has an order."""

    def take_turns(self) -> None:
        """Do what is to be done now; it must not raise."""
        ...


class LoopScheduler:
    """That of one run of Trio."""

    def __init__(self) -> None:
        self._random: Random = _run._r
        self._runner: Any = _run.GLOBAL_RUN_CONTEXT.runner
        self._numbers = 0
        self._ready: list[Scheduled] = []
        self._afterwards: deque[Callable[[], object]] = deque()
        self._parked: trio.lowlevel.Task | None = None
        trio.lowlevel.spawn_system_task(self._work)

    def number(self) -> int:
        """Return the number of a new loop."""
        self._numbers += 1
        return self._numbers

    def wake(self, loop: Scheduled) -> None:
        """Have `loop` take its turns, once for each call."""
        self._ready.append(loop)
        if self._parked is not None:
            task, self._parked = self._parked, None
            trio.lowlevel.reschedule(task)

    def afterwards(self, function: Callable[[], object]) -> None:
        """Have it called, by Trio, once no loop is running; it must not raise."""
        self._afterwards.append(function)

    async def _work(self) -> None:
        while True:
            if not self._ready:
                self._parked = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(self._unpark)
            self._run_loops()
            if self._ready:
                await trio.lowlevel.checkpoint()

    def _unpark(self, _: object) -> trio.lowlevel.Abort:
        self._parked = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _run_loops(self) -> None:
        library, hooks = sniffio.thread_local, sys.get_asyncgen_hooks()
        previous, library.name = library.name, "asyncio"
        try:
            for _ in range(ROUNDS):
                self._run_round()
                others = self._runner.runq or self._afterwards
                if not self._ready or others or self._random.random() < GIVE_WAY:
                    break
        finally:
            _set_running_loop(None)
            sys.set_asyncgen_hooks(*hooks)
            library.name = previous
        while self._afterwards:
            self._afterwards.popleft()()

    def _run_round(self) -> None:
        """Run each loop that has something to do, or only the first ones."""
        loops, self._ready = self._ready, []
        if len(loops) > 1:
            loops.sort(key=_number)
            self._shuffle(loops)
        while loops:
            loops.pop().take_turns()
            if loops and self._random.random() < GIVE_WAY:
                self._ready += loops
                return

    def _shuffle(self, loops: list[Scheduled]) -> None:
        if len(loops) > 2:
            self._random.shuffle(loops)
        elif self._random.random() < 0.5:  # most often there are two: the shuffling costs more
            loops.reverse()


_number: Final = attrgetter("number")

_present: Final[trio.lowlevel.RunVar[LoopScheduler]] = trio.lowlevel.RunVar("peppy_loop_scheduler")


def scheduler_here() -> LoopScheduler:
    """Return the scheduler of the running Trio loop."""
    try:
        return _present.get()
    except LookupError:
        scheduler = LoopScheduler()
        _present.set(scheduler)
        return scheduler
