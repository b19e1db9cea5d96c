"""What is native to the loop that runs."""

from collections.abc import Callable
from typing import Any

from peppy.runtime.transport import on_asyncio
from peppy.runtime.transport.handover import Handover
from peppy.runtime.transport.waiting import Waiter, on_trio

__all__ = ["clock_here", "give_way", "new_waiter", "on_trio", "open_handover", "waiters_here"]


def new_waiter() -> Waiter:
    """Return a waiter for the present task."""
    return waiters_here()()


def waiters_here() -> Callable[[], Waiter]:
    """Return what makes waiters on the running loop, for who needs many."""
    return _trio().TrioWaiter if on_trio() else on_asyncio.waiters_here()


def clock_here() -> Callable[[], float]:
    """Return what tells the running loop's time, in seconds."""
    now: Callable[[], float] = _trio().now if on_trio() else on_asyncio.clock_here()
    return now


def open_handover() -> Handover:
    """Return the hand-over to the running loop."""
    return _trio().TrioHandover() if on_trio() else on_asyncio.AsyncioHandover()


async def give_way() -> None:
    """Let other tasks run; raises if this one is cancelled."""
    await (_trio().checkpoint() if on_trio() else on_asyncio.checkpoint())


def _trio() -> Any:
    from peppy.runtime.transport import on_trio as natively

    return natively
