"""How one task waits for one wake-up, natively on the loop that runs it.

Trio is looked for only where it is running: a node's environment may not have it.
"""

import asyncio
import sys
from abc import ABC, abstractmethod
from typing import Any


class Waiter(ABC):
    """A single wait of a single task."""

    @abstractmethod
    async def wait(self) -> None:
        """Return once it is woken; also if that was before."""

    @abstractmethod
    def wake(self) -> None:
        """Let the task go on; on the loop's own thread. Twice is fine."""


class AsyncioWaiter(Waiter):
    """A future."""

    __slots__ = ("_future",)

    def __init__(self) -> None:
        self._future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def wait(self) -> None:
        """Return once it is woken."""
        await self._future

    def wake(self) -> None:
        """Let the task go on."""
        if not self._future.done():
            self._future.set_result(None)


def on_trio() -> bool:
    """Say whether the running loop is Trio's."""
    trio: Any = sys.modules.get("trio")
    if trio is None:
        return False
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    return True


def new_waiter() -> Waiter:
    """Return a waiter for the present task."""
    if on_trio():
        from peppy.runtime.transport.on_trio import TrioWaiter

        return TrioWaiter()
    return AsyncioWaiter()


async def give_way() -> None:
    """Let other tasks run; raises if this one is cancelled."""
    if on_trio():
        from peppy.runtime.transport.on_trio import checkpoint

        await checkpoint()
    else:
        await asyncio.sleep(0)
