"""The stack as a graph: its nodes, and what each takes from which other one."""

from collections.abc import Iterator

import msgspec

from peppy.schema.control import Health, InstanceState, NodeView, StackView
from peppy.schema.names import NodeId
from peppy.schema.wire import WireView


class Taken(msgspec.Struct, frozen=True, order=True):
    """One thing that a node consumes."""

    kind: str
    """`topic`, `service` or `action`."""
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """All that `dependent` takes from `dependency` in one way."""

    dependent: NodeId
    dependency: NodeId | None
    """None where a topic is taken from any node, and none of the stack emits it."""
    external: bool = False
    """Whether it takes them from any node instead of declaring that it depends on this one."""
    takes: tuple[Taken, ...] = ()
    """Sorted; empty where it depends on a node and consumes nothing of it."""
    missing: bool = False
    """Whether `dependency` is not in the stack; then nothing is known of what it takes."""


class StackGraph(msgspec.Struct, frozen=True, kw_only=True):
    """The whole graph; the core node stands first."""

    core_node: str
    nodes: tuple[NodeView, ...]
    links: tuple[Link, ...]
    """Sorted; each leads from a node of the graph to one of it, to one that is missing, or to
    nobody."""

    @property
    def absent(self) -> tuple[NodeId, ...]:
        """The nodes that others depend on and that are not there, sorted."""
        found = {link.dependency for link in self.links if link.missing}
        return tuple(sorted(node for node in found if node is not None))


Ends = tuple[NodeId, NodeId | None, bool]


def graph_of(view: StackView, wire: WireView) -> StackGraph:
    """Return the graph of a stack and of what its nodes consume.

    Both were asked for one after the other: a node that only one of them knows is left out.
    """
    there = {row.node for row in view.nodes}
    found: dict[Ends, set[Taken]] = {}
    for edge in view.dependencies:
        found[edge.dependent, edge.dependency, False] = set()
    for ends, taken in _taken(wire):
        found.setdefault(ends, set()).add(taken)
    links = [
        Link(dependent=who, dependency=whom, external=external, takes=tuple(sorted(takes)))
        for (who, whom, external), takes in found.items()
        if who in there and (whom is None or whom in there)
    ] + [
        Link(dependent=edge.dependent, dependency=edge.dependency, missing=True)
        for edge in view.missing
    ]
    return StackGraph(
        core_node=view.core_node, nodes=view.nodes, links=tuple(sorted(links, key=_place))
    )


def unwell(row: NodeView) -> bool:
    """Say whether a node has an instance that a person should look at."""
    return any(
        each.health is Health.UNHEALTHY or each.state is InstanceState.FAILED
        for each in row.instances
    )


def _taken(wire: WireView) -> Iterator[tuple[Ends, Taken]]:
    for topic in wire.topics:
        for consumer in topic.consumers:
            ends = (consumer.node, topic.node, consumer.external)
            yield ends, Taken("topic", topic.name)
    for service in wire.services:
        for node in service.consumers:
            yield (node, service.node, False), Taken("service", service.name)
    for action in wire.actions:
        for node in action.consumers:
            yield (node, action.node, False), Taken("action", action.name)


def _place(link: Link) -> tuple[str, str, bool, tuple[Taken, ...]]:
    return str(link.dependent), str(link.dependency or ""), link.external, link.takes
