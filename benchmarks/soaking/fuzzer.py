"""Speaks nonsense on the keys of all others: `python -m benchmarks.soaking.fuzzer PORT SEED RATE`.

What can be taken for a message of somebody's, because its attachment is long enough for an
envelope, claims one of the key's few strange publishers, each with a sequence that stands still: so
that it is counted as unreadable or mismatched, and never as a loss.
"""

import random
import sys
from collections import Counter
from typing import Any, Final

import anyio
import msgspec

from benchmarks.soaking.voice import orders, say
from benchmarks.soaking.wares import ACTION, CORE, NODE, PARCEL, PROFILES, SERVICE
from peppy.runtime.transport import exchange_header
from peppy.runtime.transport.exchange_post import inbox_of
from peppy.runtime.transport.port import Delivery, Publisher, Transport
from peppy.runtime.transport.zenoh import open_peer
from peppy.schema import envelope, keys
from peppy.schema.format_reader import parse_format
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name

TURN: Final = 0.02
"""Seconds from one handful to the next."""

FINGERPRINT: Final = parse_format(PARCEL).fingerprint()

MANY: Final = b"\xcd\x00\x05"
"""Ends the attachment of five messages that ride together."""

EXCHANGED: Final = "exchanged"
"""Keys of whatever is asked and answered; the rest are topics, by their profiles, and no-man's."""


def nested(depth: int) -> bytes:
    """Return MessagePack arrays in one another."""
    return b"\x91" * depth + b"\xc0"


class Fuzzer:
    """Ways out to the keys of all that live, and what has gone out on them."""

    def __init__(self, transport: Transport, chance: random.Random, strangers: int) -> None:
        self._transport = transport
        self._chance = chance
        self._strangers = strangers
        self._ways: dict[str, list[tuple[str, Publisher]]] = {}
        self._known: dict[tuple[str, int], int] = {}
        """The number of each strange publisher, by its key and which of the key's it is."""
        self._claimed: Counter[str] = Counter()
        """Messages under somebody's topic that look like one of a publisher's."""
        self.sent = 0

    def aim(self, targets: dict[str, str]) -> None:
        """Speak to these instances, each with its transport's identity, and to no others."""
        for run in self._ways.keys() - targets.keys():
            for _, way in self._ways.pop(run):
                way.close()
        for run in targets.keys() - self._ways.keys():
            found = _keys_of(run, targets[run], self._chance)
            self._ways[run] = [
                (kind, self._transport.publisher(key, Delivery.RELIABLE)) for kind, key in found
            ]

    def speak(self) -> None:
        """Send one piece of nonsense to somebody."""
        if not self._ways:
            return
        run = self._chance.choice(list(self._ways))
        kind, way = self._chance.choice(self._ways[run])
        label = self._label(kind, way.key)
        payload = self._payload()
        if label.endswith(MANY):
            payload = nested(20)  # more than it says would be counted as more
        if kind in PROFILES and len(label) >= envelope.SIZE:
            number = envelope.number_in(label[envelope.SIZE :])
            self._claimed[f"{kind} {run}"] += number
        way.put(payload, label)
        self.sent += 1

    def call_the_roll(self) -> dict[str, Any]:
        """Send to each key of each instance what must be counted as foreign; return how many."""
        sent: Counter[str] = Counter()
        for run, ways in self._ways.items():
            for kind, way in ways:
                way.put(self._payload(), b"\x00short")
                sent[f"{kind} {run}" if kind == EXCHANGED else kind] += 1
        return dict(sent)

    def claimed(self) -> dict[str, int]:
        return dict(self._claimed)

    def _payload(self) -> bytes:
        chance = self._chance
        match chance.randrange(6):
            case 0:
                return b""
            case 1:
                return chance.randbytes(chance.randint(1, 400))
            case 2:
                return nested(chance.choice((20, 600, 100_000)))
            case 3:
                whole = msgspec.msgpack.encode({"run": "x", "number": 1, "check": 2, "load": b"3"})
                return whole[: chance.randrange(len(whole))]
            case 4:
                return msgspec.msgpack.encode({"run": 1, "number": "one", "others": [None] * 50})
            case _:
                return chance.randbytes(chance.randint(20_000, 60_000))

    def _label(self, kind: str, key: str) -> bytes:
        chance = self._chance
        match chance.randrange(5):
            case 0:
                return b""
            case 1:
                return chance.randbytes(chance.randrange(envelope.SIZE))
            case 2 if kind == EXCHANGED:
                origin = f"{chance.getrandbits(40):x}".encode() + b" any/key" * chance.randrange(2)
                head = exchange_header.pack(
                    chance.randrange(12), chance.randrange(4000), origin, chance.randrange(3)
                )
                return head + chance.randbytes(chance.randrange(40))
            case 2:
                return nested(1000) if kind not in PROFILES else self._claim(key, 0)
            case 3 if kind in PROFILES:
                return self._claim(key, FINGERPRINT) + chance.choice((b"", MANY, b"\x91"))
            case _:
                size = chance.randrange(envelope.SIZE) if kind in PROFILES else 200
                return chance.randbytes(size)

    def _claim(self, key: str, fingerprint: int) -> bytes:
        which = key, self._chance.randrange(self._strangers)
        publisher = self._known.setdefault(which, self._chance.getrandbits(64))
        return envelope.pack(fingerprint, publisher, 7, 0)


def _keys_of(run: str, identity: str, chance: random.Random) -> list[tuple[str, str]]:
    address = Address(CORE, Name(NODE), InstanceId(run))
    parts: tuple[keys.ActionPart, ...] = ("goal", "cancel", "result")
    services = (keys.HEALTH_SERVICE, keys.FORMATS_SERVICE, keys.TRAFFIC_SERVICE)
    return [
        *((profile, keys.topic(address, profile)) for profile in PROFILES),
        (EXCHANGED, keys.service(address, SERVICE)),
        (EXCHANGED, inbox_of(identity)),
        *((EXCHANGED, keys.action(part, ACTION, address)) for part in parts),
        *((EXCHANGED, keys.instance_service(address, service)) for service in services),
        ("leave", keys.action("leave", ACTION, address)),
        ("credit", keys.credit(chance.getrandbits(64))),
        ("taker", keys.taker("reliable", NODE, None, None, f"held-{identity}-0")),
        ("feedback", f"peppy/feedback/{identity}/{ACTION}/{NODE}/{CORE}/{run}"),
    ]


async def live(port: int, seed: int, rate: float, strangers: int) -> None:
    """Speak until the conductor hangs up."""
    transport = await open_peer("127.0.0.1", port)
    fuzzer = Fuzzer(transport, random.Random(seed), strangers)
    speaking = True

    async def speak() -> None:
        while True:
            await anyio.sleep(TURN)
            if speaking:
                for _ in range(max(1, round(rate * TURN))):
                    fuzzer.speak()

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(speak)
            say(ready="fuzzer", identity=transport.identity)
            async for order in orders():
                match order["order"]:
                    case "others":
                        fuzzer.aim(order["targets"])
                    case "quiet":
                        speaking = False
                        say(quiet=True, claimed=fuzzer.claimed(), sent=fuzzer.sent)
                    case "roll":
                        say(roll=fuzzer.call_the_roll())
                    case _:
                        continue
            tasks.cancel_scope.cancel()
    finally:
        await transport.close()


def main() -> None:
    port, seed, rate, strangers = sys.argv[1:]
    anyio.run(live, int(port), int(seed), float(rate), int(strangers), backend="trio")


if __name__ == "__main__":
    main()
