"""The real file system: `disk` and `artifacts` in worker threads, their errors as sentences."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import trio

from peppy.actors.host import artifacts, disk
from peppy.actors.host.ports import HostError

T = TypeVar("T")


async def in_thread(what: str, path: Path, work: Callable[[], T]) -> T:
    """Return what `work` returns; raise `HostError` with `what` and the path for an `OSError`."""

    def translated() -> T:
        try:
            return work()
        except OSError as error:
            raise cannot(what, path, error) from error

    return await trio.to_thread.run_sync(translated)


def cannot(what: str, path: Path, error: OSError) -> HostError:
    """Return the sentence: `cannot read '/a/b': no such file or directory`."""
    why = error.strerror or str(error)
    other = str(error.filename or path)
    where = "" if other == str(path) or "/." in other.removeprefix(str(path)) else f" ('{other}')"
    return HostError(f"cannot {what} '{path}': {why[:1].lower()}{why[1:]}{where}")


class RealFiles:
    """The machine's disk."""

    async def read(self, path: Path) -> bytes:
        """Return a file's bytes."""
        return await in_thread("read", path, lambda: disk.read(path))

    async def write(self, path: Path, data: bytes, *, mode: int = 0o644) -> None:
        """Replace a file in one step."""
        await in_thread("write", path, lambda: disk.write(path, data, mode))

    async def append(self, path: Path, data: bytes) -> None:
        """Add to a file's end."""
        await in_thread("write", path, lambda: disk.append(path, data))

    async def exists(self, path: Path) -> bool:
        """Say whether anything is there."""
        return await in_thread("look at", path, lambda: path.exists() or path.is_symlink())

    async def names(self, directory: Path) -> list[str]:
        """Return the names in a directory, sorted."""
        return await in_thread("list", directory, lambda: disk.names(directory))

    async def make_directory(self, path: Path) -> None:
        """Make a directory and those above it."""
        await in_thread("make", path, lambda: path.mkdir(parents=True, exist_ok=True))

    async def write_tree(self, directory: Path, tree: Mapping[str, str]) -> None:
        """Replace a directory by one with these files."""
        await in_thread("write", directory, lambda: disk.write_tree(directory, tree))

    async def copy(self, directory: Path, to: Path) -> None:
        """Copy a whole directory."""
        await in_thread("copy", directory, lambda: disk.copy(directory, to))

    async def move(self, path: Path, to: Path) -> None:
        """Rename, replacing what is at `to`."""
        await in_thread("move", path, lambda: disk.move(path, to))

    async def remove(self, path: Path) -> None:
        """Remove a file or a whole directory."""
        await in_thread("remove", path, lambda: disk.remove(path))

    async def pack(self, directory: Path, artifact: Path) -> None:
        """Make a `.tar.zst` of a built directory."""
        await in_thread("pack", directory, lambda: artifacts.pack(directory, artifact))

    async def unpack(self, artifact: Path, directory: Path) -> None:
        """Lay out an artifact in its new place."""
        await in_thread("unpack", artifact, lambda: artifacts.unpack(artifact, directory))

    async def tail(self, path: Path, lines: int) -> list[str]:
        """Return a text file's last lines."""
        return await in_thread("read", path, lambda: disk.tail(path, lines))
