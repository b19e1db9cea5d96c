"""Why there are no bindings, or no fresh node, as sentences."""

from collections.abc import Iterable

from peppy.schema.errors import PeppyError
from peppy.schema.names import NodeId
from peppy.schema.wording import nearest, quoted


class MissingDependency(PeppyError):
    """A node depends on one that is not in the stack."""

    kind = "missing_dependency"

    def __init__(self, node: NodeId, dependency: NodeId, there: Iterable[NodeId]) -> None:
        self.node = node
        self.dependency = dependency
        guess = nearest(str(dependency), map(str, there))
        super().__init__(
            f"`{node}` depends on `{dependency}`, but it does not exist in the stack",
            hint=f"did you mean '{guess}'?" if guess else f"add '{dependency}' to the stack first",
        )


class MissingInterface(PeppyError):
    """A node consumes what its dependency does not offer."""

    kind = "missing_interface"

    def __init__(
        self, node: NodeId, dependency: NodeId, what: str, name: str, there: Iterable[str]
    ) -> None:
        """Take a `what` of `topic`, `service` or `action`; `there` is what is offered."""
        self.node = node
        self.dependency = dependency
        self.name = name
        offered = list(there)
        guess = nearest(name, offered)
        if guess is not None:
            hint = f"did you mean '{guess}'?"
        elif offered:
            hint = f"it exposes {', '.join(quoted(each) for each in offered)}"
        else:
            hint = f"it exposes no {what} at all"
        super().__init__(
            f"`{node}` expects {what} {quoted(name)} from `{dependency}`, which does not expose it",
            hint=hint,
        )


class MissingFormat(PeppyError):
    """A topic that does not say what its messages hold."""

    kind = "missing_format"

    def __init__(self, node: NodeId, topic: str) -> None:
        self.node = node
        self.topic = topic
        super().__init__(
            f"`{node}` emits topic {quoted(topic)} without a 'message_format'",
            hint="add one to its document, '{}' for messages without fields",
        )


class UnknownLabel(PeppyError):
    """An interface names a dependency that the manifest does not declare."""

    kind = "unknown_label"

    def __init__(self, node: NodeId, label: str, there: Iterable[str]) -> None:
        self.label = label
        guess = nearest(label, there)
        super().__init__(
            f"`{node}` consumes from {quoted(label)}, which its 'depends_on' does not declare",
            hint=None if guess is None else f"did you mean {quoted(guess)}?",
        )


class NotPython(PeppyError):
    """Bindings for a language that there is no generator for."""

    kind = "not_python"

    def __init__(self, node: NodeId, language: str) -> None:
        super().__init__(
            f"`{node}` is written in '{language}', and bindings are generated for 'python' only",
            hint="write 'language: \"python\"' into 'execution'",
        )


class NoTemplate(PeppyError):
    """A kind of fresh node that there is no template for."""

    kind = "no_template"

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason, hint=hint)


class NodeNameRefused(PeppyError):
    """A name that a fresh Python node cannot have."""

    kind = "node_name"

    def __init__(self, name: str, reason: str, hint: str) -> None:
        self.name = name
        super().__init__(f"a node cannot be called {quoted(name)}: {reason}", hint=hint)
