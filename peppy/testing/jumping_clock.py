"""A clock of Trio's that jumps to the next deadline as soon as nothing can run.

Trio's own `MockClock` does so too. It takes one more turn of Trio's loop for each jump, in which
all statistics there are get counted, and it looks up what the real time is whenever it is asked.
"""

import math
from importlib import import_module
from typing import Any, Final

import trio
from trio.testing import MockClock

_run: Final[Any] = import_module("trio._core._run")

LOOK_AGAIN: Final = 0.001
"""Real seconds after which a loop without any deadline looks whether there is one; what comes from
threads and sockets wakes it at once."""


class JumpingClock(trio.abc.Clock):
    """Virtual time, which begins at 0 and stands still while a task runs."""

    def __init__(self) -> None:
        self._now = 0.0
        self._runner: Any = None

    def start_clock(self) -> None:
        """Belong to the run that begins now."""
        self._runner = _run.GLOBAL_RUN_CONTEXT.runner

    def current_time(self) -> float:
        """Return the virtual seconds that have gone by."""
        return self._now

    def jump(self, seconds: float) -> None:
        """Let so much time go by at once."""
        self._now += seconds

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Jump to `deadline` unless something else comes first; return the real seconds to wait.

        Trio asks when no task can run.
        """
        if deadline <= self._now:
            return 0.0
        runner = self._runner
        if runner.waiting_for_idle:
            # Whoever waits in `wait_all_tasks_blocked` waits for real seconds, and goes first.
            return math.inf
        if runner.entry_queue.size():
            return 0.0
        manager = runner.io_manager
        # One is by which other threads wake Trio: whatever they have to say is in that queue.
        if len(manager._registered) > 1 and (events := manager.get_events(0)):
            manager.process_events(events)
            return 0.0
        if deadline == math.inf:
            return LOOK_AGAIN
        self._now = deadline
        return 0.0

    def __repr__(self) -> str:
        return f"<JumpingClock at {self._now:.7f} s>"


def jumps(clock: trio.abc.Clock) -> bool:
    """Say whether time stands still on `clock` while a task runs."""
    return isinstance(clock, JumpingClock) or (isinstance(clock, MockClock) and not clock.rate)
