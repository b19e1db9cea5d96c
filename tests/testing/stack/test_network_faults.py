import asyncio
from random import Random

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.runtime.transport.port import Delivery, Presence, Sample, Subscription, Transport
from peppy.testing.stack.links import BUFFERED
from peppy.testing.stack.network import CALM, DETECTION, Conditions, EmbeddedNetwork

SLOW = Conditions(latency=(0.1, 0.1))


class Pair:
    """Two participants, `a` that sends and announces, `b` that hears and sees."""

    def __init__(self, conditions: Conditions = CALM) -> None:
        self.network = EmbeddedNetwork(Random(1), conditions)
        self.here, self.there = self.network.transport("a"), self.network.transport("b")
        self.heard: list[bytes] = []
        self.there.listen("**", lambda sample: self.heard.append(sample.payload))
        self.droppable = self.here.publisher("k/droppable", Delivery.STANDARD)
        self.reliable = self.here.publisher("k/reliable", Delivery.RELIABLE)
        self.here.announce("here")
        self.watch = self.there.watch("**")


def changes(watch: Subscription[Presence]) -> list[bool]:
    """Return what has been seen of the only key since the last look."""
    found: list[bool] = []
    while (presence := watch.receive_nowait()) is not None:
        found.append(presence.present)
    return found


async def test_what_may_be_dropped_is_lost_in_a_partition_and_the_rest_comes_when_it_heals(
    autojump_clock: MockClock,
) -> None:
    pair = Pair()
    pair.network.part({"a"}, {"b"})
    for number in (b"1", b"2"):
        pair.droppable.put(number)
        pair.reliable.put(number)
    await trio.sleep(DETECTION - 1)
    assert pair.heard == []
    pair.network.heal()
    pair.reliable.put(b"3")
    await trio.sleep(DETECTION + 1)
    pair.droppable.put(b"4")
    assert pair.heard == [b"1", b"2", b"3", b"4"]
    assert changes(pair.watch) == [True]


async def test_what_is_under_way_when_the_network_parts_does_not_arrive(
    autojump_clock: MockClock,
) -> None:
    pair = Pair(SLOW)
    pair.droppable.put(b"1")
    pair.reliable.put(b"2")
    pair.network.part({"a"}, {"b"})
    await trio.sleep(1)
    assert pair.heard == []
    pair.network.heal()
    await trio.sleep(1)
    assert pair.heard == [b"2"]


async def test_a_partition_is_seen_after_the_detection_and_so_is_its_end(
    autojump_clock: MockClock,
) -> None:
    pair = Pair()
    assert changes(pair.watch) == [True]
    pair.network.part({"a"}, {"b"})
    await trio.sleep(DETECTION - 0.1)
    assert changes(pair.watch) == []
    assert pair.reliable.matched()
    await trio.sleep(0.2)
    assert changes(pair.watch) == [False]
    assert not pair.reliable.matched()
    assert await pair.there.present("here") == []
    pair.network.heal()
    await trio.sleep(0.1)
    assert changes(pair.watch) == [True]
    assert pair.reliable.matched()


async def test_what_is_sent_into_a_long_partition_is_lost(autojump_clock: MockClock) -> None:
    pair = Pair()
    pair.network.part({"a"}, {"b"})
    pair.reliable.put(b"before")
    await trio.sleep(DETECTION + 1)
    pair.reliable.put(b"after")
    pair.network.heal()
    pair.reliable.put(b"healed")
    await trio.sleep(1)
    assert pair.heard == [b"healed"]
    assert pair.network.statistics()["a", "b"].lost == 2


async def test_what_changed_on_the_other_side_of_a_partition_is_seen_once_it_heals(
    autojump_clock: MockClock,
) -> None:
    pair = Pair()
    going = pair.here.announce("going")
    pair.network.part({"a"}, {"b"})
    newcomer = pair.network.transport("a")
    newcomer.announce("new")
    going.withdraw()
    late = pair.network.transport("b").watch("**")
    assert late.receive_nowait() is None
    await trio.sleep(1)
    assert sorted(await pair.there.present("**")) == ["going", "here"]
    pair.network.heal()
    await trio.sleep(1)
    assert sorted(await pair.there.present("**")) == ["here", "new"]
    assert {(await late.receive()).key for _ in range(2)} == {"here", "new"}
    assert late.receive_nowait() is None


async def test_whoever_is_in_no_group_hears_all_and_is_heard_by_all(
    autojump_clock: MockClock,
) -> None:
    pair = Pair()
    between = pair.network.transport("c")
    pair.network.part({"a"}, {"b"})
    heard: list[bytes] = []
    between.listen("k/**", lambda sample: heard.append(sample.payload))
    pair.droppable.put(b"1")
    between.publisher("k/1").put(b"2")
    assert heard == [b"1", b"2"]
    assert pair.heard == [b"2"]


async def test_a_name_in_two_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="'b' is in two groups"):
        Pair().network.part({"a", "b"}, {"b"})


async def test_a_name_in_the_place_of_a_group_is_refused() -> None:
    with pytest.raises(TypeError, match="groups of names"):
        Pair().network.part("ab", "cd")


async def test_one_who_is_frozen_hears_nothing_and_all_of_it_in_order_when_it_thaws(
    autojump_clock: MockClock,
) -> None:
    pair = Pair()
    changes(pair.watch)
    pair.network.freeze("b")
    for number in (b"1", b"2", b"3"):
        (pair.droppable if number == b"2" else pair.reliable).put(number)
    pair.here.announce("here too")
    await trio.sleep(60)
    assert pair.heard == []
    assert changes(pair.watch) == []
    assert pair.network.statistics()["a", "b"].held == 4
    pair.network.thaw("b")
    pair.reliable.put(b"4")
    await trio.sleep(0.1)
    assert pair.heard == [b"1", b"2", b"3", b"4"]
    assert changes(pair.watch) == [True]
    pair.droppable.put(b"5")
    assert pair.heard[-1] == b"5"


async def test_what_is_due_when_a_frozen_one_thaws_comes_after_what_was_held(
    autojump_clock: MockClock,
) -> None:
    pair = Pair(SLOW)
    pair.network.freeze("b")
    pair.reliable.put(b"1")
    await trio.sleep(0.2)
    pair.reliable.put(b"2")
    await trio.sleep(0.1)
    pair.network.thaw("b")
    await trio.sleep(1)
    assert pair.heard == [b"1", b"2"]


async def test_what_a_frozen_one_sends_is_held_back(autojump_clock: MockClock) -> None:
    pair = Pair()
    pair.network.freeze("a")
    pair.reliable.put(b"1")
    await trio.sleep(1)
    assert pair.heard == []
    pair.network.thaw("a")
    await trio.sleep(1)
    assert pair.heard == [b"1"]


async def test_of_what_may_be_dropped_no_more_is_held_than_a_connection_buffers(
    autojump_clock: MockClock,
) -> None:
    pair = Pair()
    pair.network.freeze("b")
    frame = bytes(BUFFERED // 4)
    for _ in range(6):
        pair.droppable.put(frame)
        pair.reliable.put(frame)
    await trio.sleep(1)
    pair.network.thaw("b")
    await trio.sleep(1)
    assert len(pair.heard) == 4 + 6
    assert pair.network.statistics()["a", "b"].lost == 2


async def test_one_who_is_severed_is_seen_to_go_at_once_and_is_not_heard_any_more(
    autojump_clock: MockClock,
) -> None:
    pair = Pair(SLOW)
    await trio.sleep(1)
    assert changes(pair.watch) == [True]
    pair.reliable.put(b"under way")
    pair.network.sever("a")
    assert changes(pair.watch) == [False]
    assert await pair.there.present("here") == []
    pair.reliable.put(b"from beyond")
    pair.here.announce("here again")
    await trio.sleep(1)
    await pair.here.close()
    await trio.sleep(1)
    assert pair.heard == []
    assert changes(pair.watch) == []


async def test_one_who_is_severed_hears_and_sees_nothing_any_more() -> None:
    pair = Pair()
    changes(pair.watch)
    pair.network.sever("b")
    pair.reliable.put(b"1")
    pair.here.announce("here too")
    assert pair.heard == []
    assert changes(pair.watch) == []
    assert not pair.reliable.matched()
    later: Subscription[Sample] = pair.there.subscribe("**")
    pair.reliable.put(b"2")
    assert later.receive_nowait() is None


async def test_who_comes_under_the_name_of_one_who_was_severed_is_another_one(
    autojump_clock: MockClock,
) -> None:
    pair = Pair()
    pair.network.sever("a")
    again = pair.network.transport("a")
    again.announce("here")
    again.publisher("k/1").put(b"1")
    assert pair.heard == [b"1"]
    assert changes(pair.watch) == [True, False, True]


async def test_one_who_is_frozen_sees_after_its_thaw_who_was_severed_meanwhile(
    autojump_clock: MockClock,
) -> None:
    pair = Pair()
    changes(pair.watch)
    pair.network.freeze("b")
    pair.network.sever("a")
    await trio.sleep(1)
    assert changes(pair.watch) == []
    pair.network.thaw("b")
    await trio.sleep(1)
    assert changes(pair.watch) == [False]


@pytest.mark.parametrize("thaw_first", [True, False])
async def test_one_who_stood_still_through_a_partition_sees_the_truth_in_the_end(
    autojump_clock: MockClock, thaw_first: bool
) -> None:
    pair = Pair()
    pair.network.freeze("b")
    pair.network.part({"a"}, {"b"})
    await trio.sleep(2 * DETECTION)
    assert changes(pair.watch) == [True]
    for undo in (1, 2) if thaw_first else (2, 1):
        if undo == 1:
            pair.network.thaw("b")
        else:
            pair.network.heal()
        await trio.sleep(1)
    assert changes(pair.watch) == [False, True]
    pair.reliable.put(b"1")
    assert pair.heard == [b"1"]


async def test_who_lives_on_another_loop_is_woken_there_and_nowhere_else() -> None:
    net = EmbeddedNetwork(Random(1))
    there: list[object] = []
    receiver = net.transport("b", there.append)
    heard: list[bytes] = []
    receiver.listen("k", lambda sample: heard.append(sample.payload))
    publisher = net.transport("a").publisher("k")
    publisher.put(b"1")
    publisher.put(b"2")
    assert heard == []
    (look,) = there
    assert callable(look)
    look()
    assert heard == [b"1", b"2"]


async def test_who_lives_on_trio_is_not_called_inside_of_an_asyncio_loop() -> None:
    net = EmbeddedNetwork(Random(1))
    on: list[bool] = []

    def hear(sample: Sample) -> None:
        del sample
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            on.append(False)
        else:
            on.append(True)

    net.transport("b").listen("k", hear)
    publisher = net.transport("a").publisher("k")

    async def send() -> None:
        publisher.put(b"1")

    loop = asyncio.new_event_loop()
    loop.run_until_complete(send())
    loop.close()
    assert on == []
    await wait_all_tasks_blocked()
    assert on == [False]


async def test_a_transport_of_any_owner_stands_for_itself_in_a_message() -> None:
    net = EmbeddedNetwork(Random(1))
    transports: list[Transport] = [net.transport("a"), net.transport("a"), net.transport("b")]
    assert len({each.identity for each in transports}) == 3
