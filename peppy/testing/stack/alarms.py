"""What goes off at a time of Trio's clock and wakes a task that waits for more than that.

A scope with a deadline is made, entered, cancelled and left for each time, and to be cancelled
costs an exception: half of what a virtual second of a quiet stack takes. So an alarm stands by
itself among the deadlines of Trio's own, which asks no more of them than the two things here.
"""

import math
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

import trio

_run: Final[Any] = import_module("trio._core._run")
_timeouts: Final[Any] = import_module("trio._timeouts")


class Alarm:
    """One that is set."""

    __slots__ = ("_deadlines", "_registered_deadline", "_ring", "when")

    def __init__(self, when: float, ring: Callable[[], object]) -> None:
        """Have `ring` called at `when`, between tasks: it may reschedule one, and nothing else."""
        self.when = when
        self._ring = ring
        self._registered_deadline = when
        """The name by which Trio finds out that a deadline has been moved."""
        self._deadlines = _run.GLOBAL_RUN_CONTEXT.runner.deadlines
        self._deadlines.add(when, self)

    def cancel(self) -> None:
        """Do not go off."""
        if self._registered_deadline != math.inf:
            self._deadlines.remove(self._registered_deadline, self)
            self._registered_deadline = math.inf

    def _cancel(self, cancel_reason: object) -> None:
        """Go off: what Trio does with a scope whose deadline is over."""
        del cancel_reason
        self.cancel()
        self._ring()


async def sleep_until(deadline: float) -> None:
    """Do what Trio's `sleep_until` does, by an alarm."""
    if math.isnan(deadline):
        raise ValueError("deadline must not be NaN")
    if deadline <= trio.current_time():
        await trio.lowlevel.checkpoint()
        return
    if deadline == math.inf:
        await trio.sleep_forever()
    task = trio.lowlevel.current_task()
    alarm = Alarm(deadline, lambda: trio.lowlevel.reschedule(task))

    def abort(_: object) -> trio.lowlevel.Abort:
        alarm.cancel()
        return trio.lowlevel.Abort.SUCCEEDED

    await trio.lowlevel.wait_task_rescheduled(abort)


_TRIOS_OWN: Final = _timeouts.sleep_until


@contextmanager
def sleeping_by_alarms() -> Generator[None]:
    """Inside the block, have `trio.sleep` sleep by an alarm, whoever calls it."""
    _timeouts.sleep_until = sleep_until
    try:
        yield
    finally:
        # Not what was there before: blocks may end in another order than they began.
        _timeouts.sleep_until = _TRIOS_OWN
