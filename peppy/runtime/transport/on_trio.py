"""What a transport does natively on Trio; imported only there."""

import contextlib

import trio

from peppy.runtime.transport.handover import Handover
from peppy.runtime.transport.waiting import Waiter


class TrioWaiter(Waiter):
    """A parked task."""

    __slots__ = ("_task", "_woken")

    def __init__(self) -> None:
        self._task: trio.lowlevel.Task | None = None
        self._woken = False

    async def wait(self) -> None:
        """Return once it is woken."""
        if self._woken:
            await trio.lowlevel.checkpoint()
            return
        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._abort)

    def wake(self) -> None:
        """Let the task go on."""
        self._woken = True
        task, self._task = self._task, None
        if task is not None:
            trio.lowlevel.reschedule(task)

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED


class TrioHandover(Handover):
    """A system task that reads the eventfd: no queue of Trio's in between."""

    def __init__(self) -> None:
        super().__init__()
        self._scope = trio.CancelScope()
        trio.lowlevel.spawn_system_task(self._watch)

    async def _watch(self) -> None:
        with self._scope, contextlib.suppress(trio.ClosedResourceError, OSError):
            while True:
                await trio.lowlevel.wait_readable(self.descriptor)
                self.drain()

    def _unwatch(self) -> None:
        self._scope.cancel()
        with contextlib.suppress(OSError):
            trio.lowlevel.notify_closing(self.descriptor)


async def checkpoint() -> None:
    """Let other tasks run."""
    await trio.lowlevel.checkpoint()
