"""The file `conf/repositories.json5`: which repositories a person has added (behaviour.md 7.1)."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

import msgspec
from msgspec.structs import replace

from peppy.schema.errors import DocumentError
from peppy.schema.json5 import parse
from peppy.schema.names import Name
from peppy.schema.places import Spot
from peppy.schema.reader import Cursor, cursor_over, refuse_duplicates
from peppy.schema.text_edits import (
    STEP,
    appending,
    edited,
    end_of_value,
    indentation,
    removing,
)

HEAD: Final = (
    "// The repositories that 'peppy repo add' has been given. 'peppy repo refresh' looks at what",
    "// they hold; what 'exclude' names is passed over.",
)


class RepositorySetting(msgspec.Struct, frozen=True, kw_only=True):
    """One repository, as a person has added it."""

    name: Name
    source: str
    """A directory or an address, as it was given."""
    ref: str | None = None
    """A git repository's branch, tag or commit."""
    exclude: tuple[str, ...] = ()
    """Names and paths of what is passed over."""


def read_repositories(text: bytes, source: str) -> tuple[RepositorySetting, ...]:
    """Return the repositories of a document; raise `DocumentError` with every problem."""
    root = cursor_over(parse(text, source))
    fields = root.fields(["repositories"])
    listed = fields.get("repositories")
    items = [] if listed is None else listed.items()
    settings = tuple(_repository(item) for item in items)
    refuse_duplicates(zip(items, (each.name for each in settings), strict=True), "repository")
    root.report.settle()
    return settings


def repositories_text(repositories: Sequence[RepositorySetting], before: str | None = None) -> str:
    """Return a document with these repositories, which keeps what a person wrote in `before`.

    Those that are new stand at its end. A `before` that is no such document counts for nothing.
    """
    if before is not None:
        with suppress(DocumentError):
            text = _changed(before, repositories)
            if _in_any_order(_read(text)) == _in_any_order(repositories):
                return text
    lines = [*HEAD, "{", f"{STEP}repositories: ["]
    lines += (f"{STEP * 2}{line}" for each in repositories for line in [*_lines(each)])
    return "\n".join((*lines, f"{STEP}],", "}", ""))


def _changed(text: str, repositories: Sequence[RepositorySetting]) -> str:
    """Return `text` with these repositories, and with everything else that stands in it."""
    wanted = {each.name: each for each in repositories}
    for old in reversed(_read(text)):
        spot = _spot(text, old)
        new = wanted.get(old.name)
        if new is None:
            text = edited(text, removing(text, spot.offset))
        elif replace(new, exclude=old.exclude) != old:
            indent = indentation(text, spot.offset)
            piece = f"\n{indent}".join(_lines(new)).removesuffix(",")
            text = edited(text, [(spot.offset, end_of_value(text, spot.offset), piece)])
        else:
            text = _with_exclusions(text, old, new)
    known = {each.name for each in _read(text)}
    added = ["\n".join(_lines(each)).removesuffix(",") for each in repositories]
    added = [item for item, each in zip(added, repositories, strict=True) if each.name not in known]
    return edited(text, appending(text, _list(text).offset, added)) if added else text


def _with_exclusions(text: str, old: RepositorySetting, new: RepositorySetting) -> str:
    """Return `text` with what `new` excludes in place of what `old` does."""
    for number in reversed(range(len(old.exclude))):
        if old.exclude[number] not in new.exclude:
            offset = _spot(text, old).members["exclude"].members[number].offset
            text = edited(text, removing(text, offset))
    added = [_quoted(each) for each in new.exclude if each not in old.exclude]
    if not added:
        return text
    spot = _spot(text, old)
    inner = spot.members.get("exclude")
    if inner is None:
        added, inner = [f"exclude: [{', '.join(added)}]"], spot
    return edited(text, appending(text, inner.offset, added))


def _in_any_order(repositories: Iterable[RepositorySetting]) -> set[tuple[object, ...]]:
    return {(each.name, each.source, each.ref, frozenset(each.exclude)) for each in repositories}


def _read(text: str) -> tuple[RepositorySetting, ...]:
    return read_repositories(text.encode(), "")


def _list(text: str) -> Spot:
    return parse(text, "").root.members["repositories"]


def _spot(text: str, repository: RepositorySetting) -> Spot:
    """Return where a repository stands in a text that has it."""
    names = [each.name for each in _read(text)]
    return _list(text).members[names.index(repository.name)]


def _lines(repository: RepositorySetting) -> Iterator[str]:
    yield "{"
    yield f"{STEP}name: {_quoted(repository.name)},"
    yield f"{STEP}source: {_quoted(repository.source)},"
    if repository.ref is not None:
        yield f"{STEP}ref: {_quoted(repository.ref)},"
    if repository.exclude:
        yield f"{STEP}exclude: [{', '.join(map(_quoted, repository.exclude))}],"
    yield "},"


def _repository(cursor: Cursor) -> RepositorySetting:
    fields = cursor.fields(["name", "source"], ["ref", "exclude"])
    return RepositorySetting(
        name=fields.read("name", Cursor.name, Name("")),
        source=fields.read("source", Cursor.text, ""),
        ref=fields.read("ref", Cursor.text, None),
        exclude=fields.read("exclude", lambda given: given.read_all(Cursor.text), ()),
    )


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
