"""Nodes that talk by messengers, over each transport under each loop."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final

import anyio
import pytest

from peppy.runtime.instance_services import serve_instance
from peppy.runtime.messenger import MessengerHandle, TopicMessage
from peppy.runtime.messenger_topics import Subscription, TopicMessenger
from peppy.runtime.qos import QoSProfile
from peppy.runtime.runner import NodeRunner
from peppy.runtime.token import CancellationToken
from tests.runtime.service_nodes import CORE, alive
from tests.runtime.transport.wires import DEADLINE, LOOPS, WIRES, Wire

OTHER_FORMAT: Final = {"number": "u8"}


@dataclass(slots=True)
class Other:
    """A message of `OTHER_FORMAT`."""

    number: int


@dataclass(slots=True)
class Payload:
    """A message of a messenger, as a binding's dataclass has it."""

    payload: bytes


class Robot:
    """A wire, and the nodes on it."""

    def __init__(self, wire: Wire, tasks: anyio.abc.TaskGroup) -> None:
        self._wire = wire
        self._tasks = tasks

    async def node(self, instance_id: str, node: str = "camera") -> NodeRunner:
        """Return a node that lives until the end of the test."""
        runner = alive(await self._wire.join(), instance_id, node)
        runner.work_with(self._tasks)
        serve_instance(runner, CancellationToken())
        return runner

    def go_on(self, work: Callable[..., Coroutine[Any, Any, Any]], *given: Any) -> None:
        """Have `work` done meanwhile."""
        self._tasks.start_soon(work, *given)


Scenario = Callable[[Robot], Awaitable[None]]


@dataclass(frozen=True)
class World:
    """One transport under one loop."""

    transport: str
    loop: str

    def run(self, scenario: Scenario) -> None:
        """Run a scenario to its end, within the deadline."""

        async def main() -> None:
            wire: AbstractAsyncContextManager[Wire] = WIRES[self.transport]()
            with anyio.fail_after(DEADLINE):
                async with wire as joined, anyio.create_task_group() as tasks:
                    await scenario(Robot(joined, tasks))
                    tasks.cancel_scope.cancel()

        anyio.run(main, backend=self.loop)


WORLDS: Final = [
    pytest.param(World(transport, loop), id=f"{transport}-{loop}")
    for transport in ("memory", "zenoh")
    for loop in LOOPS
]


async def emit(
    runner: NodeRunner, payload: bytes, qos: QoSProfile = QoSProfile.Reliable, topic: str = "frames"
) -> None:
    """Emit as the node itself."""
    who = (runner.bound_core_node(), runner.bound_instance_id(), runner.node_name())
    await TopicMessenger.emit(runner.messenger(), *who, topic, qos, payload)


async def subscribe(
    runner: NodeRunner,
    node: str | None = "camera",
    instance_id: str | None = None,
    qos: QoSProfile = QoSProfile.Reliable,
    topic: str = "frames",
) -> Subscription:
    """Subscribe as the node itself; to whichever node emits the topic if `node` is None."""
    messenger, who = runner.messenger(), (runner.bound_core_node(), runner.bound_instance_id())
    if node is None:
        return await TopicMessenger.consume_external(messenger, *who, topic, None, instance_id, qos)
    return await TopicMessenger.subscribe(messenger, *who, node, topic, None, instance_id, qos)


async def first(subscription: Subscription, again: Callable[[], Awaitable[None]]) -> TopicMessage:
    """Return the first message, sending `again` until it comes: a new link may not be there yet."""
    found: list[TopicMessage] = []

    async def take() -> None:
        message = await subscription.on_next_message()
        assert message is not None
        found.append(message)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take)
        while not found:
            await again()
            await anyio.sleep(0.002)
    return found[0]


async def taken(subscription: Subscription) -> bytes:
    """Return what the next message carries."""
    message = await subscription.on_next_message()
    assert message is not None
    return message.payload


def messenger_of(runner: NodeRunner) -> tuple[MessengerHandle, str, str]:
    """Return what most calls of a messenger begin with."""
    return runner.messenger(), CORE, runner.bound_instance_id()
