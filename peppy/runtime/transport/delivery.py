"""How a message reaches the rings of the sender's own loop."""

from collections.abc import Callable

from peppy.runtime.transport.loops import give_way
from peppy.runtime.transport.port import Sample
from peppy.runtime.transport.ring import TURN, Ring


class Turns:
    """Lets a task that sends without ever having to wait give way now and then."""

    def __init__(self) -> None:
        self._in_a_row = 0

    async def next(self) -> None:
        """Count one message; every so often, let other tasks run."""
        self._in_a_row += 1
        if self._in_a_row >= TURN:
            self._in_a_row = 0
            await give_way()


async def room_in_all(listening: Callable[[], tuple[Ring[Sample], ...]]) -> None:
    """Return once no ring that listens at that moment is full, with nothing awaited in between."""
    while (full := next((ring for ring in listening() if ring.full), None)) is not None:
        await full.room()


def push_to_all(rings: tuple[Ring[Sample], ...], sample: Sample) -> None:
    """Hand `sample` to rings that have room, and resume who waits for it."""
    for ring in rings:
        ring.push(sample)
        ring.wake()
