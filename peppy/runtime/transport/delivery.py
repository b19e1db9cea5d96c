"""What every publisher does on the sender's own loop, whatever the wire."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from peppy.runtime.transport.handover import Sink
from peppy.runtime.transport.loops import give_way
from peppy.runtime.transport.port import (
    LARGEST_PAYLOAD,
    Closed,
    Payload,
    Publisher,
    Sample,
    TooLarge,
)
from peppy.runtime.transport.ring import TURN


class DeclaredPublisher(Publisher):
    """A publisher with its key, which takes messages until it has ended."""

    def __init__(self, key: str, forget: Callable[[Any], None]) -> None:
        self._key = key
        self._forget = forget
        self._closed = False
        self._in_a_row = 0

    @property
    def key(self) -> str:
        """The key of every message."""
        return self._key

    async def send(self, payload: Payload, attachment: bytes = b"") -> None:
        """Hand over one message; every so often, let other tasks run before it."""
        self._in_a_row += 1
        if self._in_a_row >= TURN:
            self._in_a_row = 0
            await give_way()
        self.put(payload, attachment)

    def put(self, payload: Payload, attachment: bytes = b"") -> None:
        """Hand over one message."""
        if self._closed:
            raise Closed(f"the publisher of '{self._key}'")
        if len(payload) > LARGEST_PAYLOAD:
            raise TooLarge(self._key, len(payload))
        self._hand_over(payload, attachment)

    @abstractmethod
    def _hand_over(self, payload: Payload, attachment: bytes) -> None:
        """Give a message that is fine to the wire."""

    def close(self) -> None:
        """Take no more messages, and be forgotten by the transport."""
        self._closed = True
        self._forget(self)


def push_to_all(sinks: tuple[Sink, ...], sample: Sample) -> None:
    """Hand `sample` to sinks of this very loop, and have each look at it."""
    for sink in sinks:
        sink.push(sample)
        sink.wake()
