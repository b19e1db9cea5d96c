"""What a test hears on the topics of a stack, and what it says there."""

from functools import partial

import pytest
import trio
from trio.testing import MockClock

from peppy.runtime.outlet import Outlet
from peppy.runtime.runner import NodeRunner
from peppy.schema import keys
from peppy.schema.control import ListStack
from peppy.schema.errors import DocumentError
from peppy.schema.wire_finding import NotFound
from peppy.testing.stack.launched import LaunchedStack
from peppy.testing.stack.topics import NobodyListens, NothingCame
from tests.runtime.service_nodes import alive
from tests.runtime.topic_ends import consumed, emitted
from tests.testing.stack.made_world import made_stack


async def send(runner: NodeRunner, *numbers: int, after: float = 0.1) -> None:
    """Emit items, each so many seconds after the one before."""
    for number in numbers:
        await trio.sleep(after)
        await emitted("standard").emit(runner, number, b"load")


async def test_the_next_message_comes_with_its_sender_as_the_document_has_it(
    autojump_clock: MockClock,
    nursery: trio.Nursery,
) -> None:
    async with made_stack() as (world, stack):
        nursery.start_soon(send, world.node("front"), 7)
        received = await stack.topic("items").next()
        assert received.message == {"number": 7, "load": b"load"}
        assert (received.sender, received.node) == ("front", "camera")


async def test_what_came_before_is_not_the_next_message(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    async with made_stack() as (world, stack):
        items, front = stack.topic("items"), world.node("front")
        nursery.start_soon(send, front, 1, 2, 3)
        assert (await items.next()).message["number"] == 1
        await trio.sleep(0.15)
        assert (await items.next()).message["number"] == 3


async def test_a_subscription_misses_nothing_while_the_test_does_something_else(
    autojump_clock: MockClock,
    nursery: trio.Nursery,
) -> None:
    async with made_stack() as (world, stack):
        async with stack.topic("items", "camera:v1").subscribe() as items:
            nursery.start_soon(send, world.node("front"), 1, 2, 3)
            await trio.sleep(1)
            numbers = [(await items.next()).message["number"] for _ in range(3)]
        assert numbers == [1, 2, 3]
        assert [each async for each in items] == []  # it is over with its block


async def test_messages_of_others_and_those_that_do_not_fit_are_passed_over(
    autojump_clock: MockClock,
    nursery: trio.Nursery,
) -> None:
    async with made_stack() as (world, stack):
        nursery.start_soon(partial(send, world.node("rear"), 1, 2, 3, 4))
        nursery.start_soon(partial(send, world.node("front"), 5, 6, 7, 8))
        found = await stack.topic("items").next(
            sender="front", where=lambda message: message["number"] > 6
        )
        assert found.message["number"] == 7


async def test_nothing_in_time_is_said_with_who_could_have_sent_something(
    autojump_clock: MockClock,
) -> None:
    async with made_stack() as (_, stack):
        begun = trio.current_time()
        with pytest.raises(NothingCame) as caught:
            await stack.topic("items").next(within=2.5)
        assert trio.current_time() - begun == 2.5
        assert str(caught.value) == (
            "no message came on topic 'items' within 2.5 s\n"
            "  it is emitted by 'camera:v1'; instances that run: 'front'"
        )


async def test_what_came_instead_is_said(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    async with made_stack() as (world, stack):
        nursery.start_soon(send, world.node("rear"), 1, 2)
        with pytest.raises(NothingCame) as caught:
            await stack.topic("items").next(sender="front")
        assert str(caught.value).startswith(
            "none of 2 messages on topic 'items' within 1 s was the one; the last came from 'rear':"
            " {number: 2, load: <4 bytes>}\n"
        )


async def test_messages_that_were_sent_together_come_one_by_one(autojump_clock: MockClock) -> None:
    async with made_stack() as (world, stack):
        front = world.node("front")
        async with stack.topic("items").subscribe() as items:
            topic = emitted("reliable")
            outlet: Outlet = await topic.outlet(front)
            for number in range(40):
                await outlet.send(number, b"")
            outlet.flush()
            numbers = [(await items.next()).message["number"] for _ in range(40)]
        assert numbers == list(range(40))


@pytest.mark.parametrize("name", ["item", "camera:v2/items"])
async def test_an_unknown_topic_names_the_nearest(autojump_clock: MockClock, name: str) -> None:
    async with made_stack() as (_, stack):
        with pytest.raises(NotFound) as caught:
            await stack.topic(name).next()
        assert caught.value.hint == "did you mean 'camera:v1/items'?"


async def test_a_message_of_the_test_comes_as_if_from_the_node_that_emits_the_topic(
    autojump_clock: MockClock,
    nursery: trio.Nursery,
) -> None:
    async with made_stack() as (world, stack):
        brain = world.node("mind", "brain")
        nursery.start_soon(publish_soon, stack)
        sender, message = await consumed(node="camera", qos="standard").next_message(brain)
        assert (sender, message.number, message.load) == ("front", 3, b"x")


async def publish_soon(stack: LaunchedStack) -> None:
    await stack.topic("items").publish({"number": 3, "load": b"x"}, sender="front")


async def test_a_message_that_nobody_would_hear_is_an_error_that_names_the_consumers(
    autojump_clock: MockClock,
) -> None:
    async with made_stack() as (_, stack):
        items = stack.topic("items")
        begun = trio.current_time()
        with pytest.raises(NobodyListens, match="consumed by 'brain:v1'"):
            await items.publish({"number": 3, "load": b""}, within=1.0)
        assert trio.current_time() - begun == 1.0
        await items.publish({"number": 3, "load": b""}, within=None)


async def test_who_listens_late_is_waited_for(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    async with made_stack() as (world, stack):
        nursery.start_soon(publish_soon, stack)
        await trio.sleep(1.0)
        brain = world.node("mind", "brain")
        with trio.fail_after(1):
            assert (await consumed(qos="standard").next_message(brain))[1].number == 3


async def test_where_a_wire_takes_time_the_nodes_are_asked_whether_they_listen(
    autojump_clock: MockClock,
) -> None:
    async with made_stack() as (world, stack):
        world.settling = 0.2
        # Somebody who is no node, as the trace of a real world.
        alive(world.transport(), "ear").transport.subscribe(keys.topic_pattern("items"))
        with pytest.raises(NobodyListens):
            await stack.topic("items").publish({"number": 3, "load": b""})
        assert ListStack(traffic=True) in world.asked


async def test_values_that_do_not_fit_are_named_before_anything_is_sent(
    autojump_clock: MockClock,
) -> None:
    async with made_stack() as (_, stack):
        with pytest.raises(DocumentError, match="'nummer' is not known here; did you mean"):
            await stack.topic("items").publish({"nummer": 3, "load": b""})
