"""Bindings, generated once for what they are made of: a launch wants them twice."""

from collections.abc import Mapping
from typing import Final

from peppy.codegen import bindings
from peppy.schema.names import NodeId
from peppy.schema.node import NodeDocument

KEPT: Final = 64
"""Nodes whose bindings are kept, some hundred kilobytes each; the oldest give way."""

_Key = tuple[object, ...]

_kept: dict[_Key, dict[str, str]] = {}


def generate(document: NodeDocument, known: Mapping[NodeId, NodeDocument]) -> dict[str, str]:
    """Return what `peppy.codegen.bindings.generate` does, and raise what it raises."""
    key = (_identity(document), *_needed(document, known))
    found = _kept.get(key)
    if found is None:
        found = bindings.generate(document, known)
        if len(_kept) >= KEPT:
            del _kept[next(iter(_kept))]
        _kept[key] = found
    return dict(found)


def _needed(document: NodeDocument, known: Mapping[NodeId, NodeDocument]) -> list[object]:
    nodes = (needed.node for needed in document.manifest.depends_on)
    return [_identity(known[node]) if node in known else None for node in nodes]


def _identity(document: NodeDocument) -> tuple[object, ...]:
    return document.manifest.id, document.sha256, document.root_sha256
