"""An action for the tests, its two ends, and nodes to put them on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import anyio

from peppy.runtime.action_fired import FiredGoal
from peppy.runtime.action_server import ActionServer
from peppy.runtime.actions import ConsumedAction, ExposedAction
from peppy.runtime.qos import QoSProfile
from peppy.runtime.runner import NodeRunner
from peppy.runtime.token import CancellationToken
from peppy.runtime.transport.port import Transport
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name, Tag
from tests.runtime.transport.wires import Wire

CORE = "core-node-swift-turing-0001"

SOON = 5.0
"""Seconds that nothing here should take."""


@dataclass(slots=True)
class Goal:
    arm: int


@dataclass(slots=True)
class Response:
    accepted: bool


@dataclass(slots=True)
class Feedback:
    position: int


@dataclass(slots=True)
class Result:
    final: int


@dataclass(slots=True)
class GoalRequest:
    instance_id: str
    core_node: str
    data: Goal


@dataclass(slots=True)
class Request:
    """A cancel or the request for a result."""

    instance_id: str
    core_node: str


@dataclass(slots=True)
class CancelResponse:
    accepted: bool
    error_message: str | None = None


@dataclass(slots=True)
class Cancelled:
    core_node: str
    instance_id: str
    data: CancelResponse


@dataclass(slots=True)
class Finished:
    core_node: str
    instance_id: str
    data: Result


GOAL: Final = ({"arm": "u16"}, Goal)
RESPONSE: Final = ({"accepted": "bool"}, Response)
FEEDBACK: Final = ({"position": "i32"}, Feedback)
RESULT: Final = ({"final": "i32"}, Result)


def exposed() -> ExposedAction:
    return ExposedAction(
        "move", GOAL, RESPONSE, FEEDBACK, RESULT, GoalRequest, Request, CancelResponse, Request
    )


def consumed(result: Any = RESULT) -> ConsumedAction:
    return ConsumedAction(
        "brain", "move", GOAL, RESPONSE, FEEDBACK, result, CancelResponse, Cancelled, Finished
    )


def runner_of(transport: Transport, instance_id: str, node: str) -> NodeRunner:
    address = Address(CORE, Name(node), InstanceId(instance_id))
    return NodeRunner(address, Tag("v1"), transport, CancellationToken())


class Arena:
    """Nodes on one wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.action = consumed()

    async def node(self, instance_id: str, node: str) -> NodeRunner:
        return runner_of(await self._wire.join(), instance_id, node)

    async def server(self, instance_id: str = "left") -> ActionServer:
        """Return the serving end on a node of its own."""
        return await exposed().expose(await self.node(instance_id, "brain"))

    async def client(self, instance_id: str = "pilot") -> "Client":
        return Client(self.action, await self.node(instance_id, "controller"))

    async def pair(self) -> "tuple[ActionServer, Client]":
        return await self.server(), await self.client()


class Client:
    """A node that fires goals."""

    def __init__(self, action: ConsumedAction, runner: NodeRunner) -> None:
        self.runner = runner
        self._action = action

    async def fire(
        self,
        arm: int = 1,
        timeout: float = SOON,
        qos: QoSProfile = QoSProfile.Standard,
        *,
        instance_id: str | None = None,
        on_queued: Callable[[int], None] | None = None,
    ) -> FiredGoal:
        return await self._action.fire(
            self.runner, Goal(arm), timeout, qos, None, instance_id, on_queued
        )


async def accept(server: ActionServer, seen: list[GoalRequest] | None = None) -> None:
    """Serve the next goal by accepting it."""

    def decide(request: GoalRequest) -> Response:
        if seen is not None:
            seen.append(request)
        return Response(accepted=True)

    await server.handle_goal(decide)


async def begun(server: ActionServer, client: Client) -> FiredGoal:
    """Return a goal that the server has accepted."""
    goals: list[FiredGoal] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(accept, server)
        goals.append(await client.fire())
    return goals[0]


async def finish(server: ActionServer, final: int = 7) -> None:
    """Serve the next request for a result."""
    await server.handle_result(lambda _: Result(final))


async def let_cancel(server: ActionServer, *, accepted: bool = True) -> None:
    """Serve the next cancel."""
    await server.handle_cancel(lambda _: CancelResponse(accepted, "as you wish"))


async def collect(goal: FiredGoal) -> list[int]:
    """Return all feedback until it ends."""
    return [message.position async for message in goal.feedback()]


Scene = Callable[[Arena], Awaitable[None]]
