"""What the stack knows of a node once it has been added."""

from pathlib import Path
from typing import Final

import msgspec

from peppy.actors.rules.fitting import Fitted
from peppy.schema.expectations import Expectations
from peppy.schema.names import NodeId
from peppy.schema.node import Execution, NodeDocument
from peppy.schema.sources import Origin

ROOT_VARIANT: Final = "default"
"""How the root's own execution is called (behaviour.md 2.3)."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A node's document, and the snapshot that was taken with it."""

    document: NodeDocument
    """Whole: where a variant supplies the execution, that is in it."""
    execution: Execution
    """The document's own."""
    snapshot: Path
    """The source as it was when the node was added, with its bindings."""
    add_log: Path
    artifact: Path
    """Where its artifact lies once it is built."""
    variant: str = ROOT_VARIANT
    origin: Origin | None = None
    """Where the snapshot came from."""
    warnings: tuple[str, ...] = ()
    """What whoever added it should know; forgotten with the daemon."""
    digest: str = ""
    """Of everything that the snapshot holds; empty where nobody has taken it."""
    expected: Expectations = {}
    """What the bindings in the snapshot were generated against."""

    @property
    def node(self) -> NodeId:
        """The node's name and tag."""
        return self.document.manifest.id

    @property
    def fitted(self) -> Fitted:
        """The node as it is compared with those beside it."""
        return Fitted(self.document, self.expected)
