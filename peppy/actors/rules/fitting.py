"""Whether a node that comes fits those that are there, and what is said of one that does not; pure.

Nodes are compared by their documents, and by what the bindings of each were generated against.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from peppy.actors.rules.graph import dependents
from peppy.schema.consumption import Documents, changed_uses
from peppy.schema.dependency_errors import MissingDependency
from peppy.schema.errors import PeppyError
from peppy.schema.expectations import BINDINGS_AND_STACK, Expectations, drift
from peppy.schema.format_difference import Sides
from peppy.schema.interface_difference import differences, in_short
from peppy.schema.names import NodeId
from peppy.schema.node import NodeDocument
from peppy.schema.wording import quoted

_BEFORE_AND_AFTER = Sides("in the stack", "in the new document")
_BUILT_AND_NEW = Sides("in its bindings", "in the new document")


class Fitted(msgspec.Struct, frozen=True):
    """A node, and what its bindings were generated against."""

    document: NodeDocument
    expected: Expectations = {}


class NeededByOthers(PeppyError):
    """A replacement that would pull the interfaces from under other nodes."""

    kind = "needed_by_others"

    def __init__(
        self, node: NodeId, found: Sequence[str], lost: Mapping[NodeId, Sequence[str]]
    ) -> None:
        """Take the differences, and for each dependent what it consumes of what has changed."""
        self.dependents = tuple(lost)
        names = ", ".join(quoted(str(dependent)) for dependent in lost)
        uses = [f"'{each}' consumes {', '.join(what)}" for each, what in lost.items() if what]
        super().__init__(
            f"cannot replace node '{node}' because its interfaces changed and other nodes"
            f" depend on it: {names}{in_short(found)}{in_short(uses)}",
            hint="publish the new interfaces under another tag, or remove the dependents first",
        )


class BuiltAgainstOthers(PeppyError):
    """A node whose dependents are there already, made for other interfaces than it has."""

    kind = "built_against_others"

    def __init__(self, node: NodeId, found: Mapping[NodeId, Sequence[str]]) -> None:
        self.dependents = tuple(found)
        names = ", ".join(quoted(str(dependent)) for dependent in found)
        super().__init__(
            f"cannot add node '{node}' because nodes in the stack were built against other"
            f" interfaces of it: {names}{in_short(_by_node(found))}",
            hint="publish the new interfaces under another tag, or remove those nodes first and"
            " add them again afterwards",
        )


class ChangedDependency(PeppyError):
    """Bindings that were generated against other interfaces than there are now."""

    kind = "changed_dependency"

    def __init__(self, node: NodeId, found: Mapping[NodeId, Sequence[str]]) -> None:
        self.node = node
        names = ", ".join(quoted(str(dependency)) for dependency in found)
        super().__init__(
            f"the bindings of `{node}` were generated against other interfaces than its"
            f" dependencies have now: {names}{in_short(_by_node(found))}",
            hint="run 'peppy node sync', or add with '--sync'",
        )


def check_bindings_fit(node: Fitted, known: Documents) -> None:
    """Raise `ChangedDependency` if what a node expects is not what those in `known` have."""
    if found := drift(node.document, node.expected, known, BINDINGS_AND_STACK):
        raise ChangedDependency(node.document.manifest.id, found)


def why_not(new: Fitted, there: Mapping[NodeId, Fitted]) -> PeppyError | None:
    """Return why a node may not enter beside those that are there; None if it may.

    All that its bindings were generated against has to be there yet, and to be as it was.

    It may have the place of the one of its name if its interfaces are the same, or if nobody
    depends on them. Source: behaviour.md 11.1.
    """
    node = new.document.manifest.id
    documents = {each: fitted.document for each, fitted in there.items()}
    present = documents.get(node)
    if present is None:
        if found := _built_against_others(new.document, there):
            return BuiltAgainstOthers(node, found)
    elif trouble := _needed_by_others(new.document, present, documents):
        return trouble
    others = {each: document for each, document in documents.items() if each != node}
    for dependency in new.expected:
        if dependency not in documents:  # it has left, or is about to be another one
            return MissingDependency(node, dependency, others)
    found = drift(new.document, new.expected, others, BINDINGS_AND_STACK)
    return ChangedDependency(node, found) if found else None


def warnings_of_run(node: Fitted, known: Documents) -> tuple[str, ...]:
    """Return what whoever runs a node should know of its dependencies."""
    name, depends_on = node.document.manifest.id, node.document.manifest.depends_on
    absent = [n for n in dict.fromkeys(each.node for each in depends_on) if n not in known]
    changed = drift(node.document, node.expected, known, BINDINGS_AND_STACK)
    return (
        *(
            f"`{name}` depends on `{dependency}`, which is not in the stack"
            for dependency in absent
        ),
        *(
            f"`{name}` was built against other interfaces than `{dependency}` has now:"
            f"{in_short(found)}"
            for dependency, found in changed.items()
        ),
    )


def warnings_of_removal(node: NodeId, left: Documents) -> tuple[str, ...]:
    """Return what whoever takes a node out should know of those that are left."""
    return tuple(
        f"`{dependent}` depends on `{node}`, which is not in the stack any more"
        for dependent in _dependents(node, left)
    )


def _needed_by_others(
    new: NodeDocument, present: NodeDocument, documents: Documents
) -> NeededByOthers | None:
    node = new.manifest.id
    found = differences(present.interfaces, new.interfaces, _BEFORE_AND_AFTER)
    # A node that depends on itself is its own business.
    others = [each for each in dependents(node, documents) if each != node]
    if not found or not others:
        return None
    lost = {
        each: [
            f"{use.kind} {quoted(use.name)}"
            for use in changed_uses(documents[each], node, present.interfaces, new.interfaces)
        ]
        for each in others
    }
    return NeededByOthers(node, found, lost)


def _built_against_others(
    new: NodeDocument, there: Mapping[NodeId, Fitted]
) -> dict[NodeId, list[str]]:
    node = new.manifest.id
    found = {
        dependent: drift(
            fitted.document,
            {node: fitted.expected[node]},
            {node: new},
            _BUILT_AND_NEW,
        )
        for dependent, fitted in there.items()
        if node in fitted.expected
    }
    return {dependent: each[node] for dependent, each in found.items() if each}


def _dependents(node: NodeId, documents: Documents) -> Iterator[NodeId]:
    for each, document in sorted(documents.items(), key=lambda pair: pair[0]):
        if each != node and any(n.node == node for n in document.manifest.depends_on):
            yield each


def _by_node(found: Mapping[NodeId, Iterable[str]]) -> list[str]:
    return [f"'{node}': {line}" for node, lines in found.items() for line in lines]
