"""A file system in memory, which keeps the promises of the real one."""

import errno
import hashlib
import os
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import msgspec
import trio

from peppy.actors.host.digest import TreeDigest
from peppy.actors.host.disk import is_full, last_lines, rotated
from peppy.actors.host.exclusions import is_left_out
from peppy.actors.host.files import cannot
from peppy.actors.host.memory_tree import (
    Blocked,
    Directory,
    Entry,
    File,
    Item,
    Link,
    Tree,
    below,
    copied,
)
from peppy.actors.host.ports import FoundFile, HostError
from peppy.actors.host.relocation import LARGEST, MARK, mentions, rewrite, rewrite_target
from peppy.actors.host.shim_log import OLD_FILES

__all__ = ["Artifact", "Directory", "File", "Item", "Link", "MemoryFiles"]


class Artifact(msgspec.Struct, frozen=True):
    """What `pack` writes: the same facts as the real one's archive."""

    built_in: str
    relocate: list[str]
    items: dict[str, Item]


class MemoryFiles:
    """Files by path. A test may lay and look at `items` directly."""

    def __init__(self) -> None:
        self.items = Tree()

    # What is there.

    def below(self, directory: Path) -> Iterator[tuple[Path, Item]]:
        """Yield everything in a directory, the directory itself first, in order of the paths."""
        entry = self.items.entry(directory)
        if entry is None:
            return
        yield directory, self.items[directory]
        if isinstance(entry, dict):
            for relative, item in below(entry):
                yield directory / relative, item

    def put(self, path: Path, item: Item) -> None:
        """Put something at a path; the directories above it appear. Raises `HostError`."""
        try:
            self.items[path] = item
        except Blocked:
            raise _failure("write", path, errno.ENOTDIR) from None

    def add(self, path: Path, data: bytes) -> None:
        """Add to a file's end. Raises `HostError`."""
        before = self.items.get(path, File(b""))
        if not isinstance(before, File):
            raise _failure("write", path, errno.EISDIR)
        self.put(path, File(before.data + data, before.mode))

    def take(self, path: Path) -> None:
        """Remove all that is at and below `path`."""
        self.items.take(path)

    def directory(self, what: str, path: Path) -> dict[str, Entry]:
        """Return what is in the directory `path`, or raise `HostError`."""
        entry = self.items.entry(path)
        if not isinstance(entry, dict):
            raise _failure(what, path, errno.ENOENT if entry is None else errno.ENOTDIR)
        return entry

    def must_be_free(self, what: str, path: Path) -> None:
        """Raise `HostError` if anything is at `path`."""
        if path in self.items:
            raise _failure(what, path, errno.EEXIST)

    # The port.

    async def read(self, path: Path) -> bytes:
        """Return a file's bytes."""
        await trio.lowlevel.checkpoint()
        return self._file("read", path).data

    async def write(self, path: Path, data: bytes, *, mode: int = 0o644) -> None:
        """Replace a file in one step."""
        await trio.lowlevel.checkpoint()
        if isinstance(self.items.get(path), Directory):
            raise _failure("write", path, errno.EISDIR)
        self.put(path, File(data, mode))

    async def append(self, path: Path, data: bytes, *, limit: int | None = None) -> None:
        """Add to a file's end."""
        await trio.lowlevel.checkpoint()
        there = self.items.get(path)
        size = len(there.data) if isinstance(there, File) else 0
        if limit is not None and is_full(size, len(data), limit):
            self._rotate(path)
        self.add(path, data)

    def _rotate(self, path: Path) -> None:
        places = [path, *(path.with_name(f"{path.name}.{n}") for n in range(1, OLD_FILES + 1))]
        for place, older in reversed(tuple(pairwise(places))):
            if place in self.items:
                self.items[older] = self.items.pop(place)

    async def exists(self, path: Path) -> bool:
        """Say whether anything is there."""
        await trio.lowlevel.checkpoint()
        return path in self.items

    async def names(self, directory: Path) -> list[str]:
        """Return the names in a directory, sorted."""
        await trio.lowlevel.checkpoint()
        if directory not in self.items:
            return []
        return sorted(self.directory("list", directory))

    async def find(self, directory: Path, suffix: str, *, depth: int, most: int) -> list[FoundFile]:
        """Return the regular files below a directory whose names end so."""
        await trio.lowlevel.checkpoint()
        self.directory("list", directory)
        there = tuple(self.below(directory))
        out = {path for path, item in there if path != directory and self._left_out(path, item)}
        found = [
            FoundFile(str(path.relative_to(directory)), len(item.data))
            for path, item in there
            if isinstance(item, File)
            and path.name.endswith(suffix)
            and out.isdisjoint(path.parents)
        ]
        found.sort(key=lambda file: (file.path.count("/"), file.path.split("/")))
        return [file for file in found if file.path.count("/") <= depth][:most]

    def _left_out(self, path: Path, item: Item) -> bool:
        if not isinstance(item, Directory):
            return False
        return is_left_out(path.name, self.directory("list", path))

    async def make_directory(self, path: Path) -> None:
        """Make a directory and those above it."""
        await trio.lowlevel.checkpoint()
        if not isinstance(self.items.get(path, Directory()), Directory):
            raise _failure("make", path, errno.EEXIST)
        self.put(path, Directory())

    async def write_tree(self, directory: Path, tree: Mapping[str, str]) -> None:
        """Replace a directory by one with these files."""
        await trio.lowlevel.checkpoint()
        self.items.take(directory)
        self.put(directory, Directory())
        for relative, text in tree.items():
            self.put(directory / relative, File(text.encode()))

    async def copy(self, directory: Path, to: Path) -> None:
        """Copy a whole directory."""
        await trio.lowlevel.checkpoint()
        self.must_be_free("copy", to)
        self.lay("copy", to, copied(self.directory("copy", directory)))

    async def move(self, path: Path, to: Path) -> None:
        """Rename, replacing what is at `to`."""
        await trio.lowlevel.checkpoint()
        moved = self.items.take(path)
        if moved is None:
            raise _failure("move", path, errno.ENOENT)
        self.lay("move", to, moved)

    def lay(self, what: str, to: Path, entry: Entry) -> None:
        """Put a whole tree in the place of whatever is at `to`. Raises `HostError`."""
        try:
            self.items.put(to, entry)
        except Blocked:
            raise _failure(what, to, errno.ENOTDIR) from None

    async def remove(self, path: Path) -> None:
        """Remove a file or a whole directory."""
        await trio.lowlevel.checkpoint()
        self.take(path)

    async def pack(self, directory: Path, artifact: Path) -> None:
        """Make an artifact of a built directory."""
        await trio.lowlevel.checkpoint()
        found = {".": Directory(), **dict(below(self.directory("pack", directory)))}
        packed = Artifact(str(directory), list(self._to_relocate(directory)), found)
        self.put(artifact, File(msgspec.msgpack.encode(packed)))

    async def unpack(self, artifact: Path, directory: Path) -> None:
        """Lay out an artifact in its new place."""
        await trio.lowlevel.checkpoint()
        self.must_be_free("unpack", directory)
        data = self._file("unpack", artifact).data
        try:
            packed = msgspec.msgpack.decode(data, type=Artifact)
        except msgspec.MsgspecError as error:
            raise HostError(f"'{artifact}' is not a whole artifact: {error}") from error
        old = Path(packed.built_in)
        for relative, item in packed.items.items():
            match item:
                case File(data, mode) if relative in packed.relocate:
                    item = File(rewrite(data, old, directory), mode)  # noqa: PLW2901
                case Link(target):
                    item = Link(rewrite_target(target, old, directory))  # noqa: PLW2901
                case _:
                    pass
            self.put(directory / relative, item)

    async def digest(self, directory: Path) -> str:
        """Return a digest of all that lies in a directory."""
        await trio.lowlevel.checkpoint()
        entry = self.items.entry(directory)
        if not isinstance(entry, dict):
            raise HostError(f"cannot read '{directory}': not a directory")
        digest = TreeDigest()
        for relative, item in below(entry):
            match item:
                case File(data, mode):
                    contents = hashlib.sha256(data).digest()
                    digest.file(relative, executable=bool(mode & 0o100), contents=contents)
                case Link(target):
                    digest.link(relative, target)
                case Directory():
                    digest.directory(relative)
        return digest.hexdigest()

    async def tail(self, path: Path, lines: int) -> list[str]:
        """Return a text file's last lines."""
        await trio.lowlevel.checkpoint()
        found = self._tail(path, lines)
        missing = lines - len(found)
        return [*self._tail(rotated(path), missing), *found] if missing else found

    def _tail(self, path: Path, lines: int) -> list[str]:
        return last_lines(self._file("read", path).data, lines) if path in self.items else []

    def _file(self, what: str, path: Path) -> File:
        item = self.items.get(path)
        if not isinstance(item, File):
            raise _failure(what, path, errno.ENOENT if item is None else errno.EISDIR)
        return item

    def _to_relocate(self, directory: Path) -> Iterator[str]:
        environments = [path.parent for path, _ in self.below(directory) if path.name == MARK]
        for path, item in self.below(directory):
            if not any(each in path.parents for each in environments):
                continue
            match item:
                case File(data) if len(data) <= LARGEST and mentions(data, directory):
                    yield str(path.relative_to(directory))
                case _:
                    pass


def _failure(what: str, path: Path, number: int) -> HostError:
    return cannot(what, path, OSError(number, os.strerror(number), str(path)))
