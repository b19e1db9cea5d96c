"""A node's way out: how long it may take, and what its daemon is told as each step begins.

The steps are those of seed 004: a `setup` that still runs is cancelled, hooks run, tasks are torn
down, messaging is closed. They are told beforehand, since a step may hold the node's loop up; the
message leaves on the transport's own thread. `peppy.schema.leaving` is the message.
"""

from contextlib import suppress
from typing import Final

import anyio
import msgspec

from peppy.runtime.hooks import Hooks, Start, Tell
from peppy.runtime.transport.port import Delivery, Transport, TransportError
from peppy.schema import keys
from peppy.schema.durations import SHUTDOWN_GRACE, TASK_TEARDOWN
from peppy.schema.keys import Address
from peppy.schema.leaving import Leaving, LeavingStep

SETUP_SHARE: Final = 0.5
"""Of the grace, for a `setup` that is cancelled: the rest is the hooks'."""


def teller(transport: Transport, address: Address) -> Tell:
    """Return what tells the daemon of a step; nobody listening is no error.

    It declares its way out here and now, so that nothing is declared while the node leaves.
    """
    publisher = transport.publisher(keys.leaving(address), Delivery.RELIABLE)

    def tell(leaving: Leaving) -> None:
        with suppress(TransportError):
            publisher.put(msgspec.msgpack.encode(leaving))

    return tell


def _tell_nobody(leaving: Leaving) -> None:
    del leaving


class Departure:
    """The steps of one node's end; the first of them begins the grace."""

    def __init__(
        self, hooks: Hooks | None = None, grace: float = SHUTDOWN_GRACE, tell: Tell = _tell_nobody
    ) -> None:
        self._hooks = hooks or Hooks()
        self._grace = grace
        self._tell = tell
        self._deadline: float | None = None

    def cancelling_setup(self) -> float:
        """Begin with a `setup` that still runs; return the seconds that it has to end."""
        self._begin()
        budget = self._grace * SETUP_SHARE
        self._tell(Leaving(LeavingStep.SETUP, budget=budget))
        return budget

    async def run_hooks(self, start: Start) -> None:
        """Run the hooks, each as a task that `start` starts; return when the grace is over."""
        await self._hooks.run(self._begin(), self._grace, start, self._tell)

    def ending_tasks(self) -> None:
        """Begin to tear the node's tasks down."""
        self._tell(Leaving(LeavingStep.TASKS, budget=TASK_TEARDOWN))

    def closing(self) -> None:
        """Begin to close messaging."""
        self._tell(Leaving(LeavingStep.EXIT))

    def _begin(self) -> float:
        if self._deadline is None:
            self._deadline = anyio.current_time() + self._grace
        return self._deadline
