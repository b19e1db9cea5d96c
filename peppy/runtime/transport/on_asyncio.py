"""What a transport does natively on asyncio."""

import asyncio

from peppy.runtime.transport.handover import Handover
from peppy.runtime.transport.waiting import Waiter


class AsyncioWaiter(Waiter):
    """A future."""

    __slots__ = ("_future",)

    def __init__(self) -> None:
        self._future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def wait(self) -> None:
        """Return once it is woken."""
        await self._future

    def wake(self) -> bool:
        """Let the task go on; say whether it had not gone."""
        if self._future.done():
            return False
        self._future.set_result(None)
        return True


class AsyncioHandover(Handover):
    """The eventfd as a reader of the loop."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.descriptor, self.drain)

    def _unwatch(self) -> None:
        if not self._loop.is_closed():
            self._loop.remove_reader(self.descriptor)


async def checkpoint() -> None:
    """Let other tasks run."""
    await asyncio.sleep(0)
