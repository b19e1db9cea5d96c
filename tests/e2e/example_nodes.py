"""The nodes of `examples/`, as their documents say them."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from peppy.codegen.bindings import generate
from peppy.schema.names import NodeId
from peppy.schema.node import NodeDocument
from peppy.schema.node_reader import (
    is_variant_document,
    read_node_document,
    read_variant_document,
)
from peppy.schema.variants import merge

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"

DOCUMENT = "peppy.json5"


class Project(msgspec.Struct, frozen=True):
    """A directory that holds a program: a node, or one of its variants."""

    directory: Path
    document: NodeDocument

    @property
    def name(self) -> str:
        """What tells it from the others."""
        return "-".join(self.directory.relative_to(EXAMPLES).parts)

    def texts(self, beside: Mapping[NodeId, NodeDocument]) -> dict[str, str]:
        """Return its bindings and its modules by their path in one directory."""
        bindings = generate(self.document, beside)
        sources = self.directory / "src"
        return {path: text for path, text in bindings.items() if path.startswith("pep")} | {
            str(path.relative_to(sources)): path.read_text(encoding="utf-8")
            for path in sources.rglob("*.py")
        }


def projects() -> list[Project]:
    """Return every program there is among the examples."""
    found = sorted(path.parent for path in EXAMPLES.rglob(DOCUMENT) if ".peppy" not in path.parts)
    return [Project(each, whole(each)) for each in found if (each / "src").is_dir()]


def documents() -> dict[NodeId, NodeDocument]:
    """Return every root's document."""
    return {each.document.manifest.id: each.document for each in projects()}


def whole(directory: Path) -> NodeDocument:
    """Return a document, with the root's above it if it is a variant's."""
    path = directory / DOCUMENT
    text = path.read_bytes()
    if not is_variant_document(text, str(path)):
        return read_node_document(text, str(path))
    root = next(each for each in directory.parents if (each / DOCUMENT).exists())
    return merge(whole(root), read_variant_document(text, str(path)))
