"""Node sources in memory: directories of the disk in memory, and whatever lies elsewhere."""

from pathlib import Path
from posixpath import normpath

import trio

from peppy.actors.host.exclusions import is_left_out
from peppy.actors.host.memory_files import Directory, File, MemoryFiles
from peppy.actors.host.ports import (
    AT_HAND,
    DOCUMENT,
    Fetching,
    FoundDocument,
    HostError,
    NoDocument,
)
from peppy.actors.host.sources import directory_of
from peppy.schema.sources import ArchiveSource, GitSource, LocalSource, Origin, PlacedSource


class MemorySources:
    """Fetches directories that are in memory."""

    def __init__(self, files: MemoryFiles) -> None:
        self._files = files
        self.elsewhere: dict[str, Path] = {}
        """What lies elsewhere, by its address: the directory in memory that stands for it."""
        self.commits: dict[str, str] = {}
        """The commit that the refs of a repository are at, by its address, where it is not the
        one that is made of the ref's name."""
        self.older: dict[str, Path] = {}
        """Where an older state lies, by its commit or its digest."""
        self.stands_still = False
        """Whether nothing ever comes of fetching."""
        self.reachable = True
        """Whether there is a network."""

    async def read(self, source: PlacedSource, how: Fetching = AT_HAND) -> FoundDocument:
        """Return the document of a source."""
        await trio.lowlevel.checkpoint()
        directory, origin = self._place(source, how)
        item = self._files.items.get(directory / DOCUMENT)
        if not isinstance(item, File):
            raise NoDocument(source if origin.directory else directory)
        return FoundDocument(text=item.data, name=str(directory / DOCUMENT), origin=origin)

    async def fetch(self, source: PlacedSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy the directory of a source to `into`, without what is left out."""
        return await self.copy(source, into, how)

    async def copy(self, source: PlacedSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy a directory to `into`, whatever is in it."""
        await trio.lowlevel.checkpoint()
        if self.stands_still:
            await trio.sleep_forever()
        root, origin = self._place(source, how)
        files = self._files
        if not isinstance(files.items.get(root), Directory):
            raise HostError(f"'{root}' is not a directory")
        files.must_be_free("copy", into)
        out: set[Path] = set()
        stays: list[tuple[Path, File | Directory]] = []
        for path, item in files.below(root):
            if not out.isdisjoint(path.parents):
                continue
            match item:
                case Directory() if path != root and is_left_out(path.name, self._names(path)):
                    out.add(path)
                case File() if path.name == ".git":
                    pass
                case File() | Directory():
                    stays.append((path, item))
                case _:
                    pass
        for path, item in stays:
            files.put(into / path.relative_to(root), item)
        return origin

    def _place(self, source: PlacedSource, how: Fetching) -> tuple[Path, Origin]:
        match source:
            case LocalSource():
                directory = directory_of(source, how)
                return directory, Origin(source=LocalSource(str(directory)))
            case GitSource(repo, path, ref):
                inner = _inside(path, how.inside)
                top = self._elsewhere(repo)
                now = self.commits.get(repo, f"{ref or 'main'}-0")
                commit = now if how.pin is None else how.pin.commit
                top = self._state(top, commit, now)
                return top / inner, Origin(source=source, commit=commit, directory=inner)
            case ArchiveSource(url, sha256, path):
                inner = _inside(path, how.inside)
                top = self._elsewhere(url)
                return top / inner, Origin(
                    source=source, sha256=sha256 or "0" * 64, directory=inner
                )

    def _state(self, top: Path, wanted: str | None, now: str) -> Path:
        if wanted == now or wanted is None:
            return top
        if wanted not in self.older:
            raise HostError(f"there is no '{wanted}' any more, but '{now}'")
        return self.older[wanted]

    def _elsewhere(self, address: str) -> Path:
        if not self.reachable or address not in self.elsewhere:
            raise HostError(f"cannot reach '{address}'")
        return self.elsewhere[address]

    def _names(self, directory: Path) -> set[str]:
        return {path.name for path in self._files.items if path.parent == directory}


def _inside(path: str, inside: str) -> str:
    inner = normpath(f"{path or '.'}/{inside or '.'}")
    if inner.startswith(".."):
        raise HostError(f"'{inside}' leads out of where it is")
    return "" if inner == "." else inner
