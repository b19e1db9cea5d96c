"""What a deployment of a launch file names: a node's source, and the variant in it.

Source: behaviour.md 3; seed 003, "Launch files", "Variants".
"""

import posixpath
from typing import Final

from peppy.schema.names import Tag
from peppy.schema.reader import STAND_IN, Cursor
from peppy.schema.source_reader import (
    STAND_IN_SOURCE,
    read_archive,
    read_git,
    read_local,
    the_kind,
)
from peppy.schema.sources import (
    LocalSource,
    NamedSource,
    Source,
    VariantChoice,
    VariantName,
    Wanted,
)
from peppy.schema.wording import quoted

_SHAPES: Final = "{ local }, { repo, path, ref }, { url, sha256 } or { name, tag }"
_VARIANTS: Final = "{ name }, { local }, { repo, path, ref } or { url, sha256 }"
_VARIANT: Final = "variant"
_TAG: Final = "tag"

STAND_IN_WANTED: Final = Wanted(source=STAND_IN_SOURCE)


def read_wanted(cursor: Cursor, directory: str, *, in_archives: tuple[str, ...] = ()) -> Wanted:
    """Return the node that is meant at `cursor`; problems go to its report.

    Local sources are made absolute with `directory`, the launch file's own. `in_archives` are keys
    that stand beside an archive's address in this kind of document.
    """
    variant = cursor.entries().get(_VARIANT) if cursor.is_object else None
    return Wanted(
        source=_source(cursor, directory, in_archives),
        variant=None if variant is None else _variant(variant, directory, in_archives),
    )


def _source(cursor: Cursor, directory: str, in_archives: tuple[str, ...]) -> Source:
    kind = the_kind(cursor, ("local", "repo", "url", "name"), _SHAPES)
    if kind not in (None, "name") and cursor.has(_TAG):
        cursor.entries()[_TAG].key_problem("does not stand here: a node's own document has its tag")
    match kind:
        case "local":
            return _absolute(cursor, read_local(cursor, _VARIANT, _TAG), directory)
        case "repo":
            return read_git(cursor, _VARIANT, _TAG)
        case "url":
            return read_archive(cursor, _VARIANT, _TAG, *in_archives)
        case "name":
            return _named(cursor)
        case _:
            return STAND_IN_SOURCE


def _variant(cursor: Cursor, directory: str, in_archives: tuple[str, ...]) -> VariantChoice:
    match the_kind(cursor, ("local", "repo", "url", "name"), _VARIANTS):
        case "local":
            return _absolute(cursor, read_local(cursor), directory)
        case "repo":
            return read_git(cursor, whole=False)
        case "url":
            return read_archive(cursor, *in_archives, whole=False)
        case "name":
            return VariantName(cursor.fields(["name"]).read("name", Cursor.name, STAND_IN))
        case _:
            return VariantName(STAND_IN)


def _named(cursor: Cursor) -> NamedSource:
    """Return a node of a repository: `name` and `tag`, or both in `name`."""
    fields = cursor.fields(["name"], [_TAG, _VARIANT])
    name, tag = fields.get("name"), fields.get(_TAG)
    if name is None:
        return NamedSource(STAND_IN, Tag(""))
    if isinstance(name.value, str) and ":" in name.value:
        if tag is not None:
            tag.key_problem("the tag stands in 'name' already: write it once")
        first, _, rest = name.value.partition(":")
        return NamedSource(name.part(first).name(), Tag(name.part(rest).tag()))
    if tag is None:
        cursor.problem("'tag' is missing, a node of a repository is named by both")
    return NamedSource(name.name(), Tag("") if tag is None else tag.tag())


def _absolute(cursor: Cursor, source: LocalSource, directory: str) -> LocalSource:
    if source.local == "~" or source.local.startswith("~/"):
        cursor.entries()["local"].problem(
            f"{quoted(source.local)}: no shell reads this, write an absolute path, or one relative "
            "to this file"
        )
    return LocalSource(posixpath.normpath(posixpath.join(directory, source.local)))
