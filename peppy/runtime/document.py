"""Whether the bindings still belong to the node's document, and to that of its root.

Source: seed 003, "Running a variant in standalone mode". Digests say so: a node's
environment has nothing that reads JSON5.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from peppy.runtime.output import complain
from peppy.schema.errors import PeppyError

NODE_CONFIG_FILE: Final = "peppy.json5"

_MANIFEST: Final = b"manifest"
"""What a root's document has in it, and a variant's mostly has not."""


class NoDocument(PeppyError):
    """The document that a program names is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"there is no node document at '{path}'")


class NoRootAbove(PeppyError):
    """A variant that was taken out of its root's directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"'{path}' is a variant's document, and no '{NODE_CONFIG_FILE}' in the directories"
            " above it has a 'manifest': its root was not found",
            hint="put the root's document back above it; or give the variant a 'manifest' and"
            " 'interfaces' of its own, and run 'peppy node sync'",
        )


def compare_document(given: Path | None, sha256: str, root_sha256: str | None = None) -> None:
    """Warn on standard error if a document has changed since the bindings were generated.

    `given` is the document or its directory; None looks in the working directory and above it,
    where finding none is fine. With `root_sha256` it is a variant's, and its root's document is
    looked for above it. Raises `NoDocument` if `given` is not there, and `NoRootAbove`.
    """
    path = _nearest(Path.cwd()) if given is None else _document_at(given)
    if path is None:
        return
    text = _read(path)
    found = None if text is None else _digest(text)
    if root_sha256 is None:
        if found is not None and found != sha256:
            _warn(path, "node's")
        return
    if given is None and found == root_sha256:
        return  # started from the root's directory: what runs is not above it
    if found is not None and found != sha256:
        _warn(path, "variant's")
    _compare_root(path, root_sha256)


def _compare_root(variant: Path, sha256: str) -> None:
    above = _documents(variant.absolute().parent.parents)
    texts = {path: text for path in above if (text := _read(path)) is not None}
    roots = [path for path, text in texts.items() if _MANIFEST in text]
    if not roots:
        raise NoRootAbove(variant)
    # A word may stand in a comment: it is the root that was merged, wherever above it lies.
    if all(_digest(text) != sha256 for text in texts.values()):
        _warn(roots[0], "variant's")


def _warn(path: Path, whose: str) -> None:
    complain(
        f"warning: '{path}' has changed since the {whose} bindings were generated;"
        " run 'peppy node sync'"
    )


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError as error:
        complain(f"warning: '{path}' cannot be read: {error.strerror}")
        return None


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _document_at(given: Path) -> Path:
    path = given / NODE_CONFIG_FILE if given.is_dir() else given
    if not path.is_file():
        raise NoDocument(path)
    return path


def _nearest(here: Path) -> Path | None:
    return next(_documents((here, *here.parents)), None)


def _documents(directories: Iterable[Path]) -> Iterator[Path]:
    candidates = (directory / NODE_CONFIG_FILE for directory in directories)
    return (path for path in candidates if path.is_file())
