"""Looking up names in the repositories that a person has added (behaviour.md 3).

What is found is pinned: to the commit or the digest that was there at the last refresh.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import assert_never

import msgspec

from peppy.actors.host.ports import HostError, NoDocument
from peppy.actors.stack.repository_index import (
    LAUNCHER,
    NODE,
    Index,
    IndexedRepository,
    files_path,
    load_index,
)
from peppy.actors.stack.site import Site
from peppy.schema.errors import PeppyError
from peppy.schema.names import NodeId
from peppy.schema.node_reader import read_node_document
from peppy.schema.repositories import RepositoryEntry
from peppy.schema.sources import (
    ArchiveSource,
    GitSource,
    LocalSource,
    NamedSource,
    Origin,
    PlacedSource,
    Wanted,
)
from peppy.schema.wording import nearest, quoted

Found = tuple[IndexedRepository, RepositoryEntry]


class NotInRepositories(PeppyError):
    """A name that no repository has."""

    kind = "not_in_repositories"

    def __init__(self, what: str, index: Index, kind: str) -> None:
        super().__init__(f"{quoted(what)} is in no repository", hint=_advice(what, index, kind))


class AmbiguousName(PeppyError):
    """A name that more than one place has."""

    kind = "ambiguous_name"

    def __init__(self, what: str, found: Iterable[Found]) -> None:
        places = [f"{quoted(e.path or '.')} of repository {quoted(r.name)}" for r, e in found]
        self.places = tuple(places)
        *most, last = places
        repository, entry = next(iter(found))
        super().__init__(
            f"{quoted(what)} is ambiguous: it is in {', '.join(most)} and in {last}",
            hint="pass over the one that is not meant, as in:"
            f" peppy repo exclude {repository.name} {entry.path or '.'}",
        )


class ChangedSince(PeppyError):
    """A directory of this machine that holds another node than at the last refresh, or none."""

    kind = "changed_since_refresh"

    def __init__(self, named: NamedSource, now: NodeId | None, directory: str) -> None:
        there = "no node" if now is None else f"'{now}'"
        super().__init__(
            f"'{directory}' was '{named}' at the last refresh and is {there} now",
            hint="run 'peppy repo refresh'",
        )


class OutsideRepository(PeppyError):
    """A launch file from elsewhere that names a directory of this machine."""

    kind = "outside_repository"

    def __init__(self, directory: str, repository: str) -> None:
        super().__init__(
            f"a launch file of repository '{repository}' names the directory {quoted(directory)},"
            " which is not in that repository",
            hint="it can name what lies in its own repository, or other repositories and archives",
        )


class LocatedLauncher(msgspec.Struct, frozen=True, kw_only=True):
    """A launch file of a repository."""

    path: Path
    """A file on this machine: its own place, or a copy as it was at the last refresh. Its lock
    file, if the repository has one, lies beside it."""
    repository: str
    """The repository's name."""
    place: PlacedSource | None
    """The repository, pinned; None for a directory of this machine, where `path` is no copy."""
    top: Path
    """What stands for the top of the repository: `path` and its relative sources lie below it."""

    def placed(self, wanted: Wanted) -> Wanted:
        """Return what a deployment of the file means: directories are those of the repository.

        Raises `OutsideRepository`.
        """
        place = self.place
        if place is None:
            return wanted
        source, variant = wanted.source, wanted.variant
        if isinstance(source, LocalSource):
            source = self._within(source, place)
        if isinstance(variant, LocalSource):
            variant = self._within(variant, place)
        return Wanted(source=source, variant=variant)

    def unplaced(self, wanted: Wanted) -> Wanted:
        """Return what `placed` was given: what the file says, whatever commit it is of."""
        source, variant = wanted.source, wanted.variant
        if isinstance(source, GitSource | ArchiveSource):
            source = self._local(source)
        if isinstance(variant, GitSource | ArchiveSource):
            variant = self._local(variant)
        return Wanted(source=source, variant=variant)

    def origin(self, origin: Origin) -> Origin:
        """Return where something lies that has been locked in a work tree of the repository.

        Raises `OutsideRepository`.
        """
        if self.place is None or not isinstance(origin.source, LocalSource):
            return origin
        source = self._within(origin.source, self.place)
        match source:
            case LocalSource():
                return origin
            case GitSource(path=path, ref=ref):
                return Origin(source=source, commit=ref, directory=path)
            case ArchiveSource(path=path, sha256=sha256):
                return Origin(source=source, sha256=sha256, directory=path)
        assert_never(source)

    def _local(self, source: PlacedSource) -> PlacedSource:
        place = self.place
        if isinstance(place, LocalSource | None) or isinstance(source, LocalSource):
            return source
        inner = os.path.relpath(source.path or ".", place.path or ".")
        if within(place, "" if inner == "." else inner) != source:
            return source
        return LocalSource(os.path.normpath(self.top / inner))

    def _within(self, source: LocalSource, place: PlacedSource) -> PlacedSource:
        inner = os.path.relpath(os.path.normpath(source.local), self.top)
        if inner.split("/", 1)[0] == "..":
            raise OutsideRepository(source.local, self.repository)
        return within(place, "" if inner == "." else inner)


async def locate(site: Site, named: NamedSource) -> PlacedSource:
    """Return where the node lies that a repository has under this name, pinned.

    Raises `NotInRepositories`, `AmbiguousName`, `ChangedSince` or `HostError`.
    """
    index = await load_index(site.home, site.host.files)
    repository, entry = _the_one(index, NODE, str(named))
    place = within(pinned(repository), entry.path)
    if isinstance(place, LocalSource):
        try:
            document = await site.host.sources.read(place)
        except NoDocument as error:
            raise ChangedSince(named, None, place.local) from error
        now = read_node_document(document.text, document.name).manifest.id
        if now != NodeId(named.name, named.tag):
            raise ChangedSince(named, now, place.local)
    return place


async def locate_launcher(site: Site, name: str) -> LocatedLauncher:
    """Return the launch file that a repository has under this bare name.

    Raises `NotInRepositories`, `AmbiguousName` or `HostError`.
    """
    index = await load_index(site.home, site.host.files)
    repository, entry = _the_one(index, LAUNCHER, name)
    place = pinned(repository)
    copied = None if isinstance(place, LocalSource) else place
    files = files_path(site.home) / repository.files
    top = Path(place.local) if isinstance(place, LocalSource) else files
    path = top / entry.path
    if not await site.host.files.exists(path):
        raise HostError(
            f"'{path}' of repository '{repository.name}' is no longer there",
            hint="run 'peppy repo refresh'",
        )
    return LocatedLauncher(path=path, repository=repository.name, place=copied, top=top)


def pinned(repository: IndexedRepository) -> PlacedSource:
    """Return a repository as it was at its last refresh."""
    place, origin = repository.place, repository.origin
    match place:
        case LocalSource():
            return place
        case GitSource():
            return msgspec.structs.replace(place, ref=origin.commit or place.ref)
        case ArchiveSource():
            return msgspec.structs.replace(place, sha256=origin.sha256 or place.sha256)
    assert_never(place)


def within(place: PlacedSource, path: str) -> PlacedSource:
    """Return the directory at `path` in a repository, which is relative to its top."""
    match place:
        case LocalSource(local):
            return LocalSource(os.path.normpath(os.path.join(local, path)))
        case GitSource() | ArchiveSource():
            inner = "/".join(part for part in (place.path.strip("/"), path) if part)
            return msgspec.structs.replace(place, path=inner)
    assert_never(place)


def _the_one(index: Index, kind: str, name: str) -> Found:
    found = [
        (repository, entry)
        for repository in index.repositories
        for entry in repository.usable(kind)
        if entry.name == name
    ]
    if not found:
        raise NotInRepositories(name, index, kind)
    if len(found) > 1:
        raise AmbiguousName(name, found)
    return found[0]


def _advice(what: str, index: Index, kind: str) -> str:
    if not index.repositories:
        return "there are no repositories yet: 'peppy repo add SOURCE' adds one"
    every = [(r, e) for r in index.repositories for e in r.entries if e.kind == kind]
    for repository, entry in every:
        if entry.name == what:
            return (
                f"repository '{repository.name}' has one that is excluded; to take it all the"
                f" same: peppy repo exclude --undo {repository.name} {what}"
            )
    guess = nearest(what, (entry.name for _, entry in every if not entry.excluded))
    meant = "" if guess is None else f"did you mean {quoted(guess)}? "
    return f"{meant}'peppy repo refresh' looks again, 'peppy repo list' shows what there is"
