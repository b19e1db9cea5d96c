"""Why there are no bindings, or no fresh node, as sentences."""

from peppy.schema.errors import PeppyError
from peppy.schema.wording import quoted


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
