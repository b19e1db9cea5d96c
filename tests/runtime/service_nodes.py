"""Services for the tests, as the generator declares them, and nodes that share a network."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import anyio
import anyio.lowlevel

from peppy.runtime.runner import NodeRunner
from peppy.runtime.services import ConsumedService, ExposedService
from peppy.runtime.token import CancellationToken
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.runtime.transport.port import Transport
from peppy.schema import keys
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name, Tag

PATIENCE: Final = 10.0
"""Seconds that nothing here takes."""

CORE: Final = "core-1"

REQUEST: Final = {"text": "string", "times": "u8"}
RESPONSE: Final = {"text": "string"}


@dataclass(slots=True)
class RequestData:
    text: str
    times: int


@dataclass(slots=True)
class Request:
    instance_id: str
    core_node: str
    data: RequestData


@dataclass(slots=True)
class Response:
    text: str


@dataclass(slots=True)
class Answer:
    core_node: str
    instance_id: str
    data: Response


@dataclass(slots=True)
class BareRequest:
    instance_id: str
    core_node: str


def exposed(**changes: Any) -> ExposedService:
    declared: dict[str, Any] = {
        "name": "repeat",
        "request_format": REQUEST,
        "request_data": RequestData,
        "request": Request,
        "response_format": RESPONSE,
        "response": Response,
    }
    return ExposedService(**{**declared, **changes})


def consumed(**changes: Any) -> ConsumedService:
    declared: dict[str, Any] = {
        "node": "camera",
        "name": "repeat",
        "request_format": REQUEST,
        "request": RequestData,
        "response_format": RESPONSE,
        "response_data": Response,
        "response": Answer,
    }
    return ConsumedService(**{**declared, **changes})


REPEAT: Final = exposed()
CALL: Final = consumed()

TRIGGER: Final = ExposedService("fire", None, None, BareRequest, None, None)
PULL: Final = ConsumedService("camera", "fire", None, None, None, None, None)


def repeat(request: Request) -> Response:
    return Response(request.data.text * request.data.times)


async def repeat_soon(request: Request) -> Response:
    await anyio.lowlevel.checkpoint()
    return repeat(request)


class Nodes:
    """Nodes on one in-memory network."""

    def __init__(self) -> None:
        self.network = MemoryNetwork()

    def node(self, instance_id: str, node: str = "camera", core_node: str = CORE) -> NodeRunner:
        """Return a node that is alive until the end of the test, or until `leave`."""
        return alive(MemoryTransport(self.network), instance_id, node, core_node)


def alive(
    transport: Transport, instance_id: str, node: str = "camera", core_node: str = CORE
) -> NodeRunner:
    """Return a node on this transport, announced as living ones are."""
    address = Address(core_node, Name(node), InstanceId(instance_id))
    runner = NodeRunner(address, Tag("v1"), transport, CancellationToken())
    transport.announce(keys.alive(address))
    return runner


async def leave(runner: NodeRunner) -> None:
    """Let a node go away, as one that ends."""
    runner.close()
    await runner.transport.close()


Scenario = Callable[[Nodes], Awaitable[None]]


def among(backend: str, scenario: Scenario) -> None:
    """Run a scenario on this loop."""

    async def main() -> None:
        with anyio.fail_after(PATIENCE):
            await scenario(Nodes())

    anyio.run(main, backend=backend)


async def idle() -> None:
    """Return when every other task waits."""
    await anyio.wait_all_tasks_blocked()
