"""Which instance of a dependency is meant: whether a binding can be, and what is said of it; pure.

Source: behaviour.md 6 and 10.1 (0.10 and newer).
"""

from collections.abc import Iterator, Mapping, Sequence

from peppy.schema.errors import PeppyError
from peppy.schema.names import InstanceId, NodeId
from peppy.schema.node import NodeDocument
from peppy.schema.wording import did_you_mean, quoted

Bindings = Mapping[str, InstanceId]
"""For a dependency's label, the one instance of it that is meant."""


class BadBindings(PeppyError):
    """Bindings that a node cannot have."""

    kind = "bad_bindings"

    def __init__(self, sentences: Sequence[str], labels: Mapping[str, NodeId]) -> None:
        known = ", ".join(f"{quoted(label)} ({node})" for label, node in labels.items())
        super().__init__(
            "\n".join(sentences),
            hint=f"its dependencies are {known}" if known else "it has no dependencies",
        )


def labels_of(document: NodeDocument) -> dict[str, NodeId]:
    """Return the node's dependencies by their labels."""
    return {needed.local_id: needed.node for needed in document.manifest.depends_on}


def unknown_label(label: str, node: NodeId, labels: Mapping[str, NodeId]) -> str:
    """Return the sentence about a label that is none of the node's dependencies."""
    return f"{quoted(label)} is no dependency of node '{node}'{did_you_mean(label, labels)}"


def warnings(
    document: NodeDocument, bindings: Bindings, owners: Mapping[InstanceId, NodeId]
) -> tuple[str, ...]:
    """Return what is to be said of bindings to instances that are not there yet.

    `owners` are the nodes of the instances that are there. Raises `BadBindings` for labels that are
    none, and instances that are another node's.
    """
    labels = labels_of(document)
    wrong = tuple(_wrong(document.manifest.id, labels, bindings, owners))
    if wrong:
        raise BadBindings(wrong, labels)
    return tuple(
        f"{quoted(label)} is bound to {quoted(instance)}, which is not there yet:"
        f" no other instance of '{labels[label]}' is heard or asked"
        for label, instance in bindings.items()
        if instance not in owners
    )


def _wrong(
    node: NodeId,
    labels: Mapping[str, NodeId],
    bindings: Bindings,
    owners: Mapping[InstanceId, NodeId],
) -> Iterator[str]:
    for label, instance in bindings.items():
        if label not in labels:
            yield unknown_label(label, node, labels)
        elif owners.get(instance, labels[label]) != labels[label]:
            yield (
                f"{quoted(label)} needs an instance of node '{labels[label]}', and"
                f" {quoted(instance)} is one of '{owners[instance]}'"
            )
