"""The file `conf/repositories.json5`: which repositories a person has added (behaviour.md 7.1)."""

from collections.abc import Sequence
from typing import Final

import msgspec

from peppy.schema.json5 import parse
from peppy.schema.names import Name
from peppy.schema.reader import Cursor, cursor_over, refuse_duplicates

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
    """Return a document with these repositories, which keeps what a person wrote in `before`."""
    del before
    lines = [*HEAD, "{", "  repositories: ["]
    for each in repositories:
        members = {"name": each.name, "source": each.source}
        lines.append("    {")
        lines += [f"      {key}: {_quoted(value)}," for key, value in members.items()]
        if each.ref is not None:
            lines.append(f"      ref: {_quoted(each.ref)},")
        if each.exclude:
            lines.append(f"      exclude: [{', '.join(map(_quoted, each.exclude))}],")
        lines.append("    },")
    return "\n".join((*lines, "  ],", "}", ""))


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
