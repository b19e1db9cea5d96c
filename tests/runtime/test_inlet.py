"""What arrives comes out one by one, in order; what is wrong is counted by sender, never raised."""

import anyio
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from peppy.runtime.credit import BEGINNING, MOST, Takings
from peppy.runtime.inlet import MOST_PUBLISHERS, Inlet
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.runtime.transport.port import Closed
from peppy.schema import envelope, keys
from peppy.schema.traffic import EndKind, EndTraffic, PeerTraffic
from tests.runtime.memory_nodes import BACKENDS
from tests.runtime.topic_ends import (
    FINGERPRINT,
    KEY,
    TOPIC,
    Item,
    Source,
    inlet_on,
    only_peer,
    packed,
    run_on,
)

OTHER = FINGERPRINT ^ 1

WRONG = msgspec.msgpack.encode({"number": "three", "load": b""})


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def drain(inlet: Inlet[Item]) -> list[int]:
    """Return the numbers of all that is there, and close."""
    inlet.close()
    got: list[int] = []
    while True:
        try:
            got.append((await inlet.next())[1].number)
        except Closed:
            return got


def test_messages_that_rode_together_come_out_one_by_one_and_in_order(backend: str) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        inlet, source = inlet_on(network), Source(network)
        source.one(packed(0))
        source.many([packed(number) for number in range(1, 200)])
        source.one(packed(200))
        assert inlet.traffic().waiting == 3
        assert [await inlet.next() for _ in range(2)] == [
            ("front", Item(0, b"")),
            ("front", Item(1, b"")),
        ]
        assert await drain(inlet) == list(range(2, 201))
        traffic = inlet.traffic()
        assert (traffic.kind, traffic.name) == (EndKind.SUBSCRIBER, TOPIC)
        assert (traffic.messages, traffic.waiting, traffic.dropped) == (201, 0, 0)
        assert only_peer(traffic).lost == 0

    run_on(backend, main)


def test_those_that_rode_together_leave_other_tasks_their_turn(backend: str) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        inlet, source = inlet_on(network), Source(network)
        source.many([packed(number) for number in range(500)])
        seen: list[int] = []

        async def look() -> None:
            seen.append(inlet.traffic().waiting)

        async with anyio.create_task_group() as group:
            group.start_soon(look)
            for _ in range(500):
                await inlet.next()
            assert seen
            assert seen[0] > 0

    run_on(backend, main)


def test_their_sender_is_told_of_all_that_rode_together(backend: str) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        taker = MemoryTransport(network)
        told = taker.subscribe(keys.credit(1))
        takings = Takings(taker, keys.taker(TOPIC, None, None, None, "held-1"))
        inlet, source = inlet_on(network, takings=takings), Source(network)
        source.many([packed(number) for number in range(MOST)])
        answers = MemoryTransport(network).publisher(keys.beginning("held-1"))
        async with anyio.create_task_group() as group:
            group.start_soon(inlet.next)
            assert (await told.receive()).payload == b""
            answers.put(BEGINNING.pack(1, MOST))
        assert (await told.receive()).payload == MOST.to_bytes(8, "little")
        inlet.close()

    run_on(backend, main)


def test_of_those_that_rode_together_only_the_wrong_ones_are_skipped(
    backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        inlet, source = inlet_on(network), Source(network)
        source.many([WRONG, packed(0), WRONG, packed(1), msgspec.msgpack.encode(7), packed(2)])
        source.many([WRONG])
        source.one(packed(3))
        assert await drain(inlet) == [0, 1, 2, 3]
        peer = only_peer(inlet.traffic())
        assert (peer.messages, peer.unreadable, peer.lost) == (4, 4, 0)

    run_on(backend, main)
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("payload", [b"", b"\xc1", packed(1), b"\xdc\xff\xff" + packed(1), b"\x93"])
def test_what_should_be_several_messages_and_is_no_array_counts_as_unreadable(
    backend: str, payload: bytes
) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        inlet, source = inlet_on(network), Source(network)
        source.raw(payload, source.label() + envelope.number_of([b""] * 3))
        source.sequence = 3
        source.one(packed(3))
        assert await drain(inlet) == [3]
        peer = only_peer(inlet.traffic())
        assert (peer.messages, peer.unreadable, peer.lost) == (1, 3, 0)

    run_on(backend, main)


def test_what_is_missing_in_a_sequence_is_lost_and_said_once(
    backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        inlet, source = inlet_on(network), Source(network)
        source.sequence = 100  # who comes later has missed nothing
        source.one(packed(0))
        source.sequence += 3
        source.one(packed(1))
        source.sequence += 4
        source.many([packed(2), packed(3)])
        source.one(packed(4))
        assert await drain(inlet) == [0, 1, 2, 3, 4]
        assert only_peer(inlet.traffic()).lost == 7

    run_on(backend, main)
    (line,) = capsys.readouterr().err.splitlines()
    assert f"topic '{TOPIC}': 3 messages of 'front' were lost" in line


def test_where_gaps_do_not_matter_they_are_counted_and_not_said(
    backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        inlet, source = inlet_on(network, gaps_matter=False), Source(network)
        source.one(packed(0))
        source.sequence += 3
        source.one(packed(1))
        assert await drain(inlet) == [0, 1]
        assert only_peer(inlet.traffic()).lost == 3

    run_on(backend, main)
    assert not capsys.readouterr().err


def test_another_format_is_told_once_and_each_of_its_messages_is_counted(backend: str) -> None:
    told: list[tuple[str, int]] = []

    def tell(key: str, fingerprint: int) -> None:
        told.append((key, fingerprint))

    async def main() -> None:
        network = MemoryNetwork()
        inlet = inlet_on(network, on_mismatch=tell)
        source = Source(network)
        source.one(packed(0), OTHER)
        source.many([packed(0), packed(0)], OTHER)
        source.one(packed(1))
        source.one(packed(0), OTHER)
        assert await drain(inlet) == [1]
        peer = only_peer(inlet.traffic())
        assert (peer.messages, peer.mismatched, peer.unreadable, peer.lost) == (1, 4, 0, 0)

    run_on(backend, main)
    assert told == [(KEY, OTHER)]


def test_everything_is_counted_by_sender_and_a_restarted_one_is_the_same(backend: str) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        inlet = inlet_on(network)
        front, rear = Source(network), Source(network, KEY.replace("front", "rear"), 2)
        again = Source(network, publisher=3)
        front.one(packed(0))
        front.sequence += 1
        front.one(WRONG)
        rear.many([packed(1), packed(2)])
        again.one(packed(3))
        again.sequence += 2
        again.one(packed(4), OTHER)
        assert await drain(inlet) == [0, 1, 2, 3, 4][:4]
        size = len(packed(0))
        assert {peer.instance_id: peer for peer in inlet.traffic().peers} == {
            "front": PeerTraffic(
                instance_id="front",
                messages=2,
                bytes=2 * size,
                lost=3,
                unreadable=1,
                mismatched=1,
            ),
            "rear": PeerTraffic(instance_id="rear", messages=2, bytes=2 * size + 3),
        }

    run_on(backend, main)


def test_more_publishers_than_are_followed_lose_no_count(backend: str) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        inlet = inlet_on(network)
        for publisher in range(MOST_PUBLISHERS + 10):
            source = Source(network, publisher=publisher)
            source.one(packed(publisher))
            source.sequence += 1
            source.one(packed(publisher))
        assert len(await drain(inlet)) == 2 * (MOST_PUBLISHERS + 10)
        peer = only_peer(inlet.traffic())
        assert (peer.messages, peer.lost) == (2 * (MOST_PUBLISHERS + 10), MOST_PUBLISHERS + 10)

    run_on(backend, main)


@pytest.mark.parametrize("attachment", [b"", b"foreign", bytes(envelope.SIZE - 1)])
def test_what_has_no_envelope_is_foreign(
    backend: str, attachment: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        inlet, source = inlet_on(network), Source(network)
        for _ in range(3):
            source.raw(packed(9), attachment)
        source.one(packed(0))
        assert await drain(inlet) == [0]
        traffic = inlet.traffic()
        assert (traffic.foreign, traffic.messages, len(traffic.peers)) == (3, 1, 1)

    run_on(backend, main)
    (line,) = capsys.readouterr().err.splitlines()
    assert "'front'" in line


def test_delays_are_collected_only_where_somebody_asks(backend: str) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        inlet, source = inlet_on(network), Source(network)
        source.one(packed(0))
        await inlet.next()
        assert inlet.delays is None
        inlet.delays = []
        source.one(packed(1))
        await inlet.next()
        assert len(inlet.delays) == 1
        assert inlet.delays[0] > 0

    run_on(backend, main)


DEEP = b"\x91" * 50_000

NUMBERS = st.sampled_from([0, 1, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1)

LABELS = st.one_of(
    st.binary(max_size=80),
    st.tuples(
        st.builds(envelope.pack, st.just(FINGERPRINT) | NUMBERS, NUMBERS, NUMBERS, NUMBERS),
        st.one_of(
            st.just(b""),
            st.binary(max_size=20),
            st.integers(0, 65_535).map(lambda number: b"\xcd" + number.to_bytes(2, "big")),
            st.sampled_from([b"\x80", b"\x93\xa4load\xc0\x80", b"\x93\xa4load\xc0" + DEEP, DEEP]),
        ),
    ).map(b"".join),
)

PAYLOADS = st.one_of(
    st.binary(max_size=80),
    st.sampled_from([packed(1), packed(1)[:-1], packed(1) + b"\x00", WRONG, DEEP]),
    st.lists(st.sampled_from([packed(1), WRONG, b"\xc1", DEEP]), max_size=3).map(envelope.joined),
)


def summed(traffic: EndTraffic) -> int:
    peers = traffic.peers
    return traffic.foreign + sum(it.messages + it.unreadable + it.mismatched for it in peers)


@pytest.mark.parametrize("held_back", [False, True])
@given(st.lists(st.tuples(PAYLOADS, LABELS), min_size=1, max_size=5))
@example([(packed(1), envelope.pack(FINGERPRINT, 1, 2**64 - 1, 0) + b"\xcd\xff\xff")])
@example([(packed(1), envelope.pack(FINGERPRINT, 1, 0, 0) + b"\xcd\x00\x00")])
@example([(envelope.joined([]), envelope.pack(FINGERPRINT, 1, 0, 0) + b"\xcd\x00\x09")])
def test_garbage_of_every_kind_is_counted_and_nothing_is_raised(
    held_back: bool, samples: list[tuple[bytes, bytes]]
) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        takings = None
        if held_back:
            taker = keys.taker(TOPIC, None, None, None, "held-1")
            takings = Takings(MemoryTransport(network), taker)
        inlet, source = inlet_on(network, takings=takings), Source(network, publisher=77)
        for payload, attachment in samples:
            before = summed(inlet.traffic())
            source.raw(payload, attachment)
            source.one(packed(424_242))
            while (await inlet.next())[1].number != 424_242:
                pass
            assert summed(inlet.traffic()) >= before + 2

    run_on("asyncio", main)
