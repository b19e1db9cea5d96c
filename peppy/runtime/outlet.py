"""The way out of one emitted topic: a declared publisher and the sequence of what went through."""

import secrets

from peppy.runtime.transport.port import Publisher
from peppy.schema import envelope


class Outlet:
    """One publisher of one node, kept between its calls."""

    def __init__(self, publisher: Publisher, fingerprint: int) -> None:
        self._publisher = publisher
        self._fingerprint = fingerprint
        self._number = secrets.randbits(64)
        self._sequence = 0

    async def send(self, payload: bytes) -> None:
        """Publish one payload under its envelope; raise `TransportError` if the wire refuses."""
        sequence = self._sequence
        self._sequence = sequence + 1
        try:
            await self._publisher.send(
                payload, envelope.pack(self._fingerprint, self._number, sequence)
            )
        except BaseException:
            # Nothing was sent: without this, consumers would report a loss that never was.
            if self._sequence == sequence + 1:
                self._sequence = sequence
            raise
