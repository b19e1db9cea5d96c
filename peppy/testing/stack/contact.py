"""The test's own end of a stack: who it is on the wire, and what it knows of what is there."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final, TypeVar

from peppy.runtime.runner import NodeRunner
from peppy.runtime.token import CancellationToken
from peppy.schema.control import DescribeWire
from peppy.schema.errors import PeppyError
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name, Tag
from peppy.schema.wire import ActionView, ServiceView, TopicView, WireView
from peppy.schema.wire_finding import find
from peppy.testing.stack.world import World

V = TypeVar("V", TopicView, ServiceView, ActionView)

TEST: Final = "test"
"""What the test is called among the nodes, and among their instances."""


class Contact:
    """Made with the stack, closed with it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._wire: WireView | None = None
        self._opened = False

    @cached_property
    def runner(self) -> NodeRunner:
        """What calls and listens as a node does."""
        self._opened = True
        return NodeRunner(
            self.address(Name(TEST), InstanceId(TEST)),
            Tag(TEST),
            self.world.transport(),
            CancellationToken(),
        )

    def address(self, node: Name, instance_id: InstanceId) -> Address:
        """Return the address of an instance of this stack."""
        return Address(self.world.core_node, node, instance_id)

    async def wire(self) -> WireView:
        """Return what the documents put on the wire, asked anew, with who is there now."""
        self._wire = await self.world.ask(DescribeWire())
        return self._wire

    def forget(self) -> None:
        """Ask anew what is there, the next time that something is looked up."""
        self._wire = None

    async def topic(self, name: str) -> TopicView:
        """Return the topic that is meant; raises `NotFound` or `Ambiguous`."""
        return await self._find("topic", name, lambda wire: wire.topics)

    async def service(self, name: str) -> ServiceView:
        """Return the service that is meant; raises `NotFound` or `Ambiguous`."""
        return await self._find("service", name, lambda wire: wire.services)

    async def action(self, name: str) -> ActionView:
        """Return the action that is meant; raises `NotFound` or `Ambiguous`."""
        return await self._find("action", name, lambda wire: wire.actions)

    async def _find(self, what: str, name: str, of: Callable[[WireView], Sequence[V]]) -> V:
        if self._wire is not None:
            try:
                return find(what, name, of(self._wire))
            except PeppyError:
                pass  # the stack may be another one by now
        return find(what, name, of(await self.wire()))

    def close(self) -> None:
        """End all that the test has begun on the wire; the world closes the transport."""
        if self._opened:
            self.runner.close()


def full_name(name: str, node: str | None) -> str:
    """Return what is looked for: `name`, or `node/name`."""
    return name if node is None else f"{node}/{name}"
