from itertools import pairwise
from random import Random

import pytest
import trio
from trio.testing import MockClock

from peppy.runtime.transport.port import Delivery, Presence, Publisher, Sample, Transport
from peppy.schema import envelope, keys
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name
from peppy.testing.stack.network import CALM, Conditions, EmbeddedNetwork
from peppy.testing.trace import Kind, Trace

ROUGH = Conditions(latency=(0.001, 0.01), loss=0.3, duplication=0.3, reordering=0.3)


def network(conditions: Conditions = CALM, seed: int = 1) -> EmbeddedNetwork:
    return EmbeddedNetwork(Random(seed), conditions)


class Hearing:
    """What one participant hears, and when."""

    def __init__(self, transport: Transport, pattern: str = "k") -> None:
        self.heard: list[int] = []
        self.at: list[float] = []
        transport.listen(pattern, self._hear)

    def _hear(self, sample: Sample) -> None:
        self.heard.append(int(sample.payload))
        self.at.append(trio.current_time())


def put(publisher: Publisher, count: int) -> None:
    for number in range(count):
        publisher.put(b"%d" % number)


async def heard_of(
    conditions: Conditions, delivery: Delivery = Delivery.STANDARD, seed: int = 1
) -> list[int]:
    """Return what arrives of two hundred messages that are sent one millisecond apart."""
    net = network(conditions, seed)
    sender, hearing = net.transport("a"), Hearing(net.transport("b"))
    publisher = sender.publisher("k", delivery)
    for number in range(200):
        publisher.put(b"%d" % number)
        await trio.sleep(0.001)
    await trio.sleep(10)
    return hearing.heard


async def test_what_its_sender_does_to_a_buffer_afterwards_does_not_change_a_message() -> None:
    net = network()
    heard: list[bytes] = []
    net.transport("b").listen("k", lambda sample: heard.append(sample.payload))
    buffer = bytearray(b"before")
    net.transport("a").publisher("k").put(buffer)
    buffer[:] = b"after!"
    assert heard == [b"before"]


async def test_on_a_calm_network_a_message_is_there_before_its_sender_goes_on() -> None:
    net = network()
    hearing = Hearing(net.transport("b"))
    put(net.transport("a").publisher("k"), 3)
    assert hearing.heard == [0, 1, 2]


async def test_each_message_takes_a_time_within_the_latency(autojump_clock: MockClock) -> None:
    net = network(Conditions(latency=(0.2, 0.5)))
    sender, hearing = net.transport("a"), Hearing(net.transport("b"))
    began = trio.current_time()
    sender.publisher("k").put(b"0")
    await trio.sleep(0.19)
    assert hearing.heard == []
    await trio.sleep(0.32)
    assert 0.2 <= hearing.at[0] - began <= 0.5


async def test_latency_alone_loses_nothing_and_keeps_the_order(autojump_clock: MockClock) -> None:
    conditions = Conditions(latency=(0.0, 1.0))
    assert await heard_of(conditions, Delivery.SENSOR) == list(range(200))


async def test_what_may_be_dropped_is_lost_about_as_often_as_said(
    autojump_clock: MockClock,
) -> None:
    heard = await heard_of(Conditions(loss=0.25))
    assert 120 < len(heard) < 180
    assert heard == sorted(set(heard))


async def test_what_may_be_dropped_comes_twice_about_as_often_as_said(
    autojump_clock: MockClock,
) -> None:
    heard = await heard_of(Conditions(duplication=0.25))
    assert sorted(set(heard)) == list(range(200))
    assert 230 < len(heard) < 270


async def test_disorder_puts_messages_behind_later_ones_and_loses_none(
    autojump_clock: MockClock,
) -> None:
    heard = await heard_of(Conditions(reordering=0.25))
    assert sorted(heard) == list(range(200))
    assert 20 < sum(later < earlier for earlier, later in pairwise(heard)) < 80


@pytest.mark.parametrize("delivery", [Delivery.RELIABLE, Delivery.URGENT])
async def test_what_must_arrive_comes_once_and_in_order_whatever_the_conditions(
    autojump_clock: MockClock, delivery: Delivery
) -> None:
    assert await heard_of(ROUGH, delivery) == list(range(200))


async def test_a_lost_message_that_must_arrive_is_sent_again(autojump_clock: MockClock) -> None:
    net = network(Conditions(loss=1.0, retransmission=0.2))
    sender, hearing = net.transport("a"), Hearing(net.transport("b"))
    began = trio.current_time()
    sender.publisher("k", Delivery.RELIABLE).put(b"0")
    await trio.sleep(1)
    assert hearing.at == [pytest.approx(began + 0.2)]


async def test_one_seed_is_one_fate_and_another_is_another(autojump_clock: MockClock) -> None:
    first = await heard_of(ROUGH, seed=1)
    assert await heard_of(ROUGH, seed=1) == first
    assert await heard_of(ROUGH, seed=2) != first


async def test_conditions_hold_between_those_for_whom_they_are_set(
    autojump_clock: MockClock,
) -> None:
    net = network()
    net.between("a", "b", Conditions(loss=1.0))
    sender, near, far = net.transport("a"), net.transport("b"), net.transport("c")
    parted, whole, own = Hearing(near), Hearing(far), Hearing(sender)
    publisher = sender.publisher("k")
    put(publisher, 3)
    assert (parted.heard, whole.heard, own.heard) == ([], [0, 1, 2], [0, 1, 2])
    net.between("a", "b", None)
    put(publisher, 3)
    assert parted.heard == [0, 1, 2]


async def test_who_sends_to_itself_has_no_network_in_between() -> None:
    net = network(Conditions(latency=(1.0, 1.0), loss=1.0))
    alone = net.transport("a")
    hearing = Hearing(alone)
    put(alone.publisher("k"), 2)
    assert hearing.heard == [0, 1]


async def test_what_is_under_way_keeps_its_place_when_the_network_becomes_calm(
    autojump_clock: MockClock,
) -> None:
    net = network(Conditions(latency=(0.1, 0.1)))
    sender, hearing = net.transport("a"), Hearing(net.transport("b"))
    publisher = sender.publisher("k")
    publisher.put(b"0")
    net.conditions = CALM
    publisher.put(b"1")
    await trio.sleep(0.2)
    publisher.put(b"2")
    assert hearing.heard == [0, 1, 2]
    assert hearing.at[1] == hearing.at[0]


async def test_a_closed_transport_hears_nothing_of_what_is_under_way(
    autojump_clock: MockClock,
) -> None:
    net = network(Conditions(latency=(0.1, 0.1)))
    sender, receiver = net.transport("a"), net.transport("b")
    hearing = Hearing(receiver)
    ring = receiver.subscribe("k")
    put(sender.publisher("k"), 2)
    await receiver.close()
    await trio.sleep(1)
    assert hearing.heard == []
    assert ring.statistics().received == 0


async def test_what_a_transport_sent_before_it_closed_arrives(autojump_clock: MockClock) -> None:
    net = network(Conditions(latency=(0.1, 0.1)))
    sender, receiver = net.transport("a"), net.transport("b")
    hearing = Hearing(receiver)
    sender.announce("here")
    put(sender.publisher("k"), 2)
    watch = receiver.watch("here")
    await sender.close()
    await trio.sleep(1)
    assert hearing.heard == [0, 1]
    assert await watch.receive() == Presence("here", present=True)
    assert await watch.receive() == Presence("here", present=False)


async def test_an_announcement_takes_its_time_and_asking_finds_it(
    autojump_clock: MockClock,
) -> None:
    net = network(Conditions(latency=(0.1, 0.1)))
    here, there = net.transport("a"), net.transport("b")
    here.announce("here")
    assert there.watch("here").receive_nowait() is None
    assert await there.present("here") == ["here"]
    assert await there.watch("here").receive() == Presence("here", present=True)


async def test_whoever_comes_later_sees_what_is_announced() -> None:
    net = network()
    net.transport("a").announce("here")
    late = net.transport("b")
    assert await late.watch("*").receive() == Presence("here", present=True)


async def test_messages_of_topics_are_in_the_trace_as_they_were_sent_and_no_others(
    autojump_clock: MockClock,
) -> None:
    trace = Trace(trio.current_time)

    def read(payload: bytes, attachment: bytes, place: int) -> dict[str, object]:
        return {"payload": payload, "beside": attachment, "place": place}

    net = EmbeddedNetwork(Random(1), Conditions(loss=1.0), trace, read)
    address = Address("core", Name("arm"), InstanceId("the_arm"))
    key = keys.topic(address, "joint_states")
    transport = net.transport("the_arm")
    transport.publisher(keys.heartbeat("core")).put(b"not this")
    await trio.sleep(2.5)
    transport.publisher(key).put(b"this", b"and this")
    (entry,) = trace.entries
    assert (entry.kind, entry.who, entry.name) == (Kind.MESSAGE, "the_arm", "joint_states")
    assert entry.at == pytest.approx(2.5)
    assert entry.what == {"payload": b"this", "beside": b"and this", "place": 0}


async def test_each_of_those_that_were_sent_together_is_an_entry() -> None:
    trace = Trace(trio.current_time)
    together = [b"\x01", b"\x02", b"\x03"]
    beside = envelope.pack(0, 0, 0, 0) + envelope.number_of(together)
    net = EmbeddedNetwork(Random(1), CALM, trace, lambda _, __, place: together[place])
    key = keys.topic(Address("core", Name("arm"), InstanceId("the_arm")), "joint_states")
    net.transport("the_arm").publisher(key).put(envelope.joined(together), beside)
    assert [entry.what for entry in trace.entries] == together


async def test_it_counts_what_became_of_the_messages(autojump_clock: MockClock) -> None:
    net = network(ROUGH)
    publisher = net.transport("a").publisher("k")
    hearing = Hearing(net.transport("b"))
    put(publisher, 100)
    await trio.sleep(1)
    seen = net.statistics()["a", "b"]
    assert seen.delivered == len(hearing.heard) == 100 - seen.lost + seen.duplicated
    assert min(seen.lost, seen.duplicated, seen.late) > 10
    assert repr(net).startswith("<EmbeddedNetwork of a, b: Conditions(")


@pytest.mark.parametrize(
    "wrong",
    [{"latency": (0.2, 0.1)}, {"latency": (-1.0, 0.0)}, {"loss": 1.5}, {"retransmission": -1.0}],
)
def test_conditions_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"latency|probability|time"):
        Conditions(**wrong)  # type: ignore[arg-type]  # pyright: ignore
