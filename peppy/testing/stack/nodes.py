"""The nodes of a stack, as a test looks at them and runs more instances of them."""

from collections.abc import Mapping
from typing import Any

from peppy.schema.control import (
    DescribeNode,
    InstanceView,
    ListStack,
    NodeInfoView,
    NodeView,
    RunNode,
    Stage,
    StartView,
)
from peppy.schema.names import InstanceId
from peppy.schema.node import NodeDocument
from peppy.schema.node_reader import read_node_document
from peppy.schema.wire_finding import Ambiguous, NotFound
from peppy.schema.wording import quoted
from peppy.testing.stack.contact import Contact


class Node:
    """What `LaunchedStack.node` gives; `name` or `name:tag` is looked up when it is asked for."""

    def __init__(self, contact: Contact, name: str) -> None:
        self._world = contact.world
        self._name = name

    async def row(self) -> NodeView:
        """Return what the daemon's list says of it. Raises `NotFound` or `Ambiguous`."""
        view = await self._world.ask(ListStack())
        rows = [row for row in view.nodes if row.stage is not Stage.ROOT]
        found = [row for row in rows if self._name in (row.node.name, str(row.node))]
        match found:
            case [row]:
                return row
            case []:
                raise NotFound("node", self._name, [str(row.node) for row in rows])
            case _:
                raise Ambiguous("node", self._name, [str(row.node) for row in found])

    async def info(self) -> NodeInfoView:
        """Return all that the daemon knows of it; raises as `row` does."""
        return await self._world.ask(DescribeNode(node=(await self.row()).node))

    async def stage(self) -> Stage:
        """Return how far it has come; raises as `row` does."""
        return (await self.row()).stage

    async def instances(self) -> dict[str, InstanceView]:
        """Return its instances by id; raises as `row` does."""
        return {each.instance_id: each for each in (await self.row()).instances}

    async def document(self) -> NodeDocument:
        """Return its document, as the stack has it; raises as `row` does."""
        path = (await self.row()).config_path
        return read_node_document(await self._world.read(path), path)

    async def start(
        self, instance_id: str | None = None, arguments: Mapping[str, Any] | None = None
    ) -> StartView:
        """Start one more instance; return once its `setup` has returned.

        Without an id it gets one that is made up; `arguments` are nested as in a launch file.
        Raises as `row` does, and the `PeppyError` that the daemon refuses with.
        """
        return await self._world.ask(
            RunNode(
                node=(await self.row()).node,
                instance_id=None if instance_id is None else InstanceId(instance_id),
                values=dict(arguments or {}),
                environment=dict(self._world.environment),
            )
        )

    def __repr__(self) -> str:
        return f"<Node {quoted(self._name)} of a stack>"
