"""Python environments know where they lie. These rules let them move.

Scripts start with the interpreter's path, `.pth` files and `direct_url.json` name directories, the
`activate` scripts and `pyvenv.cfg` the environment itself. What mentions the directory is found
where it was built, and only there rewritten.
"""

import re
from pathlib import PurePath
from typing import Final
from urllib.parse import quote

LARGEST: Final = 1024 * 1024
"""Bytes; what names a directory is a small file."""

MARK: Final = "pyvenv.cfg"
"""A directory with a file of this name is a Python environment."""

LONGEST_SHEBANG: Final = 127
"""Bytes of a script's first line that every Linux kernel reads."""

_SHEBANG: Final = re.compile(rb"#!(/[^\n]*/python[\w.]*)\n", re.ASCII)


def mentions(data: bytes, directory: PurePath) -> bool:
    """Say whether `data` is text that names `directory` or something in it."""
    return b"\0" not in data and any(_pattern(form).search(data) for form in _forms(directory))


def rewrite(data: bytes, old: PurePath, new: PurePath) -> bytes:
    """Return `data` with the directory `new` wherever it named `old`."""
    for before, after in dict(zip(_forms(old), _forms(new), strict=True)).items():
        # A replacement text may not be read as a pattern: backslashes stand for themselves.
        data = _pattern(before).sub(after.replace(b"\\", rb"\\"), data)
    return _short_shebang(data)


def rewrite_target(target: str, old: PurePath, new: PurePath) -> str:
    """Return a link's target: moved if it leads into `old`, or else as it is."""
    path = PurePath(target)
    return str(new / path.relative_to(old)) if path.is_relative_to(old) else target


def _forms(directory: PurePath) -> list[bytes]:
    """Return how a directory is written: as it is, and as in a URL."""
    return [str(directory).encode("utf-8", "surrogateescape"), quote(bytes(directory)).encode()]


def _pattern(form: bytes) -> re.Pattern[bytes]:
    # `/tmp/a` does not stand in `/tmp/ab`.
    return re.compile(re.escape(form) + rb"(?![\w.-])")


def _short_shebang(data: bytes) -> bytes:
    """Start a script through the shell where its interpreter's path is too long for the kernel."""
    first = _SHEBANG.match(data)
    if first is None or len(first[0]) <= LONGEST_SHEBANG:
        return data
    # The shell runs the second line; Python takes the second and the third as one string.
    start = b"#!/bin/sh\n'''exec' \"" + first[1] + b'" "$0" "$@"\n\' \'\'\'\n'
    return start + data[first.end() :]
