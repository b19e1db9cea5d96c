"""Which of peppy's documents a text is, so that whoever is given another one can say so."""

import enum
from typing import Final

from peppy.schema.errors import DocumentError, Problem
from peppy.schema.reader import Cursor

LAUNCHER_SCHEMA: Final = "launcher_v1"
LOCK_SCHEMA: Final = "lock_v1"


class DocumentKind(enum.Enum):
    """A kind of document; its value is what a person calls one, and what takes it."""

    NODE = "a node's document, 'peppy node add' takes its directory"
    LAUNCHER = "a launch file, 'peppy stack launch' takes it"
    LOCK = "a lock file, which lies beside the launch file that it belongs to"


_KEYS: Final = {
    DocumentKind.LAUNCHER: ("deployments",),
    DocumentKind.LOCK: ("locked",),
    DocumentKind.NODE: ("manifest", "execution", "interfaces", "process", "runtime"),
}
"""Keys of the root that no other kind has."""


def kind_of(root: Cursor) -> DocumentKind | None:
    """Return what the document at `root` is, going by its keys; None if nothing tells."""
    for kind, keys in _KEYS.items():
        if any(root.has(key) for key in keys):
            return kind
    return None


def must_be_a(expected: DocumentKind, root: Cursor, source: str) -> None:
    """Raise `DocumentError` if the document is plainly of another kind than `expected`."""
    found = kind_of(root)
    if found in (None, expected) or any(root.has(key) for key in _KEYS[expected]):
        return
    place = root.place
    line, column = (0, 0) if place is None else (place.line, place.column)
    raise DocumentError(source, [Problem(line, column, "", f"this is {found.value}")])
