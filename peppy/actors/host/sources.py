"""Node sources: on this machine, in git repositories, in archives."""

import os
from pathlib import Path
from typing import assert_never

from peppy.actors.host import disk
from peppy.actors.host.archive_source import ArchiveFetcher
from peppy.actors.host.exclusions import stays_behind
from peppy.actors.host.files import in_thread
from peppy.actors.host.git_source import GitFetcher
from peppy.actors.host.home import Home
from peppy.actors.host.ports import (
    AT_HAND,
    DOCUMENT,
    Fetching,
    FoundDocument,
    HostError,
    NoDocument,
)
from peppy.actors.host.trees import copy_tree
from peppy.schema.sources import ArchiveSource, GitSource, LocalSource, Origin, PlacedSource


class LocalFetcher:
    """Copies directories of this machine."""

    async def read(self, source: LocalSource, how: Fetching = AT_HAND) -> FoundDocument:
        """Return the document of a node in a directory."""
        directory = directory_of(source, how)
        path = directory / DOCUMENT
        if not await in_thread("read", path, lambda: os.path.lexists(path)):
            raise NoDocument(directory)
        text = await in_thread("read", path, lambda: disk.read(path))
        return FoundDocument(text=text, name=str(path), origin=_origin(directory))

    async def fetch(self, source: LocalSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy a node's directory; return its path."""
        return await self.copy(source, into, how)

    async def copy(self, source: LocalSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy a directory, whatever is in it; return its path."""
        path = directory_of(source, how)
        await in_thread("copy", path, lambda: snapshot(path, into), to=into)
        return _origin(path)


class RealSources:
    """Fetches from wherever a source lies."""

    def __init__(self, home: Home) -> None:
        self._local = LocalFetcher()
        self._git = GitFetcher(home.cache / "git")
        self._archives = ArchiveFetcher(home.cache / "archives", home.downloads)

    async def read(self, source: PlacedSource, how: Fetching = AT_HAND) -> FoundDocument:
        """Return the document of a source."""
        match source:
            case LocalSource():
                return await self._local.read(source, how)
            case GitSource():
                return await self._git.read(source, how)
            case ArchiveSource():
                return await self._archives.read(source, how)
        assert_never(source)

    async def fetch(self, source: PlacedSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy a node's source to the directory `into`; return where exactly it was."""
        match source:
            case LocalSource():
                return await self._local.fetch(source, into, how)
            case GitSource():
                return await self._git.fetch(source, into, how)
            case ArchiveSource():
                return await self._archives.fetch(source, into, how)
        assert_never(source)

    async def copy(self, source: PlacedSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy everything below a source; return where exactly it was."""
        match source:
            case LocalSource():
                return await self._local.copy(source, into, how)
            case GitSource():
                return await self._git.copy(source, into, how)
            case ArchiveSource():
                return await self._archives.copy(source, into, how)
        assert_never(source)


def directory_of(source: LocalSource, how: Fetching) -> Path:
    """Return the directory that is meant, absolute, without `.` and `..`."""
    return Path(os.path.normpath(Path(source.local) / how.inside))


def snapshot(source: Path, into: Path) -> None:
    """Copy a directory of this machine, all or nothing, without what stays behind."""
    if not source.is_dir():
        raise HostError(f"'{source}' is not a directory")
    disk.must_be_free(into)
    with disk.staged(into) as new:
        copy_tree(source, new, links=False, left_out=stays_behind)
        new.rename(into)


def _origin(directory: Path) -> Origin:
    return Origin(source=LocalSource(str(directory)))
