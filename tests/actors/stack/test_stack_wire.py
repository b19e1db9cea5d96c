"""What the stack says of its topics, services and actions."""

from trio.testing import MockClock

from peppy.actors.host.memory_files import File
from peppy.schema import control
from peppy.schema.names import InstanceId, NodeId, parse_node_id
from peppy.schema.wire import TopicConsumer, WireView
from tests.actors.stack.embedded import CORE, SOURCES, Embedded, embedded

CAMERA = parse_node_id("camera:v1")
VIEWER = parse_node_id("viewer:v1")

EXPOSES = """
    services: { exposes: [ {
        name: "enable", request_message_format: { on: "bool" },
    } ] },
    actions: { exposes: [ {
        name: "pan",
        goal_service: { request_message_format: { angle: "f64" } },
        feedback_topic: { message_format: { left: "f64" }, qos_profile: "sensor_data" },
        result_service: { response_message_format: { angle: "f64" } },
    } ] },
"""

CONSUMES = """
    services: { consumes: [ { local_node_id: "eye", name: "enable" } ] },
    actions: { consumes: [ { local_node_id: "eye", name: "pan" } ] },
"""


async def add(robot: Embedded, node: str, interfaces: str, depends: str = "") -> NodeId:
    """Add a node with these interfaces."""
    node_id = parse_node_id(node)
    directory = SOURCES / node_id.name
    document = f"""{{
        peppy_schema: "node_v1",
        manifest: {{ name: "{node_id.name}", tag: "{node_id.tag}", {depends} }},
        interfaces: {{ {interfaces} }},
        execution: {{ language: "python", build_cmd: ["builder", "now"], run_cmd: ["player"] }},
    }}"""
    robot.files.put(directory / "peppy.json5", File(document.encode()))
    await robot.ask(control.AddNode(source=str(directory)))
    return node_id


async def add_camera(robot: Embedded) -> None:
    topic = """topics: { emits: [ {
        name: "frames", qos_profile: "sensor_data",
        message_format: { data: { $type: "array", $items: "u8" }, at: "time" },
    } ] },"""
    await add(robot, "camera:v1", topic + EXPOSES)


async def add_viewer(robot: Embedded) -> None:
    topics = """topics: { consumes: [
        { local_node_id: "eye", name: "frames" },
        { name: "joints", message_format: { angles: { $type: "array", $items: "f64" } } },
    ] },"""
    depends = 'depends_on: { nodes: [{ name: "camera", tag: "v1", local_id: "eye" }] }'
    await add(robot, "viewer:v1", topics + CONSUMES, depends)


async def described(robot: Embedded) -> WireView:
    await robot.listed()
    return await robot.ask(control.DescribeWire())


async def test_an_empty_stack_says_where_the_wire_is() -> None:
    async with embedded() as robot:
        view = await described(robot)
    assert (view.core_node, view.messaging_host, view.messaging_port) == (CORE, "127.0.0.1", 7448)
    assert (view.topics, view.services, view.actions) == ((), (), ())


async def test_a_topic_comes_with_its_format_its_profile_and_who_hears_it() -> None:
    async with embedded() as robot:
        await add_camera(robot)
        await add_viewer(robot)
        frames, joints = (await described(robot)).topics
    assert (frames.name, frames.node, frames.qos) == ("frames", CAMERA, "sensor_data")
    assert frames.format == {"data": {"$type": "array", "$items": "u8"}, "at": "time"}
    assert (frames.emitters, frames.consumers) == ((), (TopicConsumer(node=VIEWER),))
    assert (joints.name, joints.node, joints.emitters) == ("joints", None, ())
    assert joints.consumers == (TopicConsumer(node=VIEWER, external=True),)
    assert joints.format == {"angles": {"$type": "array", "$items": "f64"}}


async def test_an_external_topic_belongs_to_each_node_that_emits_it() -> None:
    async with embedded() as robot:
        await add_camera(robot)
        await add_viewer(robot)
        emits = 'topics: { emits: [ { name: "joints", message_format: { x: "u8" } } ] }'
        for arm in ("left:v1", "right:v1"):
            await add(robot, arm, emits)
        _, left, right = (await described(robot)).topics
    assert [str(left.node), str(right.node)] == ["left:v1", "right:v1"]
    assert left.consumers == right.consumers == (TopicConsumer(node=VIEWER, external=True),)
    assert left.format == {"x": "u8"}


async def test_services_and_actions_come_with_their_formats_and_consumers() -> None:
    async with embedded() as robot:
        await add_camera(robot)
        await add_viewer(robot)
        view = await described(robot)
    (enable,), (pan,) = view.services, view.actions
    assert (enable.node, enable.request, enable.response) == (CAMERA, {"on": "bool"}, None)
    assert (pan.goal_request, pan.goal_response) == ({"angle": "f64"}, None)
    assert (pan.feedback, pan.feedback_qos) == ({"left": "f64"}, "sensor_data")
    assert pan.result_response == {"angle": "f64"}
    assert enable.consumers == pan.consumers == (VIEWER,)


async def test_only_instances_that_run_are_emitters(autojump_clock: MockClock) -> None:
    async with embedded() as robot:
        await add_camera(robot)
        await robot.build("camera:v1")
        await robot.run("front", "camera:v1")
        view = await described(robot)
        assert view.topics[0].emitters == (InstanceId("front"),)
        assert view.services[0].servers == view.actions[0].servers == (InstanceId("front"),)
        await robot.stop("front")
        assert (await described(robot)).topics[0].emitters == ()


async def test_a_stack_that_goes_down_describes_nothing() -> None:
    async with embedded() as robot:
        await robot.take_down()
        assert (await robot.refused(control.DescribeWire())).kind == "going_down"
