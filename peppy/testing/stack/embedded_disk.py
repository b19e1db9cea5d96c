"""The disk of an embedded stack: in memory, with a view of what lies on the real one.

Below the home directory everything is in memory. Elsewhere is what the real disk has: launch files
and the sources of nodes are read from there, once for each state of a file in one process, and
nothing is ever written there.
"""

import errno
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

import trio

from peppy.actors.host.exclusions import stays_behind
from peppy.actors.host.files import cannot
from peppy.actors.host.memory_files import Directory, File, Item, MemoryFiles
from peppy.actors.host.memory_tree import Entry, copied
from peppy.actors.host.ports import (
    AT_HAND,
    DOCUMENT,
    Fetching,
    FoundDocument,
    HostError,
    NoDocument,
)
from peppy.actors.host.sources import directory_of
from peppy.actors.stack.bindings import BINDINGS, FINGERPRINT
from peppy.schema.errors import PeppyError
from peppy.schema.sources import LocalSource, Origin, PlacedSource

ORIGIN: Final = Path(".peppy/embedded_origin")
"""In a snapshot, and in all that comes of it: the real directory that it was taken of."""

BINDINGS_KEY: Final = "embedded_bindings"
"""In place of the modules of a node's bindings: what they are known by in this process."""

_PACKAGE: Final = "peppygen/"

_kept: dict[str, Mapping[str, str]] = {}
"""The modules of bindings, by their key, for as long as this process lasts."""


class LocalOnly(PeppyError):
    """A source that an embedded stack cannot take."""

    kind = "local_only"

    def __init__(self, source: object) -> None:
        super().__init__(
            f"'{source}' does not lie on this machine: an embedded stack takes local sources only",
            hint="name a directory as '{ local: \"...\" }', or use 'real_stack'",
        )


class EmbeddedFiles(MemoryFiles):
    """What is below `root` is in memory; what is elsewhere can be read."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.full = False
        """Whether nothing more can be written by the daemon."""
        self._inside = f"{root}/"
        self._artifacts: dict[str, Entry] = {}

    async def read(self, path: Path) -> bytes:
        """Return a file's bytes."""
        if path in self.items or self._is_inside(path):
            return await super().read(path)
        await trio.lowlevel.checkpoint()
        return real_file(path).data

    async def exists(self, path: Path) -> bool:
        """Say whether anything is there."""
        if path in self.items or self._is_inside(path):
            return await super().exists(path)
        await trio.lowlevel.checkpoint()
        return os.path.lexists(path)

    async def write(self, path: Path, data: bytes, *, mode: int = 0o644) -> None:
        """Replace a file in one step."""
        self._need_room("write", path)
        await super().write(path, data, mode=mode)

    async def append(self, path: Path, data: bytes, *, limit: int | None = None) -> None:
        """Add to a file's end."""
        self._need_room("write", path)
        await super().append(path, data, limit=limit)

    async def make_directory(self, path: Path) -> None:
        """Make a directory and those above it."""
        self._need_room("make", path)
        await super().make_directory(path)

    async def copy(self, directory: Path, to: Path) -> None:
        """Copy a whole directory."""
        self._need_room("copy", to)
        await super().copy(directory, to)

    async def pack(self, directory: Path, artifact: Path) -> None:
        """Make an artifact of a built directory: a name, under which a copy of it is kept."""
        await trio.lowlevel.checkpoint()
        self._need_room("pack", artifact)
        name = f"artifact {len(self._artifacts)}"
        self._artifacts[name] = copied(self.directory("pack", directory))
        self.put(artifact, File(name.encode()))

    async def unpack(self, artifact: Path, directory: Path) -> None:
        """Lay out an artifact in its new place. No built environment is in it, to be moved."""
        await trio.lowlevel.checkpoint()
        self._need_room("unpack", directory)
        self.must_be_free("unpack", directory)
        self.lay("unpack", directory, copied(self._artifacts[self.text(artifact)]))

    async def write_tree(self, directory: Path, tree: Mapping[str, str]) -> None:
        """Replace a directory; of bindings only what the daemon reads is laid out."""
        self._need_room("write", directory)
        if FINGERPRINT in tree:
            key, tree = _without_modules(tree)
            tree = {**tree, BINDINGS_KEY: key}
        await super().write_tree(directory, tree)

    def bindings(self, directory: Path) -> Mapping[str, str]:
        """Return the modules of the bindings in a node's directory, by their paths."""
        return _kept[self.text(directory / BINDINGS / BINDINGS_KEY)]

    def origin(self, directory: Path) -> Path:
        """Return the real directory that this one, made of a snapshot, comes from."""
        return Path(self.text(directory / ORIGIN))

    def text(self, path: Path) -> str:
        """Return what a file says. Raises `HostError`."""
        return self._file("read", path).data.decode()

    def inside(self, directory: Path) -> list[str]:
        """Return the names in a directory, in no time."""
        found = self.items.entry(directory)
        return sorted(found) if isinstance(found, dict) else []

    def _need_room(self, what: str, path: Path) -> None:
        if self.full:
            raise cannot(what, path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def _is_inside(self, path: Path) -> bool:
        return str(path).startswith(self._inside)


def _without_modules(tree: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Keep the modules of bindings; return their key, and what is left."""
    modules = {path: text for path, text in tree.items() if path.startswith(_PACKAGE)}
    digest = hashlib.sha256()
    for path, text in modules.items():
        digest.update(f"{path}\0{text}\0".encode())
    key = digest.hexdigest()
    _kept.setdefault(key, modules)
    small = {path: text for path, text in tree.items() if "/" not in path}
    return key, small


class EmbeddedSources:
    """Directories of the real disk."""

    def __init__(self, files: EmbeddedFiles) -> None:
        self._files = files

    async def read(self, source: PlacedSource, how: Fetching = AT_HAND) -> FoundDocument:
        """Return the document of a source."""
        await trio.lowlevel.checkpoint()
        directory = _local(source, how)
        path = directory / DOCUMENT
        if not os.path.lexists(path):
            raise NoDocument(directory)
        return FoundDocument(text=real_file(path).data, name=str(path), origin=_origin(directory))

    async def fetch(self, source: PlacedSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy the directory of a source to `into`, without what is left out."""
        await trio.lowlevel.checkpoint()
        directory, files = _local(source, how), self._files
        if not directory.is_dir():
            raise HostError(f"'{directory}' is not a directory")
        files.must_be_free("copy", into)
        for relative, item in _tree(directory):
            files.put(into / relative, item)
        files.put(into / ORIGIN, File(str(directory).encode()))
        return _origin(directory)

    async def copy(self, source: PlacedSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy a directory to `into`, whatever is in it."""
        return await self.fetch(source, into, how)


def _local(source: PlacedSource, how: Fetching) -> Path:
    if not isinstance(source, LocalSource):
        raise LocalOnly(source)
    return directory_of(source, how)


def _origin(directory: Path) -> Origin:
    return Origin(source=LocalSource(str(directory)))


def _tree(directory: Path) -> Iterator[tuple[str, Item]]:
    """Yield what a snapshot of a real directory has: directories before what is in them."""
    yield "", Directory()
    yield from _below(str(directory), "")


def _below(directory: str, prefix: str) -> Iterator[tuple[str, Item]]:
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            relative = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if not stays_behind(entry.name, os.listdir(entry.path)):
                    yield relative, Directory()
                    yield from _below(entry.path, f"{relative}/")
            elif entry.is_file(follow_symlinks=False) and not stays_behind(entry.name, None):
                yield relative, _as_it_is(entry.path, entry.stat())


def real_file(path: Path) -> File:
    """Return a file of the real disk. Raises `HostError`."""
    try:
        return _as_it_is(str(path), path.stat())
    except OSError as error:
        raise cannot("read", path, error) from None


def _as_it_is(path: str, status: os.stat_result) -> File:
    return _read(path, status.st_mtime_ns, status.st_size, status.st_mode & 0o777)


@lru_cache(maxsize=4096)
def _read(path: str, changed: int, size: int, mode: int) -> File:
    """Read a file once for each state that it is in."""
    del changed, size
    return File(Path(path).read_bytes(), mode)
