"""The real file system: `disk` and `artifacts` in worker threads, their errors as sentences."""

import errno
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import trio

from peppy.actors.host import artifacts, disk
from peppy.actors.host.digest import tree_digest
from peppy.actors.host.finding import find
from peppy.actors.host.ports import FoundFile, HostError
from peppy.schema.wording import reason

T = TypeVar("T")

_STAGED: Final = re.compile(r"/\.[0-9a-f]{16}\.tmp(/|$)")
"""In a path that `disk.staged` has made up, which is of no use to anybody."""


async def in_thread(what: str, path: Path, work: Callable[[], T], *, to: Path | None = None) -> T:
    """Return what `work` returns; raise `HostError` with `what` and the path for an `OSError`.

    `to` is where something comes of it, if that is another place.
    """

    def translated() -> T:
        try:
            return work()
        except OSError as error:
            raise cannot(what, path, error, to) from error
        except RecursionError as error:
            deep = OSError(errno.ENAMETOOLONG, "its directories lie too deep in one another")
            raise cannot(what, path, deep, to) from error

    return await trio.to_thread.run_sync(translated)


def cannot(what: str, path: Path, error: OSError, to: Path | None = None) -> HostError:
    """Return the sentence: `cannot read '/a/b': no such file or directory`."""
    # What fails on an open file names its descriptor, a number, where the path would stand.
    name = path if error.filename is None or isinstance(error.filename, int) else error.filename
    other = str(name or path)
    known = other in (str(path), str(to)) or _STAGED.search(other) is not None
    into = "" if to is None else f" to '{to}'"
    where = "" if known else f" ('{other}')"
    sentence = f"cannot {what} '{path}'{into}: {reason(error)}{where}"
    # Names may be any bytes; a sentence is text, which goes over wires and into logs.
    return HostError(os.fsencode(sentence).decode("utf-8", "backslashreplace"))


class RealFiles:
    """The machine's disk."""

    async def read(self, path: Path) -> bytes:
        """Return a file's bytes."""
        return await in_thread("read", path, lambda: disk.read(path))

    async def write(self, path: Path, data: bytes, *, mode: int = 0o644) -> None:
        """Replace a file in one step."""
        await in_thread("write", path, lambda: disk.write(path, data, mode))

    async def append(self, path: Path, data: bytes, *, limit: int | None = None) -> None:
        """Add to a file's end."""
        await in_thread("write", path, lambda: disk.append(path, data, limit))

    async def exists(self, path: Path) -> bool:
        """Say whether anything is there."""
        return await in_thread("look at", path, lambda: path.exists() or path.is_symlink())

    async def names(self, directory: Path) -> list[str]:
        """Return the names in a directory, sorted."""
        return await in_thread("list", directory, lambda: disk.names(directory))

    async def find(self, directory: Path, suffix: str, *, depth: int, most: int) -> list[FoundFile]:
        """Return the regular files below a directory whose names end so."""
        return await in_thread("list", directory, lambda: find(directory, suffix, depth, most))

    async def make_directory(self, path: Path) -> None:
        """Make a directory and those above it."""
        await in_thread("make", path, lambda: path.mkdir(parents=True, exist_ok=True))

    async def write_tree(self, directory: Path, tree: Mapping[str, str]) -> None:
        """Replace a directory by one with these files."""
        await in_thread("write", directory, lambda: disk.write_tree(directory, tree))

    async def copy(self, directory: Path, to: Path) -> None:
        """Copy a whole directory."""
        await in_thread("copy", directory, lambda: disk.copy(directory, to), to=to)

    async def move(self, path: Path, to: Path) -> None:
        """Rename, replacing what is at `to`."""
        await in_thread("move", path, lambda: disk.move(path, to))

    async def remove(self, path: Path) -> None:
        """Remove a file or a whole directory."""
        await in_thread("remove", path, lambda: disk.remove(path))

    async def pack(self, directory: Path, artifact: Path) -> None:
        """Make a `.tar.zst` of a built directory."""
        await in_thread("pack", directory, lambda: artifacts.pack(directory, artifact), to=artifact)

    async def unpack(self, artifact: Path, directory: Path) -> None:
        """Lay out an artifact in its new place."""
        await in_thread(
            "unpack", artifact, lambda: artifacts.unpack(artifact, directory), to=directory
        )

    async def digest(self, directory: Path) -> str:
        """Return a digest of all that lies in a directory."""
        return await in_thread("read", directory, lambda: tree_digest(directory))

    async def tail(self, path: Path, lines: int) -> list[str]:
        """Return a text file's last lines."""
        return await in_thread("read", path, lambda: disk.tail(path, lines))
