"""A message goes out at once; in a flood, and only there, messages ride together."""

import itertools
from collections.abc import Iterator
from time import time_ns
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from peppy.runtime.credit import MOST
from peppy.runtime.outlet import ALONE, LARGEST_TOGETHER, Outlet
from peppy.runtime.topics import EmittedTopic
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.runtime.transport.port import Backlog, Closed, Sample
from peppy.runtime.transport.ring import TURN
from peppy.runtime.unfit import UnfitValue
from peppy.schema import envelope
from peppy.schema.traffic import EndKind
from tests.runtime.memory_nodes import BACKENDS, runner_on
from tests.runtime.topic_ends import (
    FINGERPRINT,
    TOPIC,
    Item,
    consumed,
    emitted,
    numbers_in,
    run_on,
)

FLOOD = 10 * TURN


@pytest.fixture(autouse=True)
def flooding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have whatever follows without a turn in between be a flood, however slow this machine is."""
    monkeypatch.setattr("peppy.runtime.outlet.PAUSE", 10**18)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Wire:
    """A node that emits, and somebody who sees what that puts on the wire."""

    def __init__(self, qos: str = "reliable") -> None:
        network = MemoryNetwork()
        self.network = network
        self.here = runner_on(network)
        self.topic: EmittedTopic[Item] = emitted(qos)
        self._seen: Backlog[Any] = MemoryTransport(network).subscribe(
            f"peppy/topic/{TOPIC}/**", capacity=100_000
        )

    async def outlet(self) -> Outlet:
        return await self.topic.outlet(self.here)

    async def emit(self, numbers: range, load: bytes = b"") -> None:
        for number in numbers:
            await self.topic.emit(self.here, number, load)

    def samples(self) -> Iterator[Sample]:
        while (sample := self._seen.receive_nowait()) is not None:
            yield sample

    def seen(self) -> list[list[int]]:
        """Return the numbers of the items in each sample since the last look."""
        return [numbers_in(sample.payload, sample.attachment) for sample in self.samples()]


def test_a_burst_of_a_few_goes_out_one_by_one_and_at_once(backend: str) -> None:
    async def main() -> None:
        wire = Wire()
        await wire.emit(range(ALONE))
        assert wire.seen() == [[number] for number in range(ALONE)]

    run_on(backend, main)


def test_in_a_flood_messages_ride_together_in_order_and_none_is_missing(backend: str) -> None:
    async def main() -> None:
        wire = Wire()
        await wire.emit(range(FLOOD))
        (await wire.outlet()).flush()
        seen = wire.seen()
        assert list(itertools.chain(*seen)) == list(range(FLOOD))
        assert len(seen) < FLOOD / 10 + ALONE
        assert max(len(numbers) for numbers in seen) <= TURN

    run_on(backend, main)


@pytest.mark.parametrize("qos", ["standard", "sensor_data"])
def test_on_topics_that_may_lose_every_message_goes_by_itself(backend: str, qos: str) -> None:
    async def main() -> None:
        wire = Wire(qos)
        await wire.emit(range(FLOOD))
        assert wire.seen() == [[number] for number in range(FLOOD)]

    run_on(backend, main)


def test_what_rides_together_goes_out_as_soon_as_the_task_gives_way(backend: str) -> None:
    async def main() -> None:
        wire = Wire()
        await wire.emit(range(ALONE + 10))
        before = list(itertools.chain(*wire.seen()))
        assert len(before) < ALONE + 10
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        assert before + list(itertools.chain(*wire.seen())) == list(range(ALONE + 10))

    run_on(backend, main)


def test_what_rides_together_goes_out_before_the_sender_waits_for_room(backend: str) -> None:
    async def main() -> None:
        wire = Wire()
        async with consumed().subscribe(runner_on(wire.network, "viewer", "viewer")):
            seen: list[int] = []
            async with anyio.create_task_group() as group:
                group.start_soon(wire.emit, range(2 * MOST))
                while len(seen) < MOST:  # it must get there, though the sender waits after that
                    await anyio.lowlevel.checkpoint()
                    seen += itertools.chain(*wire.seen())
                await anyio.wait_all_tasks_blocked()
                seen += itertools.chain(*wire.seen())
                group.cancel_scope.cancel()
            assert seen == list(range(MOST))

    run_on(backend, main)


def test_what_rides_together_goes_out_at_close(backend: str) -> None:
    async def main() -> None:
        wire = Wire()
        await wire.emit(range(ALONE + 10))
        wire.here.close()
        assert list(itertools.chain(*wire.seen())) == list(range(ALONE + 10))

    run_on(backend, main)


@pytest.mark.parametrize("size", [LARGEST_TOGETHER + 1, 5000])
def test_a_larger_message_goes_by_itself_and_after_those_before_it(backend: str, size: int) -> None:
    async def main() -> None:
        wire = Wire()
        await wire.emit(range(ALONE + 10))
        await wire.emit(range(ALONE + 10, ALONE + 12), bytes(size))
        await wire.emit(range(ALONE + 12, ALONE + 20))
        (await wire.outlet()).flush()
        seen = wire.seen()
        assert list(itertools.chain(*seen)) == list(range(ALONE + 20))
        assert [ALONE + 10] in seen
        assert [ALONE + 11] in seen

    run_on(backend, main)


def test_the_envelopes_number_every_message_however_it_travels(backend: str) -> None:
    async def main() -> None:
        wire = Wire()
        started = time_ns()
        await wire.emit(range(FLOOD))
        (await wire.outlet()).flush()
        expected, publishers = 0, set[int]()
        for sample in wire.samples():
            label = envelope.unpack(sample.attachment)
            assert label is not None
            assert label.sequence == expected
            assert label.fingerprint == FINGERPRINT
            assert started <= label.sent_at <= time_ns()
            publishers.add(label.publisher)
            expected += envelope.number_in(sample.attachment[envelope.SIZE :])
        assert expected == FLOOD
        assert len(publishers) == 1

    run_on(backend, main)


@pytest.mark.parametrize("qos", ["reliable", "standard"])
def test_a_value_that_does_not_fit_leaves_no_gap(backend: str, qos: str) -> None:
    async def main() -> None:
        wire = Wire(qos)
        for number in range(0, 100, 2):
            await wire.topic.emit(wire.here, number, b"")
            with pytest.raises(UnfitValue, match="'number' is a u32"):
                await wire.topic.emit(wire.here, -1, b"")
        outlet = await wire.outlet()
        outlet.flush()
        assert list(itertools.chain(*wire.seen())) == list(range(0, 100, 2))
        assert outlet.sequence == 50

    run_on(backend, main)


@pytest.mark.parametrize("qos", ["reliable", "critical", "standard", "sensor_data"])
def test_an_emit_that_is_cancelled_has_sent_nothing(backend: str, qos: str) -> None:
    async def main() -> None:
        wire = Wire(qos)
        sent: list[int] = []
        for number in range(5 * TURN):
            with anyio.CancelScope() as scope:
                scope.cancel()
                await wire.topic.emit(wire.here, number, b"")
                sent.append(number)
        await wire.emit(range(1000, 1003))
        outlet = await wire.outlet()
        outlet.flush()
        assert list(itertools.chain(*wire.seen())) == [*sent, 1000, 1001, 1002]
        assert outlet.sequence == len(sent) + 3

    run_on(backend, main)


def test_whoever_emits_without_end_leaves_others_their_turn(backend: str) -> None:
    async def main() -> None:
        wire, turns = Wire("standard"), 0

        async def other() -> None:
            nonlocal turns
            for _ in range(10):
                await anyio.lowlevel.checkpoint()
                turns += 1

        async with anyio.create_task_group() as group:
            group.start_soon(other)
            while turns < 10:
                await wire.emit(range(1))

    run_on(backend, main)


@pytest.mark.parametrize("qos", ["reliable", "standard"])
def test_what_went_out_is_counted(backend: str, qos: str) -> None:
    async def main() -> None:
        wire = Wire(qos)
        await wire.emit(range(100), b"abc")
        await wire.emit(range(2), bytes(10_000))
        outlet = await wire.outlet()
        traffic = outlet.traffic()
        one = 3 + len(b"\x82\xa6number\x00\xa4load\xc4\x03")
        assert (traffic.kind, traffic.name) == (EndKind.PUBLISHER, TOPIC)
        assert (traffic.messages, traffic.bytes) == (102, 100 * one + 2 * 10_000)
        assert wire.here.traffic().ends == (traffic,)

    run_on(backend, main)


def test_emitting_ends_with_the_connection_within_a_turn(backend: str) -> None:
    async def main() -> None:
        wire = Wire()
        await wire.emit(range(ALONE + 2))
        await wire.here.transport.close()
        with pytest.raises(Closed):
            await wire.emit(range(TURN))

    run_on(backend, main)


def test_it_is_known_whether_somebody_listens(backend: str) -> None:
    async def main() -> None:
        here = runner_on(MemoryNetwork())
        outlet = await emitted("standard").outlet(here)
        assert not outlet.matched()
        async with consumed(qos="standard").subscribe(here):
            assert outlet.matched()
        assert not outlet.matched()

    run_on(backend, main)
