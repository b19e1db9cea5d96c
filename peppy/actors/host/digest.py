"""A digest of all that lies in a directory: two that share it are alike, wherever they lie."""

import hashlib
import os
from pathlib import Path
from typing import Final

BLOCK: Final = 1024 * 1024
"""Bytes that are read at a time."""


class TreeDigest:
    """A digest that takes one thing after the other, in order of their relative paths."""

    def __init__(self) -> None:
        self._whole = hashlib.sha256()

    def file(self, relative: str, *, executable: bool, contents: bytes) -> None:
        """Take a file; `contents` is the SHA-256 of what is in it."""
        self._take("x" if executable else "f", relative, contents)

    def directory(self, relative: str) -> None:
        """Take a directory."""
        self._take("d", relative, b"")

    def link(self, relative: str, target: str) -> None:
        """Take a symbolic link."""
        self._take("l", relative, os.fsencode(target))

    def hexdigest(self) -> str:
        """Return it as lower-case hex digits."""
        return self._whole.hexdigest()

    def _take(self, kind: str, relative: str, rest: bytes) -> None:
        # Lengths go first, so that no name can pass for the end of another.
        for part in (kind.encode(), os.fsencode(relative), rest):
            self._whole.update(len(part).to_bytes(8, "big") + part)


def tree_digest(directory: Path) -> str:
    """Return the digest of a directory on the disk; times and owners do not count.

    Raises `OSError`.
    """
    digest = TreeDigest()
    os.listdir(directory)  # what is no directory has no digest
    found = [
        Path(top, name)
        for top, directories, files in os.walk(directory, onerror=_raise)
        for name in (*directories, *files)
    ]
    for path in sorted(found):
        relative = str(path.relative_to(directory))
        if path.is_symlink():
            digest.link(relative, os.readlink(path))
        elif path.is_dir():
            digest.directory(relative)
        else:
            executable = bool(path.stat().st_mode & 0o100)
            digest.file(relative, executable=executable, contents=_sha256(path))
    return digest.hexdigest()


def _sha256(path: Path) -> bytes:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.digest()


def _raise(error: OSError) -> None:
    raise error
