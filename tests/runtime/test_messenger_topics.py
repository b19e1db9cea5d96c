"""Topics of bytes: what is emitted arrives, of whom it was wanted, as among bindings."""

import asyncio
from typing import Any

import anyio
import pytest

from peppy.runtime.messenger_topics import Subscription, TopicMessenger
from peppy.runtime.qos import QoSProfile
from peppy.runtime.runner import OtherThread
from peppy.runtime.topics import ConsumedTopic, EmittedTopic
from peppy.runtime.transport.memory import MemoryNetwork
from tests.runtime.memory_nodes import runner_on
from tests.runtime.messenger_nodes import (
    OTHER_FORMAT,
    WORLDS,
    Other,
    Payload,
    Robot,
    World,
    emit,
    first,
    subscribe,
    taken,
)
from tests.runtime.service_nodes import CORE
from tests.runtime.transport.wires import until

BYTES = {"payload": "bytes"}


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> World:
    found: World = request.param
    return found


@pytest.mark.parametrize("size", [0, 1, 5000, 100_000])
def test_bytes_arrive_as_they_were_and_say_from_whom(world: World, size: int) -> None:
    async def scenario(robot: Robot) -> None:
        camera, viewer = await robot.node("front"), await robot.node("ada", "viewer")
        subscription = await subscribe(viewer)
        sent = bytes(number % 251 for number in range(size))
        message = await first(subscription, lambda: emit(camera, sent))
        assert message.payload == sent
        assert (message.core_node, message.instance_id) == (CORE, "front")
        assert message.key_expr == f"peppy/topic/frames/camera/{CORE}/front"

    world.run(scenario)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_can_be_sent(kind: Any) -> None:
    async def scenario(robot: Robot) -> None:
        node = await robot.node("front")
        subscription = await subscribe(node)
        for sent in (b"small", b"large" * 2000):
            await emit(node, kind(sent))
            assert await taken(subscription) == sent

    World("memory", "asyncio").run(scenario)


def test_a_target_is_heard_alone_and_an_external_topic_of_any_node(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        front, rear = await robot.node("front"), await robot.node("rear")
        radar, viewer = await robot.node("front", "radar"), await robot.node("ada", "viewer")
        all_fronts = await subscribe(viewer, None, "front")
        only_rear = await subscribe(viewer, "camera", "rear")
        any_camera = await subscribe(viewer)
        heard = {
            (await first(only_rear, lambda: emit(rear, b"rear"))).payload,
            (await first(all_fronts, lambda: emit(radar, b"radar"))).payload,
        }
        assert heard == {b"rear", b"radar"}
        for node in (radar, rear, front):
            await emit(node, b"last")
        while (await all_fronts.on_next_message()).key_expr.split("/")[3] != "camera":  # type: ignore[union-attr]
            pass
        cameras = set[str]()
        while cameras != {"front", "rear"}:
            message = await any_camera.on_next_message()
            assert message is not None
            assert "/camera/" in message.key_expr
            cameras.add(message.instance_id)

    world.run(scenario)


@pytest.mark.parametrize("qos", [QoSProfile.Reliable, QoSProfile.Critical])
def test_a_flood_that_must_not_lose_anything_waits_for_who_takes_it(
    world: World, qos: QoSProfile
) -> None:
    async def scenario(robot: Robot) -> None:
        camera, viewer = await robot.node("front"), await robot.node("ada", "viewer")
        subscription = await subscribe(viewer, qos=qos)
        await first(subscription, lambda: emit(camera, b"are you there?", qos))
        sent = [str(number).encode() for number in range(5000)]
        progress = 0

        async def flood() -> None:
            nonlocal progress
            for payload in sent:
                await emit(camera, payload, qos)
                progress += 1

        robot.go_on(flood)
        await until(lambda: progress > 100)
        await anyio.wait_all_tasks_blocked()
        held_at = progress
        heard: list[bytes] = []
        while len(heard) < len(sent):
            payload = await taken(subscription)
            if payload != b"are you there?":
                heard.append(payload)
        assert heard == sent
        assert held_at < len(sent)

    world.run(scenario)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_of_a_standard_topic_the_newest_wait(loop: str) -> None:
    async def scenario(robot: Robot) -> None:
        node = await robot.node("front")
        subscription = await subscribe(node, qos=QoSProfile.Standard)
        for number in range(200):
            await emit(node, str(number).encode(), QoSProfile.Standard)
        assert await taken(subscription) == b"72"

    World("memory", loop).run(scenario)


def test_each_message_of_a_flood_says_its_own_sender_to_each_who_waits(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        nodes = [await robot.node("front", node) for node in ("camera", "radar")]
        viewer = await robot.node("ada", "viewer")
        subscription = await subscribe(viewer, None)
        for node in nodes:
            await first(subscription, lambda node=node: emit(node, node.node_name().encode()))  # type: ignore[misc]
        count = 0

        async def take() -> None:
            nonlocal count
            while True:
                message = await subscription.on_next_message()
                assert message is not None
                assert message.key_expr.split("/")[3].encode() == message.payload
                count += message.payload != b""

        async def flood(node: Any) -> None:
            for _ in range(300):
                await emit(node, node.node_name().encode())

        for _ in range(3):
            robot.go_on(take)
        for node in nodes:
            robot.go_on(flood, node)
        await until(lambda: count >= 600)

    world.run(scenario)


def test_a_binding_of_the_same_format_and_a_messenger_hear_each_other(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        camera, viewer = await robot.node("front"), await robot.node("ada", "viewer")
        emitted = EmittedTopic("frames", "reliable", BYTES, Payload)
        consumed = ConsumedTopic("viewer", "frames", "reliable", BYTES, Payload)
        subscription = await subscribe(viewer)
        message = await first(subscription, lambda: emitted.emit(camera, b"of a binding"))
        assert message.payload == b"of a binding"

        heard: list[tuple[str, Payload]] = []

        async def take() -> None:
            heard.append(await consumed.next_message(camera))

        robot.go_on(take)
        while not heard:
            await emit(viewer, b"of a messenger")
            await anyio.sleep(0.002)
        assert heard[0] == ("ada", Payload(b"of a messenger"))

    world.run(scenario)


def test_a_binding_of_another_format_and_a_messenger_skip_each_other_and_say_so(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async def scenario(robot: Robot) -> None:
        camera, viewer = await robot.node("front"), await robot.node("ada", "viewer")
        emitted = EmittedTopic("frames", "standard", OTHER_FORMAT, Other)
        consumed = ConsumedTopic("viewer", "frames", "standard", OTHER_FORMAT, Other)
        subscription = await subscribe(viewer, qos=QoSProfile.Standard)
        await emitted.emit(camera, 7)
        await emit(camera, b"bytes", QoSProfile.Standard)
        assert await taken(subscription) == b"bytes"

        robot.go_on(consumed.next_message, camera)
        await anyio.wait_all_tasks_blocked()
        await emit(viewer, b"bytes", QoSProfile.Standard)
        said = ""
        while said.count("sends another message format") < 2:
            await anyio.sleep(0.002)
            said += capfd.readouterr().err
        assert "'front' sends another message format" in said
        assert "'ada' sends another message format" in said
        assert "'payload'" in said

    World("memory", "asyncio").run(scenario)


def test_a_cancelled_wait_loses_nothing(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        camera, viewer = await robot.node("front"), await robot.node("ada", "viewer")
        subscription = await subscribe(viewer)
        await first(subscription, lambda: emit(camera, b"early"))
        with anyio.CancelScope() as scope:
            scope.cancel()
            await subscription.on_next_message()
        await emit(camera, b"late")
        while (payload := await taken(subscription)) != b"late":
            assert payload == b"early"

    world.run(scenario)


def test_who_is_held_by_nobody_takes_no_more_and_holds_nobody_back(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        camera, viewer = await robot.node("front"), await robot.node("ada", "viewer")
        subscription: Subscription | None = await subscribe(viewer)
        assert subscription is not None
        await first(subscription, lambda: emit(camera, b""))
        assert len(viewer.ends()) == 1
        subscription = None
        await until(lambda: not viewer.ends())
        for _ in range(3000):  # more than a window
            await emit(camera, b"nobody listens")

    world.run(scenario)


def test_a_node_that_ends_lets_go_who_waits(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        viewer = await robot.node("ada", "viewer")
        subscription = await subscribe(viewer)
        heard: list[object] = []

        async def take() -> None:
            heard.append(await subscription.on_next_message())

        robot.go_on(take)
        await anyio.wait_all_tasks_blocked()
        viewer.close()
        await until(lambda: heard == [None])

    world.run(scenario)


def test_one_handle_speaks_for_whom_it_is_told(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        camera, viewer = await robot.node("front"), await robot.node("ada", "viewer")
        subscription = await subscribe(viewer, None)
        as_radar = (camera.messenger(), "core-2", "roof", "radar", "frames", QoSProfile.Reliable)
        message = await first(subscription, lambda: TopicMessenger.emit(*as_radar, b"far"))
        assert message.key_expr == "peppy/topic/frames/radar/core-2/roof"
        await emit(camera, b"near")
        while message.payload == b"far":
            message = await subscription.on_next_message() or message
        assert message.key_expr == f"peppy/topic/frames/camera/{CORE}/front"
        assert [end.traffic().name for end in camera.ends()] == ["frames", "frames"]

    world.run(scenario)


async def test_emitting_what_is_no_bytes_or_under_no_name_is_refused() -> None:
    messenger = runner_on(MemoryNetwork()).messenger()
    emit, qos = TopicMessenger.emit, QoSProfile.Standard
    with pytest.raises(TypeError, match="bytes, not str"):
        await emit(messenger, "core", "front", "camera", "frames", qos, "text")  # type: ignore[arg-type]
    for names in ("a/b", "front", "camera", "frames"), ("core", "*", "camera", "frames"):
        with pytest.raises(ValueError, match="cannot be the name of who speaks"):
            await emit(messenger, *names, qos, b"")
    with pytest.raises(ValueError, match="'fra mes' cannot be a name"):
        await emit(messenger, "core", "front", "camera", "fra mes", qos, b"")


@pytest.mark.parametrize("wrong", [("**", "camera"), ("frames", "cam/era")])
async def test_subscribing_to_what_cannot_be_a_name_is_refused(wrong: tuple[str, str]) -> None:
    messenger = runner_on(MemoryNetwork()).messenger()
    topic, node = wrong
    who = (messenger, "core", "ada")
    with pytest.raises(ValueError, match="cannot be a name"):
        await TopicMessenger.subscribe(*who, node, topic, None, None, QoSProfile.Standard)
    with pytest.raises(ValueError, match="cannot be a name"):
        await TopicMessenger.consume_external(*who, topic, None, "a b", QoSProfile.Standard)


def test_a_messenger_on_another_thread_is_told_where_it_belongs() -> None:
    async def node() -> None:
        runner = runner_on(MemoryNetwork())
        messenger = runner.messenger()
        who = (messenger, runner.bound_core_node(), runner.bound_instance_id())
        call = TopicMessenger.subscribe(*who, "camera", "t", None, None, QoSProfile.Standard)
        with pytest.raises(OtherThread):
            await asyncio.to_thread(asyncio.run, call)

    asyncio.run(node())
