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
    return b"\0" not in data and _pattern(directory).search(data) is not None


def rewrite(data: bytes, old: PurePath, new: PurePath) -> bytes:
    """Return `data` with the directory `new` wherever it named `old`."""
    plain, quoted = bytes(new), quote(bytes(new)).encode()

    def moved(found: re.Match[bytes]) -> bytes:
        return plain if found["url"] is None else found["url"] + quoted

    # In one pass: the new directory may lie within the old one, and name it again.
    return _startable(_pattern(old).sub(moved, data), bytes(new))


def rewrite_target(target: str, old: PurePath, new: PurePath) -> str:
    """Return a link's target: moved if it leads into `old`, or else as it is."""
    path = PurePath(target)
    return str(new / path.relative_to(old)) if path.is_relative_to(old) else target


def _pattern(directory: PurePath) -> re.Pattern[bytes]:
    plain, quoted = bytes(directory), quote(bytes(directory)).encode()
    # Without a scheme, only what needed quoting is known to be part of a URL.
    scheme = rb"file://" if quoted == plain else rb"(?:file://)?"
    url = rb"(?P<url>" + scheme + rb")" + re.escape(quoted)
    # `/tmp/a` does not stand in `/tmp/ab`.
    return re.compile(rb"(?:" + url + rb"|" + re.escape(plain) + rb")(?![\w.-])")


def _startable(data: bytes, new: bytes) -> bytes:
    """Start a script through the shell where the kernel cannot read its interpreter's path.

    It reads no more than so many bytes, and takes what follows a space for an argument.
    """
    first = _SHEBANG.match(data)
    if first is None:
        return data
    cut = b" " in new and first[1].startswith(new)
    if len(first[0]) <= LONGEST_SHEBANG and not cut:
        return data
    # The shell runs the second line; Python takes the second and the third as one string.
    start = b"#!/bin/sh\n'''exec' \"" + first[1] + b'" "$0" "$@"\n\' \'\'\'\n'
    return start + data[first.end() :]
