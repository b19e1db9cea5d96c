"""Faults that meet one another, and those who come and go while they last."""

from random import Random

import trio
from trio.testing import MockClock

from peppy.runtime.transport.port import Delivery, Presence, Transport
from peppy.testing.stack.links import BUFFERED
from peppy.testing.stack.network import CALM, DETECTION, Conditions, EmbeddedNetwork


def network(conditions: Conditions = CALM) -> EmbeddedNetwork:
    return EmbeddedNetwork(Random(1), conditions)


def hearing(transport: Transport) -> list[bytes]:
    heard: list[bytes] = []
    transport.listen("k", lambda sample: heard.append(sample.payload))
    return heard


def put(transport: Transport, payload: bytes, delivery: Delivery = Delivery.RELIABLE) -> None:
    transport.publisher("k", delivery).put(payload)


async def test_a_fault_holds_for_those_who_come_while_it_lasts(autojump_clock: MockClock) -> None:
    net = network()
    net.part({"a"}, {"b"})
    net.freeze("c")
    here, parted, frozen = (net.transport(name) for name in "abc")
    heard = hearing(parted), hearing(frozen)
    put(here, b"1")
    await trio.sleep(DETECTION / 2)
    assert heard == ([], [])
    net.thaw("c")
    net.heal()
    await trio.sleep(1)
    assert heard == ([b"1"], [b"1"])


async def test_a_partition_that_was_detected_is_so_for_those_who_come_later(
    autojump_clock: MockClock,
) -> None:
    net = network()
    net.part({"a"}, {"b"})
    await trio.sleep(DETECTION + 1)
    here, there = net.transport("a"), net.transport("b")
    heard = hearing(there)
    put(here, b"lost")
    net.heal()
    await trio.sleep(1)
    assert heard == []


async def test_one_who_thaws_still_waits_for_another_who_stands_still(
    autojump_clock: MockClock,
) -> None:
    net = network()
    here, there = net.transport("a"), net.transport("b")
    heard = hearing(there)
    net.freeze("a")
    net.freeze("b")
    net.thaw("a")
    put(here, b"1")
    await trio.sleep(1)
    assert heard == []
    net.thaw("b")
    await trio.sleep(1)
    assert heard == [b"1"]


async def test_what_is_held_of_one_who_is_severed_is_never_heard(
    autojump_clock: MockClock,
) -> None:
    net = network()
    here, there = net.transport("a"), net.transport("b")
    heard = hearing(there)
    net.freeze("b")
    put(here, b"1")
    await trio.sleep(1)
    net.sever("a")
    net.thaw("b")
    await trio.sleep(1)
    assert heard == []


async def test_one_who_is_severed_sends_nothing_on_a_calm_network() -> None:
    net = network()
    here, there = net.transport("a"), net.transport("b")
    heard = hearing(there)
    watch = there.watch("**")
    net.sever("a")
    put(here, b"1")
    here.announce("here")
    assert heard == []
    assert watch.receive_nowait() is None
    assert there.watch("**").receive_nowait() is None


async def test_what_was_sent_into_a_partition_is_lost_although_it_would_arrive_after_it(
    autojump_clock: MockClock,
) -> None:
    net = network(Conditions(latency=(5.0, 5.0)))
    here, there = net.transport("a"), net.transport("b")
    heard = hearing(there)
    net.part({"a"}, {"b"})
    put(here, b"1", Delivery.STANDARD)
    net.heal()
    await trio.sleep(10)
    assert heard == []


async def test_what_is_under_way_when_a_connection_is_given_up_is_lost(
    autojump_clock: MockClock,
) -> None:
    net = network(Conditions(latency=(DETECTION + 5, DETECTION + 5)))
    here, there = net.transport("a"), net.transport("b")
    heard = hearing(there)
    put(here, b"1")
    net.part({"a"}, {"b"})
    await trio.sleep(2 * DETECTION)
    net.heal()
    await trio.sleep(2 * DETECTION)
    assert heard == []


async def test_each_time_that_somebody_stands_still_the_buffers_are_empty_again(
    autojump_clock: MockClock,
) -> None:
    net = network()
    here, there = net.transport("a"), net.transport("b")
    heard = hearing(there)
    for turn in range(1, 4):
        net.freeze("b")
        put(here, bytes(BUFFERED), Delivery.STANDARD)
        await trio.sleep(1)
        net.thaw("b")
        await trio.sleep(1)
        assert len(heard) == turn


async def test_asking_who_is_present_takes_a_round_trip(autojump_clock: MockClock) -> None:
    net = network(Conditions(latency=(0.1, 0.2)))
    asking = net.transport("a")
    began = trio.current_time()
    assert await asking.present("*") == []
    assert trio.current_time() - began >= 0.2


async def test_who_closes_takes_part_no_more() -> None:
    net = network()
    here, there = net.transport("a"), net.transport("b")
    watch = here.watch("**")
    await here.close()
    there.announce("there")
    assert watch.statistics().received == 0
    assert repr(net).startswith("<EmbeddedNetwork of b:")


async def test_what_two_announce_is_there_until_the_last_is_severed() -> None:
    net = network()
    for name in "ab":
        net.transport(name).announce("same")
    watch = net.transport("c").watch("*")
    net.sever("a")
    assert [await watch.receive()] == [Presence("same", present=True)]
    assert watch.receive_nowait() is None
    net.sever("b")
    assert await watch.receive() == Presence("same", present=False)


async def test_one_who_is_severed_does_not_learn_what_is_under_way(
    autojump_clock: MockClock,
) -> None:
    net = network(Conditions(latency=(0.1, 0.1)))
    here, there = net.transport("a"), net.transport("b")
    watch = there.watch("*")
    here.announce("here")
    net.sever("b")
    await trio.sleep(1)
    assert watch.statistics().received == 0


async def test_what_was_held_on_a_connection_that_is_given_up_fills_no_buffer(
    autojump_clock: MockClock,
) -> None:
    net = network()
    here, there = net.transport("a"), net.transport("b")
    heard = hearing(there)
    net.freeze("b")
    put(here, bytes(BUFFERED), Delivery.STANDARD)
    await trio.sleep(1)
    net.part({"a"}, {"b"})
    await trio.sleep(DETECTION + 1)
    net.heal()
    put(here, bytes(BUFFERED), Delivery.STANDARD)
    await trio.sleep(1)
    net.thaw("b")
    await trio.sleep(1)
    assert len(heard) == 1
