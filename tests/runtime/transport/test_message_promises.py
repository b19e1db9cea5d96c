"""What each transport promises about messages, under each loop."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel
import pytest
import trio
from anyio.abc import TaskStatus
from trio.testing import wait_all_tasks_blocked

from peppy.runtime.transport.port import (
    Delivery,
    Publisher,
    Sample,
    Statistics,
    Subscription,
    Transport,
)
from peppy.runtime.transport.routes import BadKey
from tests.runtime.transport.wires import WORLDS, Wire, World, heard, take, until

in_each_world = pytest.mark.parametrize("world", WORLDS)

Ends = Callable[[Wire], Awaitable[tuple[Transport, Transport]]]

START = b"start"

BAD_KEYS = ["", "/", "/a", "a/", "a//b", "a*", "a/b?", "#", "$*", "@/a"]


async def apart(wire: Wire) -> tuple[Transport, Transport]:
    return await wire.pair()


async def together(wire: Wire) -> tuple[Transport, Transport]:
    transport = await wire.join()
    return transport, transport


between_two_and_within_one = pytest.mark.parametrize("ends", [apart, together])


def payloads(samples: list[Sample]) -> list[bytes]:
    return [sample.payload for sample in samples]


def numbered(count: int) -> list[bytes]:
    return [number.to_bytes(4, "big") for number in range(count)]


async def send_all(publisher: Publisher, messages: list[bytes]) -> None:
    for message in messages:
        await publisher.send(message)


async def joined(publisher: Publisher, *subscriptions: Subscription[Sample]) -> None:
    """Return once each subscription hears the publisher and is empty again."""
    while not all(subscription.statistics().received for subscription in subscriptions):
        await publisher.send(b"probe")
        await anyio.sleep(0.001)
    await publisher.send(START)
    for subscription in subscriptions:
        while (await subscription.receive()).payload != START:
            pass


@in_each_world
@between_two_and_within_one
def test_a_message_arrives_whole_with_its_key_and_its_attachment(world: World, ends: Ends) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await ends(wire)
        heard_there = there.subscribe("robot/camera/frame")
        publisher = here.publisher("robot/camera/frame")
        await heard(publisher)
        await publisher.send(b"payload", b"attached")
        await publisher.send(b"payload")
        assert await take(heard_there, 2) == [
            Sample("robot/camera/frame", b"payload", b"attached"),
            Sample("robot/camera/frame", b"payload", b""),
        ]

    world.run(scenario)


@in_each_world
@pytest.mark.parametrize("delivery", [Delivery.STANDARD, Delivery.RELIABLE, Delivery.URGENT])
def test_messages_of_one_publisher_arrive_in_order(world: World, delivery: Delivery) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        subscription = there.subscribe("order", capacity=1000)
        publisher = here.publisher("order", delivery)
        await heard(publisher)
        await send_all(publisher, numbered(1000))
        assert payloads(await take(subscription, 1000)) == numbered(1000)

    world.run(scenario)


@in_each_world
@between_two_and_within_one
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a/b/c", ["a/b/c"]),
        ("a/*/c", ["a/b/c", "a/x/c"]),
        ("a/*", ["a/b"]),
        ("a/**", ["a", "a/b", "a/b/c", "a/x/c"]),
        ("**/c", ["a/b/c", "a/x/c"]),
        ("**", ["a", "a/b", "a/b/c", "a/x/c", "b"]),
    ],
)
def test_a_pattern_hears_the_keys_that_it_matches_and_no_other(
    world: World, ends: Ends, pattern: str, expected: list[str]
) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await ends(wire)
        narrow, wide = there.subscribe(pattern), there.subscribe("**")
        publishers = [here.publisher(key) for key in ("a", "a/b", "a/b/c", "a/x/c", "b")]
        await heard(*publishers)
        for publisher in publishers:
            await publisher.send(b"")
        assert {sample.key for sample in await take(wide, 5)} == {it.key for it in publishers}
        assert sorted(sample.key for sample in await take(narrow, len(expected))) == expected
        assert narrow.statistics().received == len(expected)

    world.run(scenario)


@in_each_world
def test_every_subscription_hears_every_message_wherever_it_is(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        elsewhere = await wire.join()
        subscriptions = [
            here.subscribe("k"),
            there.subscribe("k"),
            there.subscribe("*"),
            elsewhere.subscribe("k"),
        ]
        publisher = here.publisher("k")
        await joined(publisher, *subscriptions)
        await send_all(publisher, numbered(20))
        for subscription in subscriptions:
            assert payloads(await take(subscription, 20)) == numbered(20)

    world.run(scenario)


@in_each_world
@between_two_and_within_one
def test_payloads_from_nothing_to_four_mebibytes_arrive_unchanged(world: World, ends: Ends) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await ends(wire)
        subscription, publisher = there.subscribe("k"), here.publisher("k")
        await heard(publisher)
        for size in (0, 1, 1000, 65_535, 65_536, 1 << 20, 4 << 20):
            message = (b"0123456789abcde" * (size // 15 + 1))[:size]
            await publisher.send(message, b"about it")
            sample = await subscription.receive()
            assert sample == Sample("k", message, b"about it")

    world.run(scenario)


@in_each_world
@between_two_and_within_one
def test_a_full_ring_drops_its_oldest_messages_and_counts_them(world: World, ends: Ends) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await ends(wire)
        subscription, publisher = there.subscribe("k", capacity=8), here.publisher("k")
        await heard(publisher)
        await send_all(publisher, numbered(100))
        await until(lambda: subscription.statistics().received == 100)
        assert subscription.statistics() == Statistics(received=100, dropped=92, waiting=8)
        assert payloads(await take(subscription, 8)) == numbered(100)[92:]
        assert subscription.receive_nowait() is None
        assert subscription.statistics().waiting == 0

    world.run(scenario)


@in_each_world
@between_two_and_within_one
def test_waits_that_are_cancelled_again_and_again_receive_each_message_once(
    world: World, ends: Ends
) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await ends(wire)
        subscription, publisher = there.subscribe("k", capacity=500), here.publisher("k")
        await heard(publisher)
        got: list[bytes] = []

        async def send_slowly() -> None:
            for message in numbered(500):
                await publisher.send(message)
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send_slowly)
            attempt = 0
            while len(got) < 500:
                attempt += 1
                if (sample := await impatiently(world.loop, subscription, attempt)) is not None:
                    got.append(sample.payload)
        assert got == numbered(500)
        assert subscription.receive_nowait() is None

    world.run(scenario)


async def impatiently(loop: str, subscription: Subscription[Sample], attempt: int) -> Sample | None:
    """Return a message if one comes within the shortest of times, measured as the loop does it."""
    if loop == "trio":
        with trio.move_on_after((0, 1e-5)[attempt % 2]):
            return await subscription.receive()
        return None
    try:
        if attempt % 3:
            return await asyncio.wait_for(subscription.receive(), (0, 1e-5)[attempt % 2])
        async with asyncio.timeout(0):
            return await subscription.receive()
    except TimeoutError:
        return None


@in_each_world
@between_two_and_within_one
def test_tasks_that_wait_are_served_first_come_first_served(world: World, ends: Ends) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await ends(wire)
        subscription, publisher = there.subscribe("k"), here.publisher("k")
        await heard(publisher)
        got: dict[int, bytes] = {}

        async def wait(place: int, *, task_status: TaskStatus[None]) -> None:
            task_status.started()
            got[place] = (await subscription.receive()).payload

        async with anyio.create_task_group() as tasks:
            for place in range(20):
                await tasks.start(wait, place)
            await send_all(publisher, numbered(20))
        assert [got[place] for place in range(20)] == numbered(20)

    world.run(scenario)


@in_each_world
def test_a_wait_that_is_cancelled_at_the_moment_of_delivery_loses_nothing(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here = await wire.join()
        subscription, publisher = here.subscribe("k"), here.publisher("k")
        meet = meet_on_trio if world.loop == "trio" else meet_on_asyncio
        for _ in range(20):
            got = await meet(subscription, publisher)
            while (left := subscription.receive_nowait()) is not None:
                got.append(left)
            assert sorted(payloads(got)) == numbered(2)

    world.run(scenario)


async def meet_on_asyncio(subscription: Subscription[Sample], publisher: Publisher) -> list[Sample]:
    """Have two tasks wait, deliver to the first and cancel it before it runs; return what came."""
    first, second = (asyncio.create_task(subscription.receive()) for _ in range(2))
    await asyncio.sleep(0)
    await publisher.send(numbered(2)[0])
    first.cancel()
    await until(lambda: first.done() and (second.done() or not first.cancelled()))
    await publisher.send(numbered(2)[1])
    if first.cancelled():
        return [await second]
    done = await asyncio.gather(first, second)
    return list(done)


async def meet_on_trio(subscription: Subscription[Sample], publisher: Publisher) -> list[Sample]:
    """Do the same on Trio."""
    got: list[Sample] = []
    scopes = [trio.CancelScope(), trio.CancelScope()]

    async def wait(scope: trio.CancelScope) -> None:
        with scope:
            got.append(await subscription.receive())

    async with trio.open_nursery() as nursery:
        for scope in scopes:
            nursery.start_soon(wait, scope)
        await wait_all_tasks_blocked()
        await publisher.send(numbered(2)[0])
        scopes[0].cancel()
        await until(lambda: len(got) == 1)
        await publisher.send(numbered(2)[1])
    return got


@in_each_world
def test_what_is_given_back_is_received_first_in_its_order_and_not_counted_again(
    world: World,
) -> None:
    async def scenario(wire: Wire) -> None:
        here, there = await wire.pair()
        subscription, publisher = there.subscribe("k", capacity=4), here.publisher("k")
        await heard(publisher)
        await send_all(publisher, numbered(4))
        taken = await take(subscription, 2)
        await until(lambda: subscription.statistics().received == 4)
        subscription.put_back(["one", "two", "three", *taken])
        assert subscription.statistics() == Statistics(received=4, dropped=0, waiting=7)
        got = await take(subscription, 7)
        assert got[:3] == ["one", "two", "three"]
        assert payloads(got[3:]) == numbered(4)

    world.run(scenario)


@in_each_world
def test_what_is_given_back_goes_to_those_who_wait(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here = await wire.join()
        subscription = here.subscribe("k")
        got: list[object] = []

        async def wait() -> None:
            got.append(await subscription.receive())

        assert not subscription.awaited
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            assert subscription.awaited
            subscription.put_back(["one", "two"])
            assert subscription.awaited
            await anyio.wait_all_tasks_blocked()
            assert set(got) == {"one", "two"}
            subscription.put_back(["three", "four"])
            assert not subscription.awaited
        assert got[2] == "three"
        assert subscription.receive_nowait() == "four"

    world.run(scenario)


@in_each_world
def test_a_bad_key_is_refused_with_a_sentence(world: World) -> None:
    async def scenario(wire: Wire) -> None:
        here = await wire.join()
        declares: list[Callable[[str], object]] = [
            here.publisher,
            here.subscribe,
            here.announce,
            here.watch,
        ]
        for bad, declare in itertools.product(BAD_KEYS, declares):
            with pytest.raises(BadKey, match="is not a key") as caught:
                declare(bad)
            assert f"'{bad}'" in caught.value.sentence
            assert caught.value.hint

    world.run(scenario)
