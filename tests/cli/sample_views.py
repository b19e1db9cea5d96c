"""Views as a daemon would give them."""

from peppy.schema.control import (
    AddView,
    BuildView,
    DaemonView,
    Edge,
    InstanceState,
    InstanceView,
    InterfaceLine,
    NodeInfoView,
    NodeView,
    StackView,
    Stage,
    StartView,
)
from peppy.schema.names import InstanceId, parse_node_id

HELLO = parse_node_id("hello_world:0.1.0")
RECEIVER = parse_node_id("hello_receiver:0.1.0")
CORE = parse_node_id("core-node-funny-chatterjee-6386:v0.8.0")


def instance(
    name: str = "elegant-solomon-5423",
    state: InstanceState = InstanceState.RUNNING,
    ended: str | None = None,
) -> InstanceView:
    return InstanceView(
        instance_id=InstanceId(name),
        node=HELLO,
        state=state,
        pid=4711,
        log=f"/home/ubuntu/.peppy/logs/run/{name}.log",
        started_at=1.0,
        ended=ended,
    )


def row(*instances: InstanceView) -> NodeView:
    return NodeView(
        node=HELLO,
        stage=Stage.READY,
        variant="default",
        path="/home/ubuntu/.peppy/built_nodes/hello_world_0.1.0.tar.zst",
        instances=instances,
    )


CORE_ROW = NodeView(
    node=CORE,
    stage=Stage.ROOT,
    variant="default",
    path="/home/ubuntu/.peppy/bin",
    instances=(instance("core"),),
)

STACK = StackView(core_node=str(CORE), nodes=(CORE_ROW, row(instance())), dependencies=())

LINKED = StackView(
    core_node=str(CORE),
    nodes=(CORE_ROW, row(instance())),
    dependencies=(Edge(dependent=RECEIVER, dependency=HELLO),),
)

NODE_INFO = NodeInfoView(
    row=row(
        instance("suspicious-swanson-5880"),
        instance("flamboyant-penrose-9622", InstanceState.FAILED, "exit code 1"),
    ),
    language="python",
    build_cmd=("uv", "sync"),
    run_cmd=("uv", "run", "hello_world"),
    add_log="/home/ubuntu/.peppy/logs/add/hello_world_0.1.0_20260416_101124_613.log",
    build_log=None,
    exposed=(InterfaceLine(kind="emitted topic", name="message_stream", qos="sensor_data"),),
    consumed=(
        InterfaceLine(kind="consumed topic", name="clock", source="time:v1"),
        InterfaceLine(kind="consumed topic", name="joints", qos="standard"),
    ),
    parameters=("name: string", "video.frame_rate: u16"),
    dependencies=(parse_node_id("time:v1"),),
    config_sha256="67505086f8ac",
)

DAEMON = DaemonView(
    version="0.1.0",
    core_node=str(CORE),
    instance_id=InstanceId("core"),
    pid=4711,
    home="/home/ubuntu/.peppy",
    host_name="robot",
    messaging_port=7448,
    uptime=7509.0,
    nodes=2,
)

ADDED = AddView(node=HELLO, log="/logs/add/hello.log", snapshot="/snapshots/hello")
BUILT = BuildView(
    node=HELLO, log="/logs/build/hello.log", artifact="/built_nodes/hello.tar.zst", seconds=1.5
)
STARTED = StartView(
    node=HELLO,
    instance_id=InstanceId("vigorous-buck-8117"),
    pid=77190,
    log="/logs/run/vigorous-buck-8117.log",
    seconds=0.4,
)
