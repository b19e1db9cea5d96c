"""The nodes of a stack, those that leave it, and whose instance has which name."""

from collections.abc import Iterable, Mapping
from random import Random

from msgspec.structs import replace

from peppy.actors.rules import binding, fitting, graph
from peppy.actors.stack import views
from peppy.actors.stack.errors import (
    CoreNodeRefused,
    InstanceExists,
    UnknownInstance,
    UnknownNode,
)
from peppy.actors.stack.messages import Hurry
from peppy.actors.stack.plan import Plan
from peppy.actors.stack.retirement import Member
from peppy.actors.stack.site import Site
from peppy.schema.control import NodeView, RunNode, StackView, Stage
from peppy.schema.generated_names import generate_instance_id
from peppy.schema.names import InstanceId, NodeId, parse_instance_id
from peppy.schema.node import NodeDocument


class Members:
    """What the stack's own actor knows of the others."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.present: dict[NodeId, Member] = {}
        self.leaving: dict[NodeId, Member] = {}
        """Nodes that are being taken out: not listed, but not gone."""
        self.owners: dict[InstanceId, NodeId] = {}
        self.held_by: object | None = None
        """What has taken hold of all of them."""

    def view(self) -> StackView:
        """Return the whole stack as it is listed."""
        rows = [member.view for member in self.present.values() if member.view is not None]
        documents = self.documents()
        return StackView(
            core_node=self._site.core_node,
            nodes=(views.core_node(self._site), *rows),
            dependencies=graph.edges(documents),
            missing=graph.missing(documents),
            changing=self.held_by is not None or any(row.stage is Stage.BUILDING for row in rows),
        )

    def documents(self) -> Mapping[NodeId, NodeDocument]:
        """Return the documents of the nodes that are listed."""
        return {node: member.entry.document for node, member in self.present.items()}

    def find(self, node: NodeId, verb: str) -> Member:
        """Return a node that is to be `verb`; raise `UnknownNode` or `CoreNodeRefused`."""
        if node.name == self._site.core_node:
            raise CoreNodeRefused(verb)
        if node not in self.present:
            raise UnknownNode(node, self.present)
        return self.present[node]

    def owner(self, instance_id: InstanceId) -> Member:
        """Return the node of an instance; raise `UnknownInstance` or `CoreNodeRefused`."""
        if instance_id in (self._site.daemon_instance, self._site.core_node):
            raise CoreNodeRefused("stopped")
        node = self.owners.get(instance_id)
        if node is None:
            raise UnknownInstance(instance_id, self.owners)
        return self.present.get(node) or self.leaving[node]

    def claim(self, wanted: str | None, node: NodeId) -> InstanceId:
        """Return the name of a new instance, one made up if none is `wanted`.

        Raises `InstanceExists`, and `NotAName` for what can be none.
        """
        if wanted is None:
            instance_id = free_instance_id(self._site.random, self.owners)
        else:
            instance_id = parse_instance_id(wanted)
        if instance_id in self.owners:
            raise InstanceExists(instance_id, self.owners[instance_id])
        self.owners[instance_id] = node
        return instance_id

    def admit(self, request: RunNode, member: Member) -> tuple[InstanceId, tuple[str, ...]]:
        """Return the name of a new instance, and what is to be said before it starts.

        Raises `BadBindings`, and what `claim` raises.
        """
        absent = binding.warnings(member.entry.document, request.bindings, self.owners)
        unfit = fitting.warnings_of_run(member.entry.fitted, self.documents())
        return self.claim(request.instance_id, request.node), (*unfit, *absent)

    def own(self, owners: Mapping[InstanceId, NodeId]) -> None:
        """Have these be all instances that there are, but for those of nodes that are not here."""
        self.owners = {name: node for name, node in owners.items() if node in self.present}

    def keep_names(self, plans: Iterable[Plan]) -> None:
        """Let nobody have the names of instances that are about to be started."""
        for plan in plans:
            if plan.node in self.present:
                self.owners.setdefault(plan.address.instance_id, plan.node)

    def changed(self, view: NodeView) -> None:
        """Take a node's new looks."""
        for members in (self.present, self.leaving):
            if view.node in members:
                members[view.node] = replace(members[view.node], view=view)

    def tell(self, message: Hurry) -> None:
        """Tell every node, those that leave too."""
        for member in (*self.present.values(), *self.leaving.values()):
            member.ref.tell(message)

    def leave(self, node: NodeId) -> None:
        """Take a node off the list, while it ends."""
        self.leaving[node] = self.present.pop(node)

    def forget(self, node: NodeId) -> Member:
        """Return a node that has ended, and know nothing of it any more."""
        member = self.leaving.pop(node)
        self.owners = {each: owner for each, owner in self.owners.items() if owner != node}
        return member


def free_instance_id(random: Random, taken: Mapping[InstanceId, object]) -> InstanceId:
    """Return a made-up name that nobody has."""
    while True:
        instance_id = generate_instance_id(random)
        if instance_id not in taken:
            return instance_id
