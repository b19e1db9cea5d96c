"""The text of a lock file: a value a line, always in one order, so that few lines change."""

import json
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias, assert_never

from peppy.schema.document_kinds import LOCK_SCHEMA
from peppy.schema.lock import Lock, LockedDocument, LockedNode
from peppy.schema.sources import (
    ArchiveSource,
    GitSource,
    LocalSource,
    NamedSource,
    PlacedSource,
    VariantName,
    Wanted,
)

_STEP: Final = "  "

_HEAD: Final = (
    "// What each node of the launch file beside this one was resolved to.",
    "// 'peppy stack lock' writes it, 'peppy stack launch --locked' compares. Keep it in git.",
)

_Members: TypeAlias = "Mapping[str, str | _Members]"


def lock_text(lock: Lock) -> str:
    """Return the JSON5 text of a lock file, the same one for the same nodes in any order."""
    nodes = sorted(lock.nodes, key=lambda locked: (locked.node, str(locked.wanted)))
    lines = [*_HEAD, "{", f'{_STEP}peppy_schema: "{LOCK_SCHEMA}",', f"{_STEP}locked: ["]
    for locked in nodes:
        lines.append(f"{_STEP * 2}{{")
        lines += _lines(_node(locked), _STEP * 3)
        lines.append(f"{_STEP * 2}}},")
    return "\n".join((*lines, f"{_STEP}],", "}", ""))


def _lines(members: _Members, indent: str) -> Iterator[str]:
    for key, value in members.items():
        if isinstance(value, str):
            yield f"{indent}{key}: {json.dumps(value, ensure_ascii=False)},"
        else:
            yield f"{indent}{key}: {{"
            yield from _lines(value, indent + _STEP)
            yield f"{indent}}},"


def _node(locked: LockedNode) -> _Members:
    members: dict[str, str | _Members] = {
        "node": str(locked.node),
        "source": _wanted(locked.wanted),
        "resolved": _document(locked.root),
    }
    if locked.own is not None:
        members["resolved_variant"] = _document(locked.own)
    members["interfaces"] = locked.interfaces
    return members


def _wanted(wanted: Wanted) -> _Members:
    """Return what a deployment wants, in the form of launch files."""
    source, variant = wanted.source, wanted.variant
    if isinstance(source, NamedSource):
        members: dict[str, str | _Members] = {"name": source.name, "tag": source.tag}
    else:
        members = dict(_placed(source))
    if isinstance(variant, VariantName):
        members["variant"] = {"name": variant.name}
    elif variant is not None:
        members["variant"] = _placed(variant)
    return members


def _placed(source: PlacedSource) -> dict[str, str]:
    match source:
        case LocalSource(local):
            return {"local": _path(local)}
        case GitSource(repo, path, ref):
            return {"repo": repo, "path": path or "."} | ({"ref": ref} if ref else {})
        case ArchiveSource(url, sha256, path):
            place = {"url": url} | ({"path": path} if path else {})
            return place | ({"sha256": sha256} if sha256 else {})
    assert_never(source)


def _document(document: LockedDocument) -> _Members:
    origin = document.origin
    match origin.source:
        case LocalSource(local):
            place = {"local": _path(local)}
        case GitSource(repo):
            place = {"repo": repo, "path": origin.directory or ".", "commit": origin.commit or ""}
        case ArchiveSource(url):
            place = {"url": url, "path": origin.directory or ".", "sha256": origin.sha256 or ""}
    return {**place, "document": document.sha256}


def _path(local: str) -> str:
    """Return a path that nobody takes for an address."""
    return local if local.startswith(("/", ".")) else f"./{local}"
