"""A dependency that is bound to one instance: only that one is heard, called and asked."""

from typing import Final

import anyio
import pytest

from peppy.runtime.action_errors import ActionUnreachable
from peppy.runtime.action_fired import FiredGoal
from peppy.runtime.actions import ConsumedAction
from peppy.runtime.lifecycle import run_node
from peppy.runtime.qos import QoSProfile
from peppy.runtime.runner import NodeRunner
from peppy.runtime.service_errors import ServiceUnreachable
from peppy.runtime.token import CancellationToken
from peppy.runtime.topics import ConsumedTopic
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name, Tag
from tests.runtime import action_nodes
from tests.runtime.memory_nodes import BACKENDS, BINDING, Parameters, runner_on, settings
from tests.runtime.service_nodes import (
    CORE,
    REPEAT,
    Nodes,
    RequestData,
    among,
    consumed,
    idle,
    repeat,
)
from tests.runtime.topic_ends import FORMAT, TOPIC, Item, emitted, only_peer, run_on

EYES: Final = {"left": InstanceId("front"), "right": InstanceId("rear")}

PROFILES: Final = ["standard", "reliable"]
"""One whose senders go on whoever listens, one whose senders wait for those that listen."""

on_each_loop = pytest.mark.parametrize("backend", BACKENDS)
with_each_profile = pytest.mark.parametrize("qos", PROFILES)


def bound(network: MemoryNetwork) -> NodeRunner:
    """Return a node with two labels of the same dependency, each bound to an instance of it."""
    address = Address(CORE, Name("viewer"), InstanceId("screen"))
    transport = MemoryTransport(network)
    return NodeRunner(address, Tag("v1"), transport, CancellationToken(), bindings=EYES)


def topic(link: str | None, qos: str) -> ConsumedTopic[Item]:
    return ConsumedTopic("camera", TOPIC, qos, FORMAT, Item, link=link)


async def heard(
    looked_at: ConsumedTopic[Item], viewer: NodeRunner, *targets: str | None
) -> list[tuple[str, int]]:
    """Return who has sent what by now."""
    found: list[tuple[str, int]] = []
    with anyio.move_on_after(0):
        while True:
            sender, item = await looked_at.next_message(viewer, *targets)
            found.append((sender, item.number))
    return found


async def emit_both(network: MemoryNetwork, qos: str) -> None:
    """Have both cameras send three messages, in turns."""
    cameras = [runner_on(network, instance) for instance in ("front", "rear")]
    topics = [emitted(qos) for _ in cameras]
    for number in range(3):
        for camera, sent in zip(cameras, topics, strict=True):
            await sent.emit(camera, number, b"")


@on_each_loop
@with_each_profile
def test_each_label_hears_only_the_instance_that_it_is_bound_to(backend: str, qos: str) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        viewer = bound(network)
        topics = [topic(link, qos) for link in ("left", "right", "other", None)]
        for each in topics:
            await heard(each, viewer)
        await emit_both(network, qos)
        left, right, other, unlabelled = [await heard(each, viewer) for each in topics]
        assert left == [("front", 0), ("front", 1), ("front", 2)]
        assert right == [("rear", 0), ("rear", 1), ("rear", 2)]
        assert sorted(other) == sorted(unlabelled) == sorted(left + right)

    run_on(backend, main)


@on_each_loop
@with_each_profile
def test_what_the_other_instance_sends_counts_neither_as_heard_nor_as_missed(
    backend: str, qos: str
) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        viewer, left = bound(network), topic("left", qos)
        await heard(left, viewer)
        await emit_both(network, qos)
        await heard(left, viewer)
        (end,) = viewer.traffic().ends
        peer = only_peer(end)
        assert (peer.instance_id, peer.messages, peer.lost) == ("front", 3, 0)
        assert (end.dropped, end.foreign) == (0, 0)

    run_on(backend, main)


@on_each_loop
@with_each_profile
def test_an_explicit_target_wins_over_the_binding_of_a_topic(backend: str, qos: str) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        viewer, left = bound(network), topic("left", qos)
        await heard(left, viewer, None, "rear")
        await heard(left, viewer)
        await emit_both(network, qos)
        assert {sender for sender, _ in await heard(left, viewer, None, "rear")} == {"rear"}
        assert {sender for sender, _ in await heard(left, viewer)} == {"front"}

    run_on(backend, main)


@on_each_loop
def test_subscriptions_and_views_are_bound_too(backend: str) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        viewer, left = bound(network), topic("left", "standard")
        views = left.viewed_as(Item)
        await heard(views, viewer)
        async with left.subscribe(viewer) as messages:
            await emit_both(network, "standard")
            assert [(await anext(messages))[0] for _ in range(3)] == ["front"] * 3
            with anyio.move_on_after(0):
                pytest.fail(f"the other one is heard: {await anext(messages)}")
        assert {sender for sender, _ in await heard(views, viewer)} == {"front"}

    run_on(backend, main)


@on_each_loop
def test_a_service_is_called_at_the_instance_that_its_label_is_bound_to(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        client = bound(nodes.network)
        rear = nodes.node("rear")
        nodes.node("front")
        left, right = consumed(link="left"), consumed(link="right")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(REPEAT.handle_requests, rear, repeat)
            await idle()
            answer = await right.poll(client, RequestData("ab", 1), 1.0)
            assert answer.instance_id == "rear"
            answer = await left.poll(client, RequestData("ab", 1), 1.0, None, "rear")
            assert answer.instance_id == "rear"  # named by the call
            with pytest.raises(ServiceUnreachable) as raised:
                await left.poll(client, RequestData("ab", 1), 0.0)
            assert "front" in str(raised.value)
            tasks.cancel_scope.cancel()

    among(backend, scenario)


@on_each_loop
def test_a_goal_goes_to_the_instance_that_its_label_is_bound_to(backend: str) -> None:
    def action(link: str | None) -> ConsumedAction:
        return ConsumedAction(
            "brain",
            "move",
            action_nodes.GOAL,
            action_nodes.RESPONSE,
            action_nodes.FEEDBACK,
            action_nodes.RESULT,
            action_nodes.CancelResponse,
            action_nodes.Cancelled,
            action_nodes.Finished,
            link=link,
        )

    async def scenario(nodes: Nodes) -> None:
        client = bound(nodes.network)
        rear = await action_nodes.exposed().expose(nodes.node("rear", "brain"))
        nodes.node("front", "brain")

        async def fire(link: str, timeout: float = 1.0, target: str | None = None) -> FiredGoal:
            goal = action_nodes.Goal(1)
            return await action(link).fire(client, goal, timeout, QoSProfile.Standard, None, target)

        async with anyio.create_task_group() as tasks:
            for link, target in (("right", None), ("left", "rear")):
                tasks.start_soon(action_nodes.accept, rear)
                goal = await fire(link, target=target)
                assert goal.server.instance_id == "rear"
                tasks.start_soon(action_nodes.finish, rear)
                await goal.get_result(1.0)
            with pytest.raises(ActionUnreachable) as raised:
                await fire("left", 0.0)
            assert "front" in str(raised.value)

    among(backend, scenario)


@on_each_loop
def test_what_a_node_is_told_of_its_bindings_reaches_its_code(backend: str) -> None:
    seen: list[str | None] = []

    async def setup(parameters: Parameters, runner: NodeRunner) -> list[object]:
        seen.extend(runner.instance_of(link) for link in ("left", "other", None))
        runner.cancellation_token().cancel()
        return []

    async def main() -> None:
        told = settings(bindings=EYES)
        await run_node(BINDING, setup, told, MemoryTransport(MemoryNetwork()))

    run_on(backend, main)
    assert seen == ["front", None, None]
