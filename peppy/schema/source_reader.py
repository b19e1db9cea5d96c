"""Where a variant or a deployment comes from. Source: behaviour.md 3."""

import re
from typing import Final
from urllib.parse import urlsplit

from peppy.schema.reader import Cursor
from peppy.schema.sources import ArchiveSource, GitSource, LocalSource, PlacedSource
from peppy.schema.wording import quoted

ARCHIVE_SUFFIXES: Final = (".tar.zst", ".tar.zstd", ".tzst")

_SHAPES: Final = "{ local }, { repo, path, ref } or { url, sha256 }"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
STAND_IN_SOURCE: Final[PlacedSource] = LocalSource("")


def read_source(cursor: Cursor) -> PlacedSource:
    """Return the source that stands at `cursor`; problems go to its report."""
    members = cursor.entries()
    if not cursor.is_object:
        return STAND_IN_SOURCE
    named = [key for key in ("local", "repo", "url") if key in members]
    if len(named) > 1:
        mixed = " and ".join(quoted(key) for key in named)
        cursor.problem(f"mixes {mixed}: a source is one of {_SHAPES}")
        return STAND_IN_SOURCE
    match named:
        case ["local"]:
            return LocalSource(cursor.fields(["local"]).read("local", Cursor.text, ""))
        case ["repo"]:
            return _git(cursor)
        case ["url"]:
            return _archive(cursor)
        case _:
            cursor.problem(f"is not a source: write {_SHAPES}")
            return STAND_IN_SOURCE


def _git(cursor: Cursor) -> GitSource:
    fields = cursor.fields(["repo", "path", "ref"])
    return GitSource(
        fields.read("repo", _operand, ""),
        fields.read("path", _inner_path, ""),
        fields.read("ref", _operand, ""),
    )


def _archive(cursor: Cursor) -> ArchiveSource:
    fields = cursor.fields(["url", "sha256"])
    return ArchiveSource(fields.read("url", _url, ""), fields.read("sha256", _sha256, ""))


def _operand(cursor: Cursor) -> str:
    # What begins with a dash would reach git as an option.
    text = cursor.text()
    if text.startswith("-"):
        cursor.problem(f"{quoted(text)} may not begin with '-'")
    return text


def _inner_path(cursor: Cursor) -> str:
    text = cursor.text()
    if text.startswith("/"):
        cursor.problem(f"{quoted(text)} must be relative to the root of the repository")
    if ".." in text.split("/"):
        cursor.problem(f"{quoted(text)} may not leave the repository")
    return text


def _url(cursor: Cursor) -> str:
    text = cursor.text()
    if not text.strip():
        return text
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and len(parts.path) > 1
    except ValueError:
        whole = False
        parts = None
    if not whole or any(c.isspace() for c in text):
        cursor.problem(f"{quoted(text)} is not an http or https address of a file")
    elif parts is not None and not parts.path.endswith(ARCHIVE_SUFFIXES):
        cursor.problem(f"{quoted(text)} must end in {', '.join(ARCHIVE_SUFFIXES)}")
    return text


def _sha256(cursor: Cursor) -> str:
    digits = cursor.text().lower()
    if digits.strip() and not _SHA256.fullmatch(digits):
        cursor.problem(f"{quoted(digits)} is not a SHA-256: it has 64 hexadecimal digits")
    return digits
