"""What each transport promises about announcements and about its end, under each loop."""

import gc
from typing import TypeVar

import anyio
import pytest

from peppy.runtime.transport.port import Closed, Presence, Sample, Subscription, Transport
from tests.runtime.transport.wires import WORLDS, Wire, World, heard, take, until

T = TypeVar("T")

in_each_world = pytest.mark.parametrize("world", WORLDS)


async def next_of(watch: Subscription[Presence], key: str) -> Presence:
    """Return the next change of `key`, passing others over."""
    while (presence := await watch.receive()).key != key:
        pass
    return presence


@in_each_world
def test_a_watch_tells_first_what_is_there_and_then_each_change(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        early = there.watch("nodes/*")
        first = here.announce("nodes/first")
        assert await early.receive() == Presence("nodes/first", present=True)
        late = there.watch("nodes/**")
        assert await late.receive() == Presence("nodes/first", present=True)
        here.announce("nodes/second")
        for watch in (early, late):
            assert await watch.receive() == Presence("nodes/second", present=True)
        first.withdraw()
        first.withdraw()
        for watch in (early, late):
            assert await watch.receive() == Presence("nodes/first", present=False)
            assert watch.receive_nowait() is None

    world.run(scenario)


@in_each_world
def test_a_watch_sees_what_its_own_transport_announces(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here = await wire.join()
        before = here.announce("nodes/before")
        watch = here.watch("nodes/*")
        assert await watch.receive() == Presence("nodes/before", present=True)
        here.announce("nodes/after")
        assert await watch.receive() == Presence("nodes/after", present=True)
        before.withdraw()
        assert await watch.receive() == Presence("nodes/before", present=False)

    world.run(scenario)


@in_each_world
def test_a_watch_tells_nothing_of_keys_that_it_does_not_match(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        narrow = there.watch("a/*")
        here.announce("b/one")
        here.announce("a/b/one")
        here.announce("a/one")
        assert await narrow.receive() == Presence("a/one", present=True)
        assert narrow.statistics().received == 1

    world.run(scenario)


@in_each_world
def test_what_a_transport_announced_disappears_when_it_closes(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        watch = there.watch("nodes/*")
        keys = {"nodes/one", "nodes/two"}
        for key in keys:
            here.announce(key)
        assert {presence.key for presence in await take(watch, 2)} == keys
        await here.close()
        assert {(it.key, it.present) for it in await take(watch, 2)} == {
            (key, False) for key in keys
        }
        assert there.watch("nodes/*").receive_nowait() is None

    world.run(scenario)


@in_each_world
def test_an_announcement_whose_handle_nobody_keeps_stays(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        here.announce("nodes/kept")
        gc.collect()
        watch = there.watch("nodes/*")
        assert await watch.receive() == Presence("nodes/kept", present=True)
        here.announce("nodes/later")
        assert await watch.receive() == Presence("nodes/later", present=True)
        assert watch.receive_nowait() is None

    world.run(scenario)


@in_each_world
def test_a_key_that_two_announce_is_there_until_the_last_withdraws(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        elsewhere = await wire.join()
        watch = elsewhere.watch("nodes/*")
        one, two = here.announce("nodes/same"), there.announce("nodes/same")
        assert await next_of(watch, "nodes/same") == Presence("nodes/same", present=True)
        marks = [here.announce("nodes/mark-here"), there.announce("nodes/mark-there")]
        for mark in ("nodes/mark-here", "nodes/mark-there"):
            assert await elsewhere.watch(mark).receive() == Presence(mark, present=True)
        one.withdraw()
        marks[0].withdraw()
        assert await next_of(watch, "nodes/mark-here") is not None
        fresh = elsewhere.watch("nodes/same")
        assert await fresh.receive() == Presence("nodes/same", present=True)
        two.withdraw()
        assert await fresh.receive() == Presence("nodes/same", present=False)

    world.run(scenario)


@in_each_world
def test_who_follows_is_told_what_is_there_and_each_change_until_it_closes(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        first = here.announce("nodes/first")
        assert await there.watch("nodes/*").receive() == Presence("nodes/first", present=True)
        told: list[Presence] = []
        following = there.follow("nodes/*", told.append)
        await until(lambda: len(told) == 1)
        second = here.announce("nodes/second")
        await until(lambda: len(told) == 2)
        here.announce("others/third")
        first.withdraw()
        await until(lambda: len(told) == 3)
        assert told == [
            Presence("nodes/first", present=True),
            Presence("nodes/second", present=True),
            Presence("nodes/first", present=False),
        ]
        watch = there.watch("nodes/*")
        assert await watch.receive() == Presence("nodes/second", present=True)
        following.close()
        following.close()
        second.withdraw()
        assert await watch.receive() == Presence("nodes/second", present=False)
        assert len(told) == 3

    world.run(scenario)


@in_each_world
def test_whoever_follows_may_announce_and_close_from_inside(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here = await wire.join()
        told: list[str] = []

        def announce_the_next(presence: Presence) -> None:
            told.append(presence.key)
            if len(told) < 3:
                here.announce(f"nodes/{len(told)}")
            else:
                following.close()

        following = here.follow("nodes/*", announce_the_next)
        here.announce("nodes/0")
        await until(lambda: len(told) == 3)
        watch = here.watch("nodes/*")
        here.announce("nodes/9")
        assert {presence.key for presence in await take(watch, 4)} > {"nodes/9"}
        assert told == ["nodes/0", "nodes/1", "nodes/2"]

    world.run(scenario)


@in_each_world
def test_all_that_is_present_is_found_by_whoever_comes_and_only_what_matches(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        for number in range(40):
            here.announce(f"nodes/{number}")
        there.announce("nodes/there")
        here.announce("others/1")
        nodes, others = there.watch("nodes/*"), there.watch("others/*")
        await until(lambda: nodes.statistics().received >= 41 and others.statistics().received >= 1)
        expected = sorted(["nodes/there", *(f"nodes/{number}" for number in range(40))])
        for asking in (here, there, await wire.join()):
            await until_it_finds(asking, "others/1", *expected)
            found = await asking.present("nodes/*")
            while asking not in (here, there) and len(found) < len(expected):
                found = await asking.present("nodes/*")  # it has just joined
            assert sorted(found) == expected
            assert await asking.present("others/*") == ["others/1"]

    world.run(scenario)


async def until_it_finds(transport: Transport, *keys: str) -> None:
    """Return once each of these is found: one that has just joined may miss some."""
    for key in keys:
        while await transport.present(key) != [key]:
            pass


@in_each_world
def test_asking_who_is_present_is_quick_and_empty_where_nobody_is(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        gone = there.announce("nodes/gone")
        watch = here.watch("nodes/*")
        await watch.receive()
        gone.withdraw()
        assert await watch.receive() == Presence("nodes/gone", present=False)
        started = anyio.current_time()
        for _ in range(5):
            assert await here.present("nodes/*", timeout=10) == []
        assert anyio.current_time() - started < 5

    world.run(scenario)


@in_each_world
def test_closing_a_transport_wakes_whoever_waits_with_closed(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here = await wire.join()
        ended: list[str] = []

        async def wait(name: str, subscription: Subscription[T]) -> None:
            with pytest.raises(Closed):
                await subscription.receive()
            ended.append(name)

        async def iterate(subscription: Subscription[Sample]) -> None:
            async for _ in subscription:
                pass
            ended.append("iteration")

        async with anyio.create_task_group() as tasks:
            samples = here.subscribe("k")
            for number in range(2):
                tasks.start_soon(wait, f"receive {number}", samples)
            tasks.start_soon(wait, "watch", here.watch("k"))
            tasks.start_soon(iterate, here.subscribe("**"))
            await anyio.sleep(0.002)
            await here.close()
        assert sorted(ended) == ["iteration", "receive 0", "receive 1", "watch"]

    world.run(scenario)


@in_each_world
def test_what_arrived_before_a_subscription_closed_is_still_handed_out(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here = await wire.join()
        subscription, publisher = here.subscribe("k"), here.publisher("k")
        await publisher.send(b"one")
        await publisher.send(b"two")
        subscription.close()
        subscription.close()
        await publisher.send(b"three")
        assert not publisher.matched()
        assert [sample.payload async for sample in subscription] == [b"one", b"two"]
        with pytest.raises(Closed):
            await subscription.receive()

    world.run(scenario)


@in_each_world
def test_a_closed_transport_refuses_everything_and_closes_again_quietly(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here = await wire.join()
        publisher, announcement = here.publisher("k"), here.announce("k")
        subscription = here.subscribe("k")
        await here.close()
        await here.close()
        for declare in (here.publisher, here.subscribe, here.announce, here.watch):
            with pytest.raises(Closed, match="the transport is closed"):
                declare("k")
        with pytest.raises(Closed, match="the publisher of 'k' is closed"):
            await publisher.send(b"")
        assert not publisher.matched()
        publisher.close()
        announcement.withdraw()
        subscription.close()

    world.run(scenario)


@in_each_world
def test_a_closed_publisher_refuses_while_its_transport_goes_on(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        subscription = there.subscribe("k")
        closed, other = here.publisher("k"), here.publisher("k")
        await heard(closed, other)
        closed.close()
        closed.close()
        with pytest.raises(Closed):
            await closed.send(b"")
        await other.send(b"still here")
        assert (await subscription.receive()).payload == b"still here"

    world.run(scenario)


@in_each_world
def test_closing_one_transport_leaves_the_others_theirs(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        leaving = await wire.join()
        subscription, publisher = there.subscribe("k"), here.publisher("k")
        leaving.subscribe("k")
        await heard(publisher)
        await leaving.close()
        await publisher.send(b"still here")
        assert (await subscription.receive()).payload == b"still here"

    world.run(scenario)


@in_each_world
def test_a_close_that_is_cancelled_closes_all_the_same(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        here.announce("nodes/here")
        watch = there.watch("nodes/*")
        assert await watch.receive() == Presence("nodes/here", present=True)
        await cancelled_close(here)
        assert await watch.receive() == Presence("nodes/here", present=False)
        with pytest.raises(Closed):
            here.subscribe("k")

    world.run(scenario)


async def cancelled_close(transport: Transport) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await transport.close()


@in_each_world
def test_no_two_transports_have_the_same_identity_and_each_may_stand_in_a_key(
    world: World,
) -> None:
    async def scenario(wire: Wire) -> None:
        transports = [await wire.join() for _ in range(3)]
        assert len({transport.identity for transport in transports}) == 3
        for transport in transports:
            assert transport.publisher(f"of/{transport.identity}").key == f"of/{transport.identity}"

    world.run(scenario)
