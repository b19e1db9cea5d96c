"""What repositories were found to hold at their last refresh, on the disk below `cache/`.

One file, replaced in one step, so that whoever looks sees the state before a refresh or the one
after it. The daemon's `Repositories` writes it; whoever looks for a name reads it.
"""

from pathlib import Path
from typing import Final

import msgspec

from peppy.actors.host.home import Home
from peppy.actors.host.ports import Files, HostError
from peppy.schema.names import Name
from peppy.schema.repositories import RepositoryEntry
from peppy.schema.sources import Origin, PlacedSource

NODE: Final = "node"
LAUNCHER: Final = "launcher"
"""The kinds of entries."""

PRIVATE: Final = 0o600
"""Addresses may hold passwords."""


class IndexedRepository(msgspec.Struct, frozen=True, kw_only=True):
    """One repository, as it was found."""

    name: Name
    place: PlacedSource
    """Where it lies."""
    origin: Origin
    """Where its content came from, exactly."""
    refreshed_at: float
    """Seconds since the epoch."""
    entries: tuple[RepositoryEntry, ...] = ()
    problems: tuple[str, ...] = ()
    files: str = ""
    """The directory below `cache/repositories/files` that its launch files lie in; empty where
    they are read in their own place."""

    def usable(self, kind: str) -> tuple[RepositoryEntry, ...]:
        """Return what of this kind is not excluded."""
        return tuple(e for e in self.entries if e.kind == kind and not e.excluded)


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """All repositories that have been looked at, by name."""

    version: int = 1
    repositories: tuple[IndexedRepository, ...] = ()

    def ambiguous(self) -> tuple[str, ...]:
        """Return the names that more than one place has, sorted."""
        seen: set[tuple[str, str]] = set()
        twice: set[str] = set()
        for repository in self.repositories:
            for kind in (NODE, LAUNCHER):
                for entry in repository.usable(kind):
                    if (kind, entry.name) in seen:
                        twice.add(entry.name)
                    seen.add((kind, entry.name))
        return tuple(sorted(twice))


class BrokenIndex(HostError):
    """An index that cannot be read."""

    kind = "broken_index"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"'{path}' is damaged", hint="run 'peppy repo refresh', which makes it anew"
        )


def index_path(home: Home) -> Path:
    """Return where the index lies."""
    return home.cache / "repositories" / "index.json"


def files_path(home: Home) -> Path:
    """Return where the launch files lie of repositories that are elsewhere."""
    return home.cache / "repositories" / "files"


async def load_index(home: Home, files: Files) -> Index:
    """Return the index, an empty one where there is none; raise `BrokenIndex` or `HostError`."""
    path = index_path(home)
    if not await files.exists(path):
        return Index()
    data = await files.read(path)
    try:
        index = msgspec.json.decode(data, type=Index)
    except (msgspec.MsgspecError, UnicodeError):
        raise BrokenIndex(path) from None
    if index.version != Index().version:
        raise BrokenIndex(path)
    return index


async def save_index(home: Home, files: Files, index: Index) -> None:
    """Replace the index in one step. Raises `HostError`."""
    data = msgspec.json.format(msgspec.json.encode(index), indent=1)
    await files.write(index_path(home), data + b"\n", mode=PRIVATE)
