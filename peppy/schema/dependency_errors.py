"""Why nodes do not fit together, as sentences. Source: behaviour.md 2.4; seed 003, "Services"."""

from collections.abc import Iterable, Sequence

from peppy.schema.errors import PeppyError
from peppy.schema.names import NodeId
from peppy.schema.wording import nearest, quoted


class DependencyProblem(PeppyError):
    """Something that keeps `node` from standing beside the others."""

    def __init__(self, node: NodeId, sentence: str, *, hint: str | None = None) -> None:
        self.node = node
        super().__init__(sentence, hint=hint)


class MissingDependency(DependencyProblem):
    """A node depends on one that is not in the stack."""

    kind = "missing_dependency"

    def __init__(self, node: NodeId, dependency: NodeId, there: Iterable[NodeId]) -> None:
        self.dependency = dependency
        self.guess = guess = _nearest_node(dependency, list(there))
        super().__init__(
            node,
            f"`{node}` depends on `{dependency}`, but it does not exist in the stack",
            hint=f"did you mean '{guess}'?" if guess else f"add '{dependency}' to the stack first",
        )


class MissingInterface(DependencyProblem):
    """A node consumes what its dependency does not offer."""

    kind = "missing_interface"

    def __init__(
        self,
        node: NodeId,
        dependency: NodeId,
        what: str,
        name: str,
        there: Iterable[str],
        elsewhere: Sequence[str] = (),
    ) -> None:
        """Take a `what` of `topic`, `service` or `action`; `there` is what is offered.

        `elsewhere` says who has something of that very name: it goes before a guess.
        """
        self.dependency = dependency
        self.name = name
        offered = list(there)
        guess = nearest(name, offered)
        if elsewhere:
            hint = elsewhere[0]
        elif guess is not None:
            hint = f"did you mean '{guess}'?"
        elif offered:
            hint = f"it exposes {', '.join(quoted(each) for each in offered)}"
        else:
            hint = f"it exposes no {what} at all"
        super().__init__(
            node,
            f"`{node}` expects {what} {quoted(name)} from `{dependency}`, which does not expose it",
            hint=hint,
        )


class MissingFormat(DependencyProblem):
    """A topic that does not say what its messages hold."""

    kind = "missing_format"

    def __init__(self, node: NodeId, topic: str) -> None:
        self.topic = topic
        super().__init__(
            node,
            f"`{node}` emits topic {quoted(topic)} without a 'message_format'",
            hint="add one to its document, '{}' for messages without fields",
        )


class UnknownLabel(DependencyProblem):
    """An interface names a dependency that the manifest does not declare."""

    kind = "unknown_label"

    def __init__(self, node: NodeId, label: str, there: Iterable[str]) -> None:
        self.label = label
        guess = nearest(label, there)
        super().__init__(
            node,
            f"`{node}` consumes from {quoted(label)}, which its 'depends_on' does not declare",
            hint=None if guess is None else f"did you mean {quoted(guess)}?",
        )


class DependencyCycle(DependencyProblem):
    """Nodes that need one another: none of them can come first."""

    kind = "dependency_cycle"

    def __init__(self, path: Sequence[NodeId]) -> None:
        """`path` begins and ends with the same node."""
        self.path = tuple(path)
        super().__init__(
            path[0],
            f"`{path[0]}` depends on itself: {' -> '.join(map(str, path))}",
            hint="let one of them take a topic from any node, by giving its 'message_format' in"
            " place of 'local_node_id'",
        )


def _nearest_node(wanted: NodeId, there: Sequence[NodeId]) -> str | None:
    """Return the node that was probably meant: another tag of the same name before all others."""
    same = [str(node) for node in there if node.name == wanted.name]
    return nearest(str(wanted), same or map(str, there)) or next(iter(same), None)
