"""What the stack knows of a node once it has been added."""

from pathlib import Path

import msgspec

from peppy.schema.names import NodeId
from peppy.schema.node import Execution, NodeDocument


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A node's document, and the snapshot that was taken with it."""

    document: NodeDocument
    execution: Execution
    """The document's own."""
    snapshot: Path
    """The source as it was when the node was added, with its bindings."""
    add_log: Path

    @property
    def node(self) -> NodeId:
        """The node's name and tag."""
        return self.document.manifest.id
