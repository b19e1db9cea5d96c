"""The door for lock files: bytes in, a whole value out, or every problem with its place."""

import posixpath
from typing import Final

from peppy.schema.document_kinds import LOCK_SCHEMA, DocumentKind, must_be_a
from peppy.schema.json5 import parse
from peppy.schema.launcher_sources import STAND_IN_WANTED, read_wanted
from peppy.schema.lock import Lock, LockedDocument, LockedNode
from peppy.schema.names import NodeId, Tag
from peppy.schema.reader import STAND_IN, Cursor, cursor_over
from peppy.schema.source_reader import (
    STAND_IN_SOURCE,
    read_inner_path,
    read_repository,
    read_sha256,
    read_url,
    the_kind,
)
from peppy.schema.sources import ArchiveSource, GitSource, LocalSource, Origin, Wanted
from peppy.schema.wording import quoted

_SHAPES: Final = "{ local }, { repo, path, commit } or { url, path, sha256 }"
_STAND_IN_NODE: Final = NodeId(STAND_IN, Tag(""))
_STAND_IN_DOCUMENT: Final = LockedDocument(origin=Origin(source=STAND_IN_SOURCE), sha256="")

_SHA1_LENGTH: Final = 40
_SHA256_LENGTH: Final = 64
"""Hexadecimal digits of a whole commit, in repositories of either kind."""


def read_lock(text: bytes, source: str) -> Lock:
    """Return a lock file's content; paths in it stay relative to the launch file.

    `source` is what messages call it, mostly its path. Raises `DocumentError` with all problems.
    """
    root = cursor_over(parse(text, source))
    must_be_a(DocumentKind.LOCK, root, source)
    fields = root.fields(["peppy_schema", "locked"])
    fields.read("peppy_schema", _check_schema, None)
    listed = fields.get("locked")
    items = [] if listed is None else listed.items()
    nodes = tuple(_node(item) for item in items)
    seen: set[object] = set()
    for item, node in zip(items, nodes, strict=True):
        if node.wanted in seen and node.wanted != STAND_IN_WANTED:
            item.problem(f"locks {quoted(str(node.wanted))} a second time")
        seen.add(node.wanted)
    root.report.settle()
    return Lock(nodes=nodes)


def _check_schema(cursor: Cursor) -> None:
    if not isinstance(cursor.value, str):
        cursor.must_be(quoted(LOCK_SCHEMA))
    elif cursor.value != LOCK_SCHEMA:
        cursor.problem(
            f"{quoted(cursor.value)} is not the schema of a lock file, which is "
            f"{quoted(LOCK_SCHEMA)}: write the file anew with 'peppy stack lock'"
        )


def _node(cursor: Cursor) -> LockedNode:
    fields = cursor.fields(["node", "source", "resolved", "interfaces"], ["resolved_variant"])
    return LockedNode(
        node=fields.read("node", _node_id, _STAND_IN_NODE),
        wanted=fields.read("source", _wanted, STAND_IN_WANTED),
        root=fields.read("resolved", _document, _STAND_IN_DOCUMENT),
        own=fields.read("resolved_variant", _document, None),
        interfaces=fields.read("interfaces", read_sha256, ""),
    )


def _wanted(cursor: Cursor) -> Wanted:
    return read_wanted(cursor, "", in_archives=("path",))


def _node_id(cursor: Cursor) -> NodeId:
    name, colon, tag = cursor.text().partition(":")
    if not colon:
        cursor.problem("is not a node: write NAME:TAG")
        return _STAND_IN_NODE
    return NodeId(cursor.part(name).name(), cursor.part(tag).tag())


def _document(cursor: Cursor) -> LockedDocument:
    match the_kind(cursor, ("local", "repo", "url"), _SHAPES):
        case "local":
            fields = cursor.fields(["local", "document"])
            local = posixpath.normpath(fields.read("local", Cursor.text, ""))
            origin = Origin(source=LocalSource(local))
        case "repo":
            fields = cursor.fields(["repo", "path", "commit", "document"])
            repo = fields.read("repo", read_repository, "")
            path = fields.read("path", read_inner_path, "")
            commit = fields.read("commit", _commit, "")
            origin = Origin(source=GitSource(repo, path, commit), commit=commit, directory=path)
        case "url":
            fields = cursor.fields(["url", "path", "sha256", "document"])
            url = fields.read("url", read_url, "")
            path = fields.read("path", read_inner_path, "")
            sha256 = fields.read("sha256", read_sha256, "")
            origin = Origin(source=ArchiveSource(url, sha256, path), sha256=sha256, directory=path)
        case _:
            return _STAND_IN_DOCUMENT
    return LockedDocument(origin=origin, sha256=fields.read("document", read_sha256, ""))


def _commit(cursor: Cursor) -> str:
    text = cursor.text().lower()
    whole = len(text) in (_SHA1_LENGTH, _SHA256_LENGTH)
    if text.strip() and not (whole and all(c in "0123456789abcdef" for c in text)):
        cursor.problem(f"{quoted(text)} is not a whole commit")
    return text
