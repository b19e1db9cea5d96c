"""A topic, both its ends, and how to look at what travels between them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import anyio
import msgspec

from peppy.runtime.codec import Codec
from peppy.runtime.inlet import Inlet
from peppy.runtime.topics import ConsumedTopic, EmittedTopic
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.runtime.transport.port import Backlog, Publisher
from peppy.schema import envelope, keys
from peppy.schema.format_reader import parse_format
from peppy.schema.traffic import EndTraffic, PeerTraffic

TOPIC: Final = "items"

KEY: Final = f"peppy/topic/{TOPIC}/camera/core/front"

DEADLINE: Final = 20.0
"""Seconds after which a test has failed."""


@dataclass(slots=True)
class Item:
    """A number to know it by, and something that has a weight."""

    number: int
    load: bytes


FORMAT: Final = {"number": "u32", "load": "bytes"}
FINGERPRINT: Final = parse_format(FORMAT).fingerprint()
CODEC: Final = Codec(f"topic '{TOPIC}'", parse_format(FORMAT), Item)


def emitted(qos: str = "reliable") -> EmittedTopic[Item]:
    return EmittedTopic(TOPIC, qos, FORMAT, Item)


def consumed(node: str | None = "camera", qos: str = "reliable") -> ConsumedTopic[Item]:
    return ConsumedTopic(node, TOPIC, qos, FORMAT, Item)


def run_on(backend: str, main: Callable[[], Awaitable[None]]) -> None:
    """Run `main` to its end, within the deadline."""

    async def bounded() -> None:
        with anyio.fail_after(DEADLINE):
            await main()

    anyio.run(bounded, backend=backend)


def packed(number: int) -> bytes:
    """Return the payload of an item without a load."""
    return CODEC.encode(Item(number, b""))


class Source:
    """A publisher whose payloads and envelopes are what the test says."""

    def __init__(self, network: MemoryNetwork, key: str = KEY, publisher: int = 1) -> None:
        self._out: Publisher = MemoryTransport(network).publisher(key)
        self._publisher = publisher
        self.sequence = 0

    def label(self, fingerprint: int = FINGERPRINT) -> bytes:
        return envelope.pack(fingerprint, self._publisher, self.sequence, 0)

    def one(self, payload: bytes, fingerprint: int = FINGERPRINT) -> None:
        """Send one message."""
        self._out.put(payload, self.label(fingerprint))
        self.sequence += 1

    def many(self, payloads: list[bytes], fingerprint: int = FINGERPRINT) -> None:
        """Send messages together."""
        label = self.label(fingerprint) + envelope.number_of(payloads)
        self._out.put(envelope.joined(payloads), label)
        self.sequence += len(payloads)

    def raw(self, payload: bytes, attachment: bytes) -> None:
        """Send anything."""
        self._out.put(payload, attachment)


def inlet_on(network: MemoryNetwork, **options: Any) -> Inlet[Item]:
    ring: Backlog[Any] = MemoryTransport(network).subscribe(
        keys.topic_pattern(TOPIC), capacity=100_000
    )
    return Inlet(TOPIC, ring, CODEC, **options)


def only_peer(traffic: EndTraffic) -> PeerTraffic:
    (peer,) = traffic.peers
    return peer


def numbers_in(payload: bytes, attachment: bytes) -> list[int]:
    """Return the numbers of all the items in a sample."""
    rest = attachment[envelope.SIZE :]
    if not rest:
        return [msgspec.msgpack.decode(payload)["number"]]
    if envelope.number_in(rest) == 1:
        return [CODEC.decode(payload, rest).number]
    return [each["number"] for each in msgspec.msgpack.decode(payload)]
