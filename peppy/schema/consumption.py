"""What a node consumes of those that it depends on, and what of that is not there; pure."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

import msgspec

from peppy.schema.dependency_errors import (
    DependencyProblem,
    MissingDependency,
    MissingFormat,
    MissingInterface,
    UnknownLabel,
)
from peppy.schema.interface_difference import differences
from peppy.schema.names import Name, NodeId
from peppy.schema.node import (
    EmittedTopic,
    ExposedAction,
    ExposedService,
    Interfaces,
    LinkedTopic,
    NodeDocument,
)

Documents = Mapping[NodeId, NodeDocument]
"""Nodes that stand beside one another."""

Item = EmittedTopic | ExposedService | ExposedAction

KINDS: Final = ("topic", "service", "action")


class Use(msgspec.Struct, frozen=True):
    """One thing that a node takes from the dependency under a label."""

    label: str
    kind: str
    """`topic`, `service` or `action`."""
    name: Name


def uses(document: NodeDocument) -> Iterator[Use]:
    """Yield what a node takes from its dependencies, in the order of its document."""
    its = document.interfaces
    for topic in its.consumes:
        if isinstance(topic, LinkedTopic):
            yield Use(topic.local_id, "topic", topic.name)
    for service in its.consumed_services:
        yield Use(service.local_id, "service", service.name)
    for action in its.consumed_actions:
        yield Use(action.local_id, "action", action.name)


def consumed_of(document: NodeDocument, node: NodeId, offered: Interfaces) -> Interfaces:
    """Return the part of `offered`, the interfaces of `node`, that a node depends on."""
    labels = {each.local_id for each in document.manifest.depends_on if each.node == node}
    wanted = {(use.kind, use.name) for use in uses(document) if use.label in labels}
    return _only(offered, wanted)


def changed_uses(
    document: NodeDocument, node: NodeId, before: Interfaces, after: Interfaces
) -> tuple[Use, ...]:
    """Return what a node consumes of `node` and what is not `after` as it was `before`."""
    labels = {each.local_id for each in document.manifest.depends_on if each.node == node}
    return tuple(
        use
        for use in uses(document)
        if use.label in labels
        and differences(_only(before, {(use.kind, use.name)}), _only(after, {(use.kind, use.name)}))
    )


def _only(offered: Interfaces, wanted: Collection[tuple[str, Name]]) -> Interfaces:
    return Interfaces(
        emits=tuple(t for t in offered.emits if ("topic", t.name) in wanted),
        exposed_services=tuple(
            s for s in offered.exposed_services if ("service", s.name) in wanted
        ),
        exposed_actions=tuple(a for a in offered.exposed_actions if ("action", a.name) in wanted),
    )


def consumed(document: NodeDocument, known: Documents) -> dict[NodeId, Interfaces]:
    """Return what a node depends on of each of its dependencies that is there."""
    return {
        needed.node: consumed_of(document, needed.node, known[needed.node].interfaces)
        for needed in document.manifest.depends_on
        if needed.node in known
    }


def shortfalls(document: NodeDocument, known: Documents) -> Iterator[DependencyProblem]:
    """Yield everything that a node lacks beside the nodes in `known`."""
    node = document.manifest.id
    for topic in document.interfaces.emits:
        if topic.format is None:
            yield MissingFormat(node, topic.name)
    labels = {needed.local_id: needed.node for needed in document.manifest.depends_on}
    for dependency in dict.fromkeys(labels.values()):
        if dependency not in known:
            yield MissingDependency(node, dependency, known)
    for use in uses(document):
        if use.label not in labels:
            yield UnknownLabel(node, use.label, labels)
        elif (target := known.get(labels[use.label])) is not None:
            yield from _missing(node, use, target, known)


def _missing(
    node: NodeId, use: Use, target: NodeDocument, known: Documents
) -> Iterator[DependencyProblem]:
    there = {item.name: item for item in _offered(target.interfaces, use.kind)}
    found = there.get(use.name)
    if found is None:
        others = tuple(_elsewhere(use, target, known))
        yield MissingInterface(node, target.manifest.id, use.kind, use.name, there, others)
    elif isinstance(found, EmittedTopic) and found.format is None:
        yield MissingFormat(target.manifest.id, found.name)


def _offered(interfaces: Interfaces, kind: str) -> tuple[Item, ...]:
    match kind:
        case "topic":
            return interfaces.emits
        case "service":
            return interfaces.exposed_services
        case _:
            return interfaces.exposed_actions


def _elsewhere(use: Use, target: NodeDocument, known: Documents) -> Iterator[str]:
    """Yield where there is something of that name: as another kind, or under another tag."""
    for kind in KINDS:
        if kind != use.kind and _has(target, kind, use.name):
            article = "an" if kind == "action" else "a"
            yield f"it exposes {article} {kind} of that name"
    for node, document in known.items():
        same = node.name == target.manifest.name and node != target.manifest.id
        if same and _has(document, use.kind, use.name):
            yield f"'{node}' exposes it"


def _has(document: NodeDocument, kind: str, name: Name) -> bool:
    return any(item.name == name for item in _offered(document.interfaces, kind))
