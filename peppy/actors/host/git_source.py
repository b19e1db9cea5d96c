"""Node sources in git repositories."""

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from secrets import token_hex
from typing import TypeVar

import msgspec
import trio

from peppy.actors.host import disk
from peppy.actors.host.files import in_thread
from peppy.actors.host.git_address import Repository, directory_in, repository
from peppy.actors.host.git_cache import CachedRepository
from peppy.actors.host.git_errors import Damaged
from peppy.actors.host.git_program import GitProgram, find_git
from peppy.actors.host.git_refs import is_hash
from peppy.actors.host.git_run import Limits
from peppy.actors.host.git_tree import Entry, entry_at, lay_out, names_of_nodes, read_file
from peppy.actors.host.ports import (
    AT_HAND,
    DOCUMENT,
    Fetching,
    FoundDocument,
    HostError,
    NoDocument,
)
from peppy.schema.frames import Note
from peppy.schema.sources import GitSource, Origin
from peppy.schema.wording import did_you_mean, quoted

T = TypeVar("T")

MOST_NAMED = 8
"""Nodes of a repository that a sentence names."""


class NotCached(HostError):
    """Something that would have to be fetched, and may not be."""

    kind = "not_cached"

    def __init__(self, place: str, ref: str) -> None:
        what = f"{quoted(ref)} of '{place}'" if ref else f"the default branch of '{place}'"
        super().__init__(
            f"{what} was not fetched before", hint="leave '--offline' out once, with a network"
        )


class NoNodeThere(NoDocument):
    """A directory of a repository that is not there, or is no node's."""

    def __init__(
        self, place: str, commit: str, inner: str, nodes: list[str], *, dir_: bool
    ) -> None:
        where = f"'{place}' at {commit[:12]}"
        if dir_:
            sentence = f"there is no '{DOCUMENT}' in {quoted(inner or '.')} of {where}"
        else:
            sentence = f"there is no directory {quoted(inner)} in {where}"
        names = [node or "." for node in nodes]
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        named = ", ".join(quoted(name) for name in names[:MOST_NAMED])
        HostError.__init__(
            self,
            sentence + did_you_mean(inner, names),
            hint=f"its nodes are in {named}{more}" if names else "it has no nodes",
        )


class _Used(msgspec.Struct, frozen=True):
    """A directory of a commit that is cached."""

    cached: CachedRepository
    commit: str
    inner: str


class GitFetcher:
    """Fetches from git repositories, with a cache of what it has fetched."""

    def __init__(self, cache: Path, limits: Limits = Limits()) -> None:  # noqa: B008  # frozen
        """`cache` is a directory of its own; it is made when it is needed."""
        self._cache = cache
        self._limits = limits
        self._programs: dict[str, GitProgram] = {}
        """By the path on which they were found."""
        self._locks: dict[str, trio.Lock] = {}
        self._looked_up: dict[tuple[str, str], tuple[float, str]] = {}
        """When a ref was last asked for, and what it was."""

    async def read(self, source: GitSource, how: Fetching = AT_HAND) -> FoundDocument:
        """Return the document of a node in a repository."""
        return await self._use(source, how, lambda used: _read(source, used))

    async def fetch(self, source: GitSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy a node out of a repository; return at which commit it was."""
        return await self.copy(source, into, how)

    async def copy(self, source: GitSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy a directory of a repository, whatever is in it; return at which commit it was."""
        return await self._use(source, how, lambda used: _copy(source, used, into, how))

    async def _use(
        self, source: GitSource, how: Fetching, use: Callable[[_Used], Awaitable[T]]
    ) -> T:
        """Do something with a directory of the commit that is meant; once more if it is damaged."""
        place, inner = repository(source), directory_in(source, how)
        asked = trio.current_time()
        git = await self._git(how.environment or os.environ)
        async with self._locks.setdefault(place.key, trio.Lock()):
            cached = self._cached(git, place, how, place.key)
            existed = cached.exists
            try:
                commit = await self._commit(cached, source.ref, how, asked)
                return await use(_Used(cached, commit, inner))
            except Damaged:
                if how.offline or not existed:
                    raise
            # Beside the old one, which stays if there is no network now.
            fresh = self._cached(git, place, how, f".{token_hex(8)}.tmp")
            try:
                commit = await self._commit(fresh, source.ref, how, trio.current_time())
                await in_thread(
                    "replace",
                    cached.directory,
                    lambda: disk.move(fresh.directory, cached.directory),
                )
                return await use(_Used(cached, commit, inner))
            finally:
                with trio.CancelScope(shield=True):
                    await fresh.throw_away()

    async def _git(self, environment: Mapping[str, str]) -> GitProgram:
        path = environment.get("PATH", "")
        known = self._programs.get(path)
        if known is None or not os.path.exists(known.path):
            known = await find_git(environment, self._cache / "nowhere")
            self._programs[path] = known
        return msgspec.structs.replace(known, caller=environment)

    def _cached(
        self, git: GitProgram, place: Repository, how: Fetching, name: str
    ) -> CachedRepository:
        return CachedRepository(git, place, self._cache / name, self._limits, how.note)

    async def _commit(self, cached: CachedRepository, ref: str, how: Fetching, asked: float) -> str:
        """Return the commit that is meant, which is cached then."""
        pinned = how.pin.commit if how.pin is not None else None
        if pinned is not None and not is_hash(pinned):
            raise HostError(f"{quoted(pinned)} is not the hash of a commit")
        if pinned is None and is_hash(ref):
            pinned = ref.lower()
        if pinned is not None:
            if await cached.has(pinned):
                return pinned
            if how.offline:
                raise NotCached(cached.place.shown, pinned)
            return await cached.fetch_commit(pinned)
        if how.offline:
            last = await cached.last(ref)
            if last is None or not await cached.has(last):
                raise NotCached(cached.place.shown, ref)
            return last
        key = (cached.place.key, ref)
        when, commit = self._looked_up.get(key, (-1.0, ""))
        if when > asked and await cached.has(commit):
            return commit  # another one has looked it up while this one waited
        started = trio.current_time()
        commit = await cached.look_up(ref)
        self._looked_up[key] = (started, commit)
        return commit


async def _read(source: GitSource, used: _Used) -> FoundDocument:
    path = f"{used.inner}/{DOCUMENT}" if used.inner else DOCUMENT
    entry = await entry_at(used.cached, used.commit, path)
    if entry is None or not entry.is_file:
        await _directory(used)
        raise await _no_node(used, is_directory=True)
    text = await read_file(used.cached, entry)
    name = f"{used.cached.place.shown}/{path} at {used.commit[:12]}"
    return FoundDocument(text=text, name=name, origin=_origin(source, used))


async def _copy(source: GitSource, used: _Used, into: Path, how: Fetching) -> Origin:
    tree = await _directory(used)
    laid = await lay_out(used.cached, tree, into)
    for path in laid.submodules:
        how.note(Note(stream="warning", text=f"the submodule {quoted(path)} is left out"))
    for first in laid.pointers[:1]:
        many = f" and {len(laid.pointers) - 1} more" if len(laid.pointers) > 1 else ""
        text = f"{quoted(first)}{many}: the content lies with Git LFS and is not fetched"
        how.note(Note(stream="warning", text=text))
    return _origin(source, used)


async def _directory(used: _Used) -> Entry:
    entry = await entry_at(used.cached, used.commit, used.inner)
    if entry is None or entry.kind != "tree":
        raise await _no_node(used, is_directory=False)
    return entry


async def _no_node(used: _Used, *, is_directory: bool) -> NoNodeThere:
    nodes = await names_of_nodes(used.cached, used.commit)
    place = used.cached.place.shown
    return NoNodeThere(place, used.commit, used.inner, nodes, dir_=is_directory)


def _origin(source: GitSource, used: _Used) -> Origin:
    # What authenticates is not part of where something came from.
    kept = GitSource(used.cached.place.shown, source.path, source.ref)
    return Origin(source=kept, commit=used.commit, directory=used.inner)
