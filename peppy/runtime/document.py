"""Whether the bindings still belong to the node's document."""

import hashlib
from pathlib import Path
from typing import Final

from peppy.runtime.output import complain
from peppy.schema.errors import PeppyError

NODE_CONFIG_FILE: Final = "peppy.json5"


class NoDocument(PeppyError):
    """The document that a program names is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"there is no node document at '{path}'")


def compare_document(given: Path | None, sha256: str) -> None:
    """Warn on standard error if the document has changed since the bindings were generated.

    `given` is the document or its directory; None looks in the working directory and above it,
    where finding none is fine. Raises `NoDocument` if `given` is not there.
    """
    path = _nearest() if given is None else _document_at(given)
    if path is None:
        return
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        complain(f"warning: '{path}' cannot be read: {error.strerror}")
        return
    if found != sha256:
        complain(
            f"warning: '{path}' has changed since the node's bindings were generated;"
            " run 'peppy node sync'"
        )


def _document_at(given: Path) -> Path:
    path = given / NODE_CONFIG_FILE if given.is_dir() else given
    if not path.is_file():
        raise NoDocument(path)
    return path


def _nearest() -> Path | None:
    here = Path.cwd()
    candidates = (directory / NODE_CONFIG_FILE for directory in (here, *here.parents))
    return next((path for path in candidates if path.is_file()), None)
