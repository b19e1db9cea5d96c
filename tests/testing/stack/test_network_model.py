"""Whatever the conditions are and however they change: what must arrive does, once and in order."""

import math
from random import Random

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from peppy.runtime.transport.port import Delivery, Publisher, Sample, Transport
from peppy.testing.stack.network import Conditions, EmbeddedNetwork
from peppy.testing.stack.seeds import run_seeded

NAMES = ("a", "b", "c")
KEYS = ("k/0", "k/1")

Heard = dict[tuple[str, str, str], list[int]]
"""By sender, key and receiver."""


class Life:
    """Three who send to one another, and what is done to the network meanwhile."""

    def __init__(self, seed: int, detection: float) -> None:
        self.random = Random(seed)
        self.network = EmbeddedNetwork(self.random, self._conditions(), detection=detection)
        self.heard: Heard = {}
        self.sent: dict[tuple[str, str], list[int]] = {}
        self.transports = {name: self.network.transport(name) for name in NAMES}
        self.publishers: list[tuple[str, str, Publisher]] = []
        for name, transport in self.transports.items():
            self._join(name, transport)

    def _join(self, name: str, transport: Transport) -> None:
        def hear(sample: Sample) -> None:
            sender, number = sample.payload.decode().split()
            self.heard.setdefault((sender, sample.key, name), []).append(int(number))

        transport.listen("k/*", hear)
        for key in KEYS:
            delivery = self.random.choice([Delivery.RELIABLE, Delivery.URGENT])
            self.publishers.append((name, key, transport.publisher(key, delivery)))

    def _conditions(self) -> Conditions:
        random = self.random
        if random.random() < 0.3:
            return Conditions()
        shortest = random.choice([0.0, random.uniform(0, 0.1)])
        return Conditions(
            latency=(shortest, shortest + random.choice([0.0, random.uniform(0, 0.5)])),
            loss=random.random(),
            duplication=random.random(),
            reordering=random.random(),
        )

    async def live(self) -> None:
        random, network = self.random, self.network
        for number in range(120):
            for _ in range(random.randrange(3)):
                self._send(number)
            self._happen()
            if random.random() < 0.6:
                await trio.sleep(random.choice([0.0, random.uniform(0.0, 0.3)]))
        network.heal()
        for name in NAMES:
            network.thaw(name)
        await trio.sleep(60)

    def _send(self, number: int) -> None:
        sender, key, publisher = self.random.choice(self.publishers)
        numbers = self.sent.setdefault((sender, key), [])
        numbers.append(len(numbers))
        publisher.put(f"{sender} {numbers[-1]}".encode())
        if number % 7 == 0:
            self.transports[sender].announce(f"from/{sender}/{number}")

    def _happen(self) -> None:
        random, network = self.random, self.network
        match random.randrange(12):
            case 0:
                network.conditions = self._conditions()
            case 1:
                one, other = random.sample(NAMES, 2)
                network.between(one, other, self._conditions())
            case 2 | 3:
                network.freeze(random.choice(NAMES))
            case 4 | 5 | 6:
                network.thaw(random.choice(NAMES))
            case 7:
                network.part(*[{name} for name in random.sample(NAMES, 2)])
            case 8 | 9:
                network.heal()
            case _:
                pass

    async def views(self) -> list[list[str]]:
        """Return what each has learned of the announcements of all."""
        found: list[list[str]] = []
        for transport in self.transports.values():
            watch = transport.watch("from/**")
            keys: list[str] = []
            while (presence := watch.receive_nowait()) is not None:
                keys.append(presence.key)
            found.append(sorted(keys))
        return found


def lived(seed: int, detection: float) -> tuple[Life, list[list[str]]]:
    async def main() -> tuple[Life, list[list[str]]]:
        life = Life(seed, detection)
        await life.live()
        return life, await life.views()

    return run_seeded(main, seed)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_what_must_arrive_does_once_and_in_order_unless_it_is_given_up(seed: int) -> None:
    life, _ = lived(seed, math.inf)
    for (sender, key), numbers in life.sent.items():
        for receiver in NAMES:
            assert life.heard[sender, key, receiver] == numbers


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_after_any_partition_all_see_what_all_announce_and_nothing_came_twice(seed: int) -> None:
    life, views = lived(seed, 1.0)
    there = sorted(key for seat in life.network.seats for key in seat.notices.keys)
    assert views == [there, there, there]
    for numbers in life.heard.values():
        assert numbers == sorted(set(numbers))
