"""What a transport does natively on Trio; imported only there."""

import contextlib
from contextvars import copy_context

import trio

from peppy.runtime.transport.handover import Handover
from peppy.runtime.transport.waiting import Waiter


class TrioWaiter(Waiter):
    """A parked task."""

    __slots__ = ("_gone", "_task")

    def __init__(self) -> None:
        self._task: trio.lowlevel.Task | None = None
        self._gone = False

    async def wait(self) -> None:
        """Return once it is woken."""
        if self._gone:
            await trio.lowlevel.checkpoint()
            return
        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._abort)

    def wake(self) -> bool:
        """Let the task go on; say whether it had not gone."""
        if self._gone:
            return False
        self._gone = True
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)
        return True

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._gone = True
        return trio.lowlevel.Abort.SUCCEEDED


class TrioHandover(Handover):
    """A system task that reads the eventfd: no queue of Trio's in between."""

    def __init__(self) -> None:
        super().__init__()
        self._scope = trio.CancelScope()
        self._awake = False
        # What is called belongs to whoever opens it: many nodes may share one run of Trio.
        trio.lowlevel.spawn_system_task(self._watch, context=copy_context())

    async def _watch(self) -> None:
        with self._scope, contextlib.suppress(trio.ClosedResourceError, OSError):
            while True:
                await trio.lowlevel.wait_readable(self.descriptor)
                self.drain()
                while self._awake:
                    await trio.lowlevel.checkpoint()
                    self._awake = self.look_again()

    def _stay_awake(self) -> None:
        self._awake = True

    def _unwatch(self) -> None:
        self._scope.cancel()
        with contextlib.suppress(OSError):
            trio.lowlevel.notify_closing(self.descriptor)


now = trio.current_time
"""Tells the running loop's time."""


async def checkpoint() -> None:
    """Let other tasks run."""
    await trio.lowlevel.checkpoint()
