"""Answers about launches, as a daemon would give them."""

from peppy.schema.control import Edge, StartView
from peppy.schema.frames import Note
from peppy.schema.launch import (
    DownView,
    LaunchPlanView,
    LaunchView,
    LockView,
    NodeProgress,
    PlannedInstance,
    PlannedNode,
    RestartView,
)
from peppy.schema.names import InstanceId, parse_node_id

CAMERA = parse_node_id("camera:v1")
BRAIN = parse_node_id("brain:v1")
OLD = parse_node_id("old:v1")

PLAN = LaunchPlanView(
    launcher="/robot/peppy_launcher.json5",
    stops=(InstanceId("old_two"), InstanceId("old_one")),
    removes=(OLD,),
    nodes=(
        PlannedNode(
            node=CAMERA,
            origin="/robot/camera",
            variant="mock",
            wave=0,
            reused=True,
            instances=(
                PlannedInstance(
                    instance_id=InstanceId("front"),
                    arguments={"video": {"rate": 30, "size": [1, 2]}, "device": "/dev/video0"},
                    restart="on_failure",
                ),
                PlannedInstance(instance_id=None, arguments={}, restart="never"),
            ),
        ),
        PlannedNode(
            node=BRAIN,
            origin="https://example.com/hub.git/brain@0123abc",
            variant="default",
            wave=1,
            instances=(
                PlannedInstance(
                    instance_id=InstanceId("mind"), arguments={"limits": {}}, restart="never"
                ),
            ),
        ),
    ),
    dependencies=(Edge(dependent=BRAIN, dependency=CAMERA),),
    warnings=("a variant's manifest is ignored",),
)

STARTS = (
    StartView(
        node=CAMERA, instance_id=InstanceId("front"), pid=4711, log="/logs/front.log", seconds=0.4
    ),
    StartView(
        node=BRAIN, instance_id=InstanceId("mind"), pid=4712, log="/logs/mind.log", seconds=0.6
    ),
)

LAUNCHED = LaunchView(
    launcher="/robot/peppy_launcher.json5",
    log="/logs/launch/launch_1.log",
    nodes=(CAMERA, BRAIN),
    built=(BRAIN,),
    started=STARTS,
    stopped=(InstanceId("old_one"),),
    removed=(OLD,),
    seconds=12.34,
    warnings=("a variant's manifest is ignored",),
)

LOCKED = LockView(
    launcher="/robot/peppy_launcher.json5",
    lock="/robot/peppy_launcher.lock.json5",
    nodes=(CAMERA, BRAIN),
    changed=("brain:v1: commit 0123abc is now 4567def",),
)

DOWN = DownView(stopped=(InstanceId("mind"), InstanceId("front")), removed=(BRAIN, CAMERA))

RESTARTED = RestartView(started=STARTS, seconds=2.04)


def told(node: object, state: NodeProgress, text: str = "") -> Note:
    """Return the note that a node has come into a state."""
    return Note(stream="node", node=str(node), state=state, text=text)


def printed(node: object, text: str) -> Note:
    """Return the note of a line that a node's build has printed."""
    return Note(stream="stdout", node=str(node), text=text)
