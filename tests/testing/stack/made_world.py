"""A world for the tests of what a test holds of a stack: nodes in memory, a daemon of few words."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import trio

from peppy.runtime.instance_services import serve_instance
from peppy.runtime.runner import NodeRunner
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.runtime.transport.port import Transport
from peppy.schema.control import (
    DescribeWire,
    InstanceState,
    InstanceView,
    ListStack,
    NodeView,
    StackView,
    Stage,
)
from peppy.schema.errors import PeppyError
from peppy.schema.names import InstanceId, Name, NodeId, Tag, parse_node_id
from peppy.schema.requests import Request
from peppy.schema.wire import ActionView, ServiceView, TopicConsumer, TopicView, WireView
from peppy.testing.stack.launched import LaunchedStack
from peppy.testing.stack.names import Documented, Names
from peppy.testing.trace import Kind, Trace
from tests.runtime import service_nodes, topic_ends

A = TypeVar("A")

CORE: Final = service_nodes.CORE

CAMERA: Final = parse_node_id("camera:v1")
BRAIN: Final = parse_node_id("brain:v1")

LAUNCHER: Final = "/robot/peppy_launcher.json5"

LAUNCH_FILE: Final = b"""{ deployments: [
  { source: { local: "./camera" }, instances: [
    { instance_id: "front", arguments: { rate: 5 }, env_vars: { MODE: "slow" },
      restart: "on_failure" },
    { instance_id: "rear" },
  ] },
] }"""

ITEMS: Final = TopicView(
    name=Name("items"),
    node=CAMERA,
    qos="standard",
    format=dict(topic_ends.FORMAT),
    emitters=(InstanceId("front"),),
    consumers=(TopicConsumer(node=BRAIN),),
)

WIRE: Final = WireView(
    core_node=CORE,
    messaging_host="127.0.0.1",
    messaging_port=1,
    topics=(ITEMS,),
    services=(
        ServiceView(
            name=Name("repeat"),
            node=CAMERA,
            request=dict(service_nodes.REQUEST),
            response=dict(service_nodes.RESPONSE),
        ),
        ServiceView(name=Name("fire"), node=CAMERA, request=None, response=None),
    ),
    actions=(
        ActionView(
            name=Name("move"),
            node=BRAIN,
            goal_request={"arm": "u16"},
            goal_response={"accepted": "bool"},
            feedback={"position": "i32"},
            feedback_qos="standard",
            result_response={"final": "i32"},
        ),
    ),
)


class MadeFaults:
    """None can happen here."""

    async def crash(self, instance_id: str) -> None:
        raise NotImplementedError

    async def hang(self, instance_id: str, seconds: float | None = None) -> None:
        raise NotImplementedError

    async def resume(self, instance_id: str) -> None:
        raise NotImplementedError

    async def kill_daemon(self, *, away: float = 0.0) -> None:
        raise NotImplementedError


class MadeWorld:
    """`answers` are the daemon's, by request; a function gets the request."""

    core_node = CORE
    launcher = LAUNCHER
    environment: Mapping[str, str] = {"HOME": "/home/robot"}
    settling = 0.0
    network = None

    def __init__(self) -> None:
        self.wire = MemoryNetwork()
        self.trace = Trace(trio.current_time)
        self.faults = MadeFaults()
        self.names = Names(self.trace, Documented)
        self.names.launched(LAUNCHER, LAUNCH_FILE, "/robot")
        self.asked: list[Request[Any]] = []
        self.files = {LAUNCHER: LAUNCH_FILE}
        self.answers: dict[type[Request[Any]], Callable[[Any], Any]] = {
            DescribeWire: lambda _: WIRE,
            ListStack: lambda _: stack_of(CAMERA, "front", "rear"),
        }

    async def ask(self, request: Request[A]) -> A:
        await trio.lowlevel.checkpoint()
        self.asked.append(request)
        answer: A = self.answers[type(request)](request)
        return answer

    async def read(self, path: str) -> bytes:
        await trio.lowlevel.checkpoint()
        if path not in self.files:
            raise PeppyError(f"there is no '{path}'")
        return self.files[path]

    def transport(self) -> Transport:
        return MemoryTransport(self.wire)

    def node(self, instance_id: str, node: str = "camera") -> NodeRunner:
        """Return an instance that is alive and answers its daemon."""
        runner = service_nodes.alive(MemoryTransport(self.wire), instance_id, node)
        serve_instance(runner)
        return runner

    def printed(self, instance_id: str, line: str) -> None:
        self.trace.add(Kind.LINE, instance_id, "stdout", line)


@asynccontextmanager
async def made_stack() -> AsyncGenerator[tuple[MadeWorld, LaunchedStack], None]:
    world = MadeWorld()
    stack = LaunchedStack(world)
    yield world, stack
    stack.close()


def stack_of(
    node: NodeId, *instances: str, state: InstanceState = InstanceState.RUNNING
) -> StackView:
    """Return a stack with one node, behind the core node."""
    return StackView(
        core_node=CORE,
        nodes=(
            _row(NodeId(Name("core"), Tag("v1")), Stage.ROOT, "swift-turing-0001"),
            _row(node, Stage.READY, *instances, state=state),
        ),
        dependencies=(),
    )


def _row(
    node: NodeId, stage: Stage, *instances: str, state: InstanceState = InstanceState.RUNNING
) -> NodeView:
    return NodeView(
        node=node,
        stage=stage,
        variant="default",
        path=f"/nodes/{node.name}",
        config_path=f"/nodes/{node.name}/peppy.json5",
        instances=tuple(
            InstanceView(
                instance_id=InstanceId(each),
                node=node,
                state=state,
                pid=1,
                log=f"/logs/{each}.log",
                started_at=0.0,
            )
            for each in instances
        ),
    )
