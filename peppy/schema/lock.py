"""A lock file as values: exactly what each node of a launch file was resolved to.

Of a node from elsewhere the commit or the archive's digest is locked, and with it everything. A
directory of this machine is somebody's own work: its document and its interfaces are locked, its
code is not. Paths are relative to the launch file and addresses are without credentials, so that a
team can share the file. `peppy.schema.lock_reader` and `peppy.schema.lock_text` read and write it.
Source: seed 003, "Lockfiles", which only announces them.
"""

import posixpath
from collections.abc import Iterator, Sequence
from typing import Final, assert_never

import msgspec

from peppy.schema.addresses import without_credentials
from peppy.schema.names import NodeId
from peppy.schema.sources import (
    ArchiveSource,
    GitSource,
    LocalSource,
    NamedSource,
    Origin,
    PlacedSource,
    VariantName,
    Wanted,
)

LOCK_SUFFIX: Final = ".lock.json5"


class LockedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document, and where exactly it came from."""

    origin: Origin
    """As `portable_origin` returns it."""
    sha256: str
    """Lower-case hex digest of the document's bytes."""


class LockedNode(msgspec.Struct, frozen=True, kw_only=True):
    """One node of a launch."""

    node: NodeId
    wanted: Wanted
    """As `portable_wanted` returns it."""
    root: LockedDocument
    own: LockedDocument | None = None
    """The variant's; None where the root's own execution was chosen."""
    interfaces: str
    """Lower-case hex digest, as `peppy.schema.fingerprint.interface_fingerprint` returns it."""


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """All nodes of a launch."""

    nodes: tuple[LockedNode, ...]

    def find(self, wanted: Wanted) -> LockedNode | None:
        """Return what a deployment was locked to; `wanted` is as `portable_wanted` returns it."""
        return next((locked for locked in self.nodes if locked.wanted == wanted), None)


def lock_name(launcher: str) -> str:
    """Return the path of the lock file beside a launch file."""
    directory, name = posixpath.split(launcher)
    return posixpath.join(directory, posixpath.splitext(name)[0] + LOCK_SUFFIX)


def portable_wanted(wanted: Wanted, directory: str) -> Wanted:
    """Return what a deployment wants as a lock file has it; `directory` is the launch file's."""
    source, variant = wanted.source, wanted.variant
    if not isinstance(source, NamedSource):
        source = _portable(source, directory)
    if variant is not None and not isinstance(variant, VariantName):
        variant = _portable(variant, directory)
    return Wanted(source=source, variant=variant)


def portable_origin(origin: Origin, directory: str) -> Origin:
    """Return where something came from as a lock file has it: its source names that very place."""
    source = _portable(origin.source, directory)
    match source:
        case LocalSource():
            return Origin(source=source)
        case GitSource(repo):
            commit = origin.commit or ""
            source = GitSource(repo, origin.directory, commit)
            return Origin(source=source, commit=commit, directory=origin.directory)
        case ArchiveSource(url):
            sha256 = origin.sha256 or ""
            source = ArchiveSource(url, sha256, origin.directory)
            return Origin(source=source, sha256=sha256, directory=origin.directory)
    assert_never(source)


def here(origin: Origin, directory: str) -> Origin:
    """Return a locked origin with an absolute path in place of a relative one."""
    if not isinstance(origin.source, LocalSource):
        return origin
    local = posixpath.normpath(posixpath.join(directory, origin.source.local))
    return Origin(source=LocalSource(local))


def drift(locked: Lock, now: Sequence[LockedNode]) -> list[str]:
    """Return a sentence for each difference between what was locked and what there is now."""
    before = {locked_node.wanted: locked_node for locked_node in locked.nodes}
    after = {node.wanted for node in now}
    sentences: list[str] = []
    for node in now:
        earlier = before.get(node.wanted)
        if earlier is None:
            sentences.append(f"'{node.node}' from '{node.wanted}' is not locked")
        else:
            sentences += _differences(earlier, node)
    sentences += [
        f"'{earlier.node}' from '{earlier.wanted}' is locked, and is not in the launch file"
        for earlier in locked.nodes
        if earlier.wanted not in after
    ]
    return sentences


def _differences(before: LockedNode, after: LockedNode) -> Iterator[str]:
    if before.node != after.node:
        yield _other(f"the node from '{before.wanted}'", str(before.node), str(after.node))
    yield from _documents(f"'{before.node}'", before.root, after.root)
    variant = f"the variant of '{before.node}'"
    if before.own is not None and after.own is not None:
        yield from _documents(variant, before.own, after.own)
    elif before.own != after.own:
        none = "the node's own execution"
        yield _other(variant, _place(before.own, none), _place(after.own, none))
    if before.interfaces != after.interfaces:
        yield _other(f"the interfaces of '{before.node}'", before.interfaces, after.interfaces)


def _documents(whose: str, before: LockedDocument, after: LockedDocument) -> Iterator[str]:
    old, new = before.origin, after.origin
    if _place(before, "") != _place(after, ""):
        yield _other(f"the source of {whose}", _place(before, ""), _place(after, ""))
    elif old.commit != new.commit:
        yield _other(f"the commit of {whose}", old.commit or "", new.commit or "")
    elif old.sha256 != new.sha256:
        yield _other(f"the archive of {whose}", old.sha256 or "", new.sha256 or "")
    if before.sha256 != after.sha256:
        yield _other(f"the document of {whose}", before.sha256, after.sha256)


def _other(what: str, before: str, after: str) -> str:
    return f"{what}: locked is '{before}', there is '{after}'"


def _place(document: LockedDocument | None, otherwise: str) -> str:
    """Return where a document lies, without its version."""
    if document is None:
        return otherwise
    match document.origin.source:
        case LocalSource(local):
            return local
        case GitSource(repo, path):
            return f"{repo}/{path}" if path else repo
        case ArchiveSource(url, _, path):
            return f"{url} ({path})" if path else url


def _portable(source: PlacedSource, directory: str) -> PlacedSource:
    match source:
        case LocalSource(local):
            return LocalSource(_relative(local, directory))
        case GitSource(repo, path, ref):
            return GitSource(without_credentials(repo), path, ref)
        case ArchiveSource(url, sha256, path):
            return ArchiveSource(without_credentials(url), sha256, path)
    assert_never(source)


def _relative(local: str, directory: str) -> str:
    """Return a path relative to the launch file's directory, as long as they share anything."""
    both_absolute = local.startswith("/") and directory.startswith("/")
    if not both_absolute or posixpath.commonpath((local, directory)) == "/":
        return local
    return posixpath.relpath(local, directory)
