"""Node sources in archives over HTTP(S)."""

import re
from collections.abc import Callable
from pathlib import Path
from posixpath import normpath
from typing import BinaryIO, Final, TypeVar
from weakref import WeakValueDictionary

import msgspec
import trio

from peppy.actors.host import archive_contents as contents
from peppy.actors.host import disk
from peppy.actors.host.archive_contents import Listing
from peppy.actors.host.archive_limits import LIMITS, ArchiveLimits, BadArchive
from peppy.actors.host.archive_names import Kind
from peppy.actors.host.download_limits import LIMITS as DOWNLOADING
from peppy.actors.host.download_limits import DownloadLimits
from peppy.actors.host.download_part import Part, digest_of
from peppy.actors.host.exclusions import stays_behind
from peppy.actors.host.files import in_thread
from peppy.actors.host.ports import (
    AT_HAND,
    DOCUMENT,
    Fetching,
    FoundDocument,
    HostError,
    NoDocument,
)
from peppy.schema.addresses import archive_problem, split_url, without_credentials
from peppy.schema.frames import Note
from peppy.schema.sources import ArchiveSource, Origin
from peppy.schema.wording import quoted

T = TypeVar("T")

Place = Callable[[ArchiveSource, Fetching, Listing], str]
"""Says which directory of an archive is meant."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class ArchiveFetcher:
    """Fetches from archives over HTTP(S), with a cache of what it has fetched."""

    def __init__(
        self,
        cache: Path,
        downloads: Path,
        limits: ArchiveLimits = LIMITS,
        downloading: DownloadLimits = DOWNLOADING,
    ) -> None:
        """Both are directories of its own; they are made when they are needed."""
        self._cache = cache
        self._downloads = downloads
        self._limits = limits
        self._downloading = downloading
        self._locks: WeakValueDictionary[str, trio.Lock] = WeakValueDictionary()

    def __repr__(self) -> str:
        return f"ArchiveFetcher({self._cache})"

    async def read(self, source: ArchiveSource, how: Fetching = AT_HAND) -> FoundDocument:
        """Return the document of a node in an archive."""
        name = without_credentials(source.url)

        def work(file: BinaryIO, found: Listing) -> tuple[bytes, str, str]:
            directory = _node_directory(source, how, found)
            path = f"{directory}/{DOCUMENT}" if directory else DOCUMENT
            if found.get(path) is not Kind.FILE:
                raise NoDocument(f"{name} ({directory})" if directory else name)
            check = trio.from_thread.check_cancelled
            return contents.text(file, path, self._limits, check), path, directory

        archive, sha256 = await self._at_hand(source, how)
        text, path, directory = await self._within(source, archive, "read", work)
        origin = _origin(source, sha256, directory)
        return FoundDocument(text=text, name=f"{name}: {path}", origin=origin)

    async def fetch(self, source: ArchiveSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy a node out of an archive; return where exactly it lay."""
        return await self._lay_out(source, into, how, _node_directory)

    async def copy(self, source: ArchiveSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy a directory of an archive, whatever is in it; return where exactly it lay."""
        return await self._lay_out(source, into, how, _any_directory)

    async def _lay_out(
        self, source: ArchiveSource, into: Path, how: Fetching, place: Place
    ) -> Origin:
        def work(file: BinaryIO, found: Listing) -> str:
            directory = place(source, how, found)
            if found.get(directory) is not Kind.DIRECTORY:
                name = without_credentials(source.url)
                raise HostError(f"there is no directory {quoted(directory)} in '{name}'")
            taken = contents.staying(found, directory, stays_behind)
            check = trio.from_thread.check_cancelled
            contents.unpack(file, taken, into, self._limits, check)
            return directory

        path, sha256 = await self._at_hand(source, how)
        directory = await self._within(source, path, "unpack", work, into)
        return _origin(source, sha256, directory)

    async def _within(
        self,
        source: ArchiveSource,
        path: Path,
        what: str,
        work: Callable[[BinaryIO, Listing], T],
        into: Path | None = None,
    ) -> T:
        """Return what `work` makes of an archive, all of which has been looked at."""

        def translated() -> T:
            with contents.opened(path) as file:
                check = trio.from_thread.check_cancelled
                return work(file, contents.listing(file, self._limits, check))

        try:
            return await in_thread(what, path, translated, to=into)
        except BadArchive as bad:
            with trio.CancelScope(shield=True):
                await in_thread("remove", path, lambda: disk.remove(path))
            name = without_credentials(source.url)
            raise BadArchive(bad.why, f"the archive '{name}'") from bad

    async def _at_hand(self, source: ArchiveSource, how: Fetching) -> tuple[Path, str]:
        """Return where an archive lies, and its digest; it is fetched if it is not there."""
        if problem := archive_problem(source.url):
            raise HostError(problem)
        expected, name = _expected(source, how), without_credentials(source.url)
        address = _without_user(source.url)
        lock = self._locks.setdefault(address, trio.Lock())
        if lock.locked():
            how.note(Note(stream="doing", text=f"waiting for a download of '{name}'"))
        async with lock:
            if expected and await self._is_cached(expected):
                return self._path(expected), expected
            if how.offline and not expected:
                raise HostError(
                    f"'{name}' cannot be had offline: nobody has said which SHA-256 it has",
                    hint="give its 'sha256', or a lock file, or leave out '--offline'",
                )
            if how.offline:
                raise HostError(
                    f"'{name}' cannot be had offline: it has not been fetched before",
                    hint="do it once without '--offline'",
                )
            return await self._download(source.url, Part(self._downloads, address), expected, how)

    async def _download(
        self, url: str, part: Part, expected: str, how: Fetching
    ) -> tuple[Path, str]:
        # A daemon that never downloads anything starts without an HTTP client.
        from peppy.actors.host.downloads import Download

        await Download(url, part, how, self._downloading).run(expected)
        path = self._path(part.sha256)
        await in_thread("write", path, lambda: part.move(path))
        return path, part.sha256

    async def _is_cached(self, sha256: str) -> bool:
        """Say whether an archive is in the cache; one that is damaged is removed from it."""
        path = self._path(sha256)

        def whole() -> bool:
            try:
                found = digest_of(path, trio.from_thread.check_cancelled)
            except FileNotFoundError:
                return False
            if found != sha256:
                disk.remove(path)
            return found == sha256

        return await in_thread("read", path, whole)

    def _path(self, sha256: str) -> Path:
        return self._cache / f"{sha256}.tar.zst"


def _expected(source: ArchiveSource, how: Fetching) -> str:
    """Return the digest that an archive has to have; empty if nobody has said it."""
    pinned = (how.pin.sha256 or "") if how.pin else ""
    name = without_credentials(source.url)
    if pinned and source.sha256 and pinned != source.sha256:
        raise HostError(
            f"the SHA-256 of '{name}' is said to be {source.sha256}, but {pinned} is what is taken",
            hint="the document has changed since: lock it anew",
        )
    expected = pinned or source.sha256
    if expected and not _SHA256.fullmatch(expected):
        raise HostError(f"{quoted(expected)}, said to be the SHA-256 of '{name}', is none")
    return expected


def _node_directory(source: ArchiveSource, how: Fetching, found: Listing) -> str:
    """Return where a node lies: at the top, or in the one directory there that holds a node."""
    if source.path or found.get(DOCUMENT) is Kind.FILE:
        return _any_directory(source, how, found)
    name = without_credentials(source.url)
    nodes = [
        path
        for path, kind in found.items()
        if "/" not in path
        and kind is Kind.DIRECTORY
        and found.get(f"{path}/{DOCUMENT}") is Kind.FILE
    ]
    match nodes:
        case [directory]:
            return _inner(name, directory, how.inside)
        case []:
            raise NoDocument(name)
        case _:
            some = ", ".join(quoted(path) for path in sorted(nodes)[:5])
            raise HostError(
                f"the archive '{name}' holds {len(nodes)} nodes rather than one: {some}",
                hint="make an archive of each, or add it as a repository: peppy repo add",
            )


def _any_directory(source: ArchiveSource, how: Fetching, found: Listing) -> str:
    """Return which directory is meant, be there a node or not."""
    del found
    return _inner(without_credentials(source.url), source.path, how.inside)


def _inner(name: str, directory: str, inside: str) -> str:
    inner = normpath(f"{directory or '.'}/{inside or '.'}")
    if inner == ".." or inner.startswith(("../", "/")):
        raise HostError(f"{quoted(inside or directory)} leads out of the archive '{name}'")
    return "" if inner == "." else inner


def _origin(source: ArchiveSource, sha256: str, directory: str) -> Origin:
    """Return where something came from; whoever reads it gets no password to see."""
    shown = msgspec.structs.replace(source, url=without_credentials(source.url))
    return Origin(source=shown, sha256=sha256, directory=directory)


def _without_user(url: str) -> str:
    """Return an address by which everybody means the same file."""
    parts = split_url(url)
    if parts is None:
        return url
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.authority.rpartition('@')[2]}{parts.path}{query}"
