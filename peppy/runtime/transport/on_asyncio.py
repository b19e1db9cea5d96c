"""What a transport does natively on asyncio."""

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context

from peppy.runtime.transport.handover import Handover
from peppy.runtime.transport.waiting import Waiter


class AsyncioWaiter(Waiter):
    """What a task awaits, in the place of a future.

    A future has its task go on in the loop's next turn, after one more look at all descriptors.
    This one can have it go on at once, where no other task runs: when the loop itself has just been
    woken by what the task waits for. It is as much of a future as `asyncio.Task` asks of what it
    awaits.
    """

    __slots__ = (
        "_asyncio_future_blocking",
        "_callback",
        "_cancelled",
        "_context",
        "_done",
        "_loop",
        "_message",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asyncio_future_blocking = False
        self._callback: Callable[[AsyncioWaiter], object] | None = None
        self._context: Context | None = None
        self._done = False
        self._cancelled = False
        self._message: object = None

    async def wait(self) -> None:
        """Return once it is woken."""
        if self._done:
            await asyncio.sleep(0)
        else:
            await self

    def wake(self) -> bool:
        """Let the task go on; say whether it had not gone."""
        if self._done:
            return False
        self._done = True
        if self._callback is not None:
            self._loop.call_soon(self._callback, self, context=self._context)
        return True

    def wake_now(self) -> bool:
        """Let the task go on here and now, where no other one runs."""
        callback, context = self._callback, self._context
        if callback is None or context is None or asyncio.current_task(self._loop) is not None:
            return self.wake()
        if self._done:
            return False
        self._done = True
        context.run(callback, self)
        return True

    # What `asyncio.Task` asks for, and anyio.

    def __await__(self) -> Generator["AsyncioWaiter", None, None]:
        self._asyncio_future_blocking = True
        yield self

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop of the task."""
        return self._loop

    def done(self) -> bool:
        """Say whether the task has gone on, or is about to."""
        return self._done

    def add_done_callback(
        self, callback: "Callable[[AsyncioWaiter], object]", *, context: Context | None = None
    ) -> None:
        """Have the task go on by `callback`."""
        self._callback = callback
        self._context = context

    def cancel(self, msg: object = None) -> bool:
        """Let the task go on with its cancellation; say whether it was still waiting."""
        if self._done:
            return False
        self._done = self._cancelled = True
        self._message = msg
        if self._callback is not None:
            self._loop.call_soon(self._callback, self, context=self._context)
        return True

    def result(self) -> None:
        """Raise if the task was cancelled."""
        if self._cancelled:
            raise asyncio.CancelledError(*() if self._message is None else (self._message,))


class AsyncioHandover(Handover):
    """The eventfd as a reader of the loop."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.descriptor, self.drain)

    def _stay_awake(self) -> None:
        self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        if self.look_again():
            self._loop.call_soon(self._turn)

    def _unwatch(self) -> None:
        if not self._loop.is_closed():
            self._loop.remove_reader(self.descriptor)


def waiters_here() -> Callable[[], AsyncioWaiter]:
    """Return what makes waiters on the loop that runs when the first one is needed.

    To ask for the loop each time would take a system call before Python 3.12.
    """
    loop: asyncio.AbstractEventLoop | None = None

    def waiter() -> AsyncioWaiter:
        nonlocal loop
        if loop is None:
            loop = asyncio.get_running_loop()
        return AsyncioWaiter(loop)

    return waiter


def clock_here() -> Callable[[], float]:
    """Return what tells the running loop's time."""
    return asyncio.get_running_loop().time


async def checkpoint() -> None:
    """Let other tasks run."""
    await asyncio.sleep(0)
