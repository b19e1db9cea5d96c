"""A node's identity, its variants and what it depends on. Source: behaviour.md 2.2."""

from typing import Final

from peppy.schema.names import NodeId, Tag
from peppy.schema.node import Dependency, Manifest, Variant
from peppy.schema.reader import STAND_IN, Cursor, Fields, refuse_duplicates
from peppy.schema.source_reader import STAND_IN_SOURCE, read_source
from peppy.schema.wording import quoted

_RETIRED: Final = {"language": "write 'language' into 'execution'"}
_NO_MANIFEST: Final = Manifest(STAND_IN, Tag(""))


def read_manifest(cursor: Cursor) -> Manifest:
    """Return the manifest that stands at `cursor`; problems go to its report."""
    fields = cursor.fields(["name", "tag"], ["labels", "variants", "depends_on"], _RETIRED)
    manifest = Manifest(
        fields.read("name", Cursor.name, _NO_MANIFEST.name),
        fields.read("tag", Cursor.tag, _NO_MANIFEST.tag),
        fields.read("labels", lambda labels: labels.read_all(Cursor.text), ()),
        fields.read("variants", _variants, ()),
        fields.read("depends_on", _depends_on, ()),
    )
    if manifest.name and any(needed.node == manifest.id for needed in manifest.depends_on):
        what = f"'{manifest.id}' depends on itself: {manifest.id} -> {manifest.id}"
        fields.read("depends_on", lambda cursor: cursor.problem(what), None)
    return manifest


def read_local_id(fields: Fields, owner: Cursor, older: str) -> str:
    """Return the label of a dependency: `link_id`, or `older` as older documents call it.

    The label is trimmed, and empty where it is wrong.
    """
    if (older in fields) == ("link_id" in fields):
        if older in fields:
            owner.problem(f"has both {quoted(older)} and 'link_id': write one of them")
        else:
            owner.problem(f"{quoted(older)} is missing")
        return ""
    return fields.read(older, _label, "") or fields.read("link_id", _label, "")


def _label(cursor: Cursor) -> str:
    text = cursor.text().strip()
    if text and not any(c.isalnum() and c.isascii() for c in text):
        cursor.problem(f"{quoted(text)} has no letter and no digit")
        return ""
    return text


def _variants(cursor: Cursor) -> tuple[Variant, ...]:
    variants = cursor.read_all(_variant)
    named = zip(cursor.items(), variants, strict=True)
    refuse_duplicates(((item, variant.name) for item, variant in named), "the variant")
    return variants


def _variant(cursor: Cursor) -> Variant:
    fields = cursor.fields(["name", "source"])
    name = fields.read("name", Cursor.name, STAND_IN)
    return Variant(name, fields.read("source", read_source, STAND_IN_SOURCE))


def _depends_on(cursor: Cursor) -> tuple[Dependency, ...]:
    return cursor.fields(["nodes"]).read("nodes", _dependencies, ())


def _dependencies(cursor: Cursor) -> tuple[Dependency, ...]:
    dependencies = cursor.read_all(_dependency)
    labelled = zip(cursor.items(), dependencies, strict=True)
    refuse_duplicates(((item, needed.local_id) for item, needed in labelled), "the label")
    return dependencies


def _dependency(cursor: Cursor) -> Dependency:
    fields = cursor.fields(["name", "tag"], ["local_id", "link_id"])
    node = NodeId(
        fields.read("name", Cursor.name, STAND_IN), fields.read("tag", Cursor.tag, Tag(""))
    )
    if not cursor.is_object:
        return Dependency(node, "")
    return Dependency(node, read_local_id(fields, cursor, "local_id"))
