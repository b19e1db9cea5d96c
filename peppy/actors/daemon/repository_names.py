"""What repositories are called, where they lie, and which of their entries somebody means."""

import os
import posixpath
import re
from collections.abc import Collection, Iterable, Sequence
from itertools import count
from typing import Final, assert_never

from msgspec.structs import replace

from peppy.actors.daemon.repository_errors import NotARepository
from peppy.schema.addresses import ARCHIVE_SUFFIXES
from peppy.schema.names import LONGEST_NAME, Name
from peppy.schema.repositories import RepositoryEntry
from peppy.schema.source_text import parse_source
from peppy.schema.sources import (
    ArchiveSource,
    GitSource,
    LocalSource,
    NamedSource,
    PlacedSource,
)

TOP: Final = "."
"""How the path of a node at the top of its repository is written."""

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]+")
_ROOM_FOR_NUMBER: Final = 8


def place_of(text: str, ref: str | None) -> PlacedSource:
    """Return the place that a repository's source names; raise `PeppyError`."""
    source = parse_source(text, ref)
    match source:
        case NamedSource():
            raise NotARepository(text, f"for a directory of that name write './{text}'")
        case LocalSource(local):
            if not os.path.isabs(local):
                raise NotARepository(text, "write the directory with its whole path")
            return LocalSource(os.path.normpath(local))
        case GitSource() | ArchiveSource():
            return source
    assert_never(source)


def name_for(place: PlacedSource, taken: Collection[str]) -> Name:
    """Return a name for a new repository, made of its source's."""
    match place:
        case LocalSource(local):
            last = posixpath.basename(local)
        case GitSource(repo):
            last = re.split(r"[/:]", repo.rstrip("/"))[-1].removesuffix(".git")
        case ArchiveSource(url):
            last = posixpath.basename(url.partition("?")[0])
            for suffix in ARCHIVE_SUFFIXES:
                last = last.removesuffix(suffix)
        case _:
            assert_never(place)
    plain = _NOT_IN_NAMES.sub("-", last)[: LONGEST_NAME - _ROOM_FOR_NUMBER].strip("-")
    plain = plain or "repository"
    names = (plain if number == 1 else f"{plain}-{number}" for number in count(1))
    return Name(next(name for name in names if name not in taken))


def marked(
    entries: Iterable[RepositoryEntry], exclude: Iterable[str]
) -> tuple[RepositoryEntry, ...]:
    """Return entries with those marked that somebody wants passed over."""
    entries = tuple(entries)
    out = {id(entry) for pattern in exclude for entry in meant(entries, pattern)}
    return tuple(replace(entry, excluded=id(entry) in out) for entry in entries)


def meant(entries: Sequence[RepositoryEntry], pattern: str) -> tuple[RepositoryEntry, ...]:
    """Return the entries of this name or, if there is none, at this path."""
    named = tuple(entry for entry in entries if entry.name == pattern)
    path = posixpath.normpath(pattern) if pattern else TOP
    return named or tuple(entry for entry in entries if (entry.path or TOP) == path)
