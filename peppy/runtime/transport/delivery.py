"""What every publisher does on the sender's own loop, whatever the wire."""

from collections.abc import Callable
from typing import Any

from peppy.runtime.transport.loops import give_way
from peppy.runtime.transport.port import Closed, Publisher, Sample
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


class DeclaredPublisher(Publisher):
    """A publisher with its key, which takes messages until it has ended."""

    def __init__(self, key: str, forget: Callable[[Any], None]) -> None:
        self._key = key
        self._forget = forget
        self._closed = False
        self._turns = Turns()

    @property
    def key(self) -> str:
        """The key of every message."""
        return self._key

    def close(self) -> None:
        """Take no more messages, and be forgotten by the transport."""
        self._closed = True
        self._forget(self)

    def _check(self) -> None:
        if self._closed:
            raise Closed(f"the publisher of '{self._key}'")


async def room_in_all(listening: Callable[[], tuple[Ring[Sample], ...]]) -> None:
    """Return once no ring that listens at that moment is full, with nothing awaited in between."""
    while (full := next((ring for ring in listening() if ring.full), None)) is not None:
        await full.room()


def push_to_all(rings: tuple[Ring[Sample], ...], sample: Sample) -> None:
    """Hand `sample` to rings that have room, and resume who waits for it."""
    for ring in rings:
        ring.push(sample)
        ring.wake()
