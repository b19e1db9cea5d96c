"""Nodes for the tests: a binding, their settings, and others on the same in-memory network."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

import anyio

from peppy.runtime.binding import Binding
from peppy.runtime.lifecycle import Occupancy, run_node
from peppy.runtime.runner import DEFAULT_BUFFERS, NodeRunner
from peppy.runtime.settings import Settings
from peppy.runtime.setup import Setup
from peppy.runtime.token import CancellationToken
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.runtime.transport.port import Transport
from peppy.schema import keys
from peppy.schema.daemon_config import Buffers
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name, Tag

BACKENDS = ["asyncio", "trio"]

CORE = "core-node-swift-turing-0001"


@dataclass
class Parameters:
    """What the generator makes of `{rate: "u16"}`."""

    rate: int

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        return cls(rate=values["rate"])


BINDING = Binding("camera", "v1", Parameters, {"rate": "u16"}, "0" * 64)


def settings(instance_id: str = "front", node: str = "camera", **more: Any) -> Settings:
    return Settings(
        address=Address(CORE, Name(node), InstanceId(instance_id)),
        tag=Tag("v1"),
        arguments={"rate": 30},
        host="127.0.0.1",
        port=7448,
        **more,
    )


def runner_on(
    network: MemoryNetwork,
    instance_id: str = "front",
    node: str = "camera",
    buffers: Buffers = DEFAULT_BUFFERS,
) -> NodeRunner:
    """Return a runner that is connected and nothing more."""
    return runner_over(MemoryTransport(network), instance_id, node, buffers)


def runner_over(
    transport: Transport,
    instance_id: str = "front",
    node: str = "camera",
    buffers: Buffers = DEFAULT_BUFFERS,
) -> NodeRunner:
    """Return a runner over any transport."""
    who = settings(instance_id, node)
    return NodeRunner(who.address, who.tag, transport, CancellationToken(), buffers)


async def live(
    setup: Setup,
    while_it_lives: Callable[[Occupancy], Awaitable[None]] | None = None,
    network: MemoryNetwork | None = None,
    *,
    owns_loop: bool = False,
    told: Settings | None = None,
) -> None:
    """Live a node's life, with `while_it_lives` beside it; that ends the node when it returns."""
    occupancy = Occupancy(owns_loop=owns_loop)
    transport = MemoryTransport(network or MemoryNetwork())

    async def beside() -> None:
        if while_it_lives is not None:
            await while_it_lives(occupancy)
            occupancy.token.cancel()

    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(beside)
        try:
            await run_node(BINDING, setup, told or settings(), transport, occupancy)
        except Exception as error:
            failure = error
            group.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def until_ready(network: MemoryNetwork) -> None:
    """Return when the node on `network` has announced that it is ready."""
    transport = MemoryTransport(network)
    await transport.watch(keys.ready_pattern(CORE)).receive()
    await transport.close()
