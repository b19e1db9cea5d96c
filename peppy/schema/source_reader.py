"""Where a variant or a deployment comes from. Source: behaviour.md 3."""

import re
from typing import Final

from peppy.schema.addresses import (
    archive_problem,
    inner_path,
    inner_problem,
    is_address,
    ref_problem,
    repository_problem,
)
from peppy.schema.reader import Cursor
from peppy.schema.sources import ArchiveSource, GitSource, LocalSource, PlacedSource
from peppy.schema.wording import quoted

_SHAPES: Final = "{ local }, { repo, path, ref } or { url, sha256 }"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
STAND_IN_SOURCE: Final[PlacedSource] = LocalSource("")


def read_source(cursor: Cursor) -> PlacedSource:
    """Return the source that stands at `cursor`; problems go to its report."""
    match the_kind(cursor, ("local", "repo", "url"), _SHAPES):
        case "local":
            return read_local(cursor)
        case "repo":
            return read_git(cursor)
        case "url":
            return read_archive(cursor)
        case _:
            return STAND_IN_SOURCE


def the_kind(cursor: Cursor, kinds: tuple[str, ...], shapes: str) -> str | None:
    """Return the one of `kinds` that is a key there; a problem is noted where it is not one."""
    members = cursor.entries()
    if not cursor.is_object:
        return None
    named = [key for key in kinds if key in members]
    if len(named) == 1:
        return named[0]
    if named:
        mixed = " and ".join(quoted(key) for key in named)
        cursor.problem(f"mixes {mixed}: a source is one of {shapes}")
    else:
        cursor.problem(f"is not a source: write {shapes}")
    return None


def read_local(cursor: Cursor, *beside: str) -> LocalSource:
    """Return the directory at `cursor` as it is written; keys `beside` it are read elsewhere."""
    return LocalSource(cursor.fields(["local"], beside).read("local", _directory, ""))


def read_git(cursor: Cursor, *beside: str, whole: bool = True) -> GitSource:
    """Return the repository's directory at `cursor`; if `whole`, `path` and `ref` are required."""
    required = ["repo", "path", "ref"] if whole else ["repo"]
    fields = cursor.fields(required, [*beside, "path", "ref"])
    return GitSource(
        fields.read("repo", read_repository, ""),
        fields.read("path", read_inner_path, ""),
        fields.read("ref", _ref, ""),
    )


def read_archive(cursor: Cursor, *beside: str, whole: bool = True) -> ArchiveSource:
    """Return the archive at `cursor`; if `whole`, its `sha256` is required.

    Documents that people write name no directory in it: `path` is read if it is `beside`.
    """
    required = ["url", "sha256"] if whole else ["url"]
    fields = cursor.fields(required, [*beside, "sha256"])
    return ArchiveSource(
        fields.read("url", read_url, ""),
        fields.read("sha256", read_sha256, ""),
        fields.read("path", read_inner_path, ""),
    )


def read_sha256(cursor: Cursor) -> str:
    """Return a SHA-256 in lower case."""
    digits = cursor.text().lower()
    if digits.strip() and not _SHA256.fullmatch(digits):
        cursor.problem(f"{quoted(digits)} is not a SHA-256: it has 64 hexadecimal digits")
    return digits


def _directory(cursor: Cursor) -> str:
    text = cursor.text()
    if is_address(text):
        cursor.problem("is an address: write { repo, path, ref } or { url, sha256 } instead")
    return text


def read_repository(cursor: Cursor) -> str:
    """Return the address of a git repository."""
    text = cursor.text()
    _note(cursor, text, repository_problem(text))
    return text


def read_inner_path(cursor: Cursor) -> str:
    """Return a directory within a repository or an archive; empty is its top."""
    text = cursor.text()
    _note(cursor, text, inner_problem(text))
    return inner_path(text)


def _ref(cursor: Cursor) -> str:
    text = cursor.text()
    _note(cursor, text, ref_problem(text))
    return text


def read_url(cursor: Cursor) -> str:
    """Return the address of an archive."""
    text = cursor.text()
    _note(cursor, text, archive_problem(text))
    return text


def _note(cursor: Cursor, text: str, problem: str | None) -> None:
    # What is blank has been noted already.
    if problem is not None and text.strip() and "\0" not in text:
        cursor.problem(problem)
