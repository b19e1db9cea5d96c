"""The lock file of a launch: read, compared with what there is now, and written."""

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from peppy.actors.host.ports import Files, HostError
from peppy.actors.stack.repositories import LocatedLauncher
from peppy.actors.stack.resolving import NO_PINS, Pins, Resolved
from peppy.schema.errors import PeppyError
from peppy.schema.fingerprint import interface_fingerprint
from peppy.schema.lock import (
    Lock,
    LockedDocument,
    LockedNode,
    drift,
    here,
    lock_name,
    portable_origin,
    portable_wanted,
)
from peppy.schema.lock_reader import read_lock
from peppy.schema.sources import Origin, Wanted


class LockDrift(PeppyError):
    """A launch that comes to something else than what was locked."""

    kind = "lock_drift"

    def __init__(self, path: Path, differences: Iterable[str], *, frozen: bool) -> None:
        """`frozen` if what was locked is wanted already, and cannot be had."""
        self.differences = tuple(differences)
        told = "".join(f"\n  {each}" for each in self.differences)
        super().__init__(
            f"the launch is not what '{path}' says:{told}",
            hint="'peppy stack lock' locks what there is now"
            + ("" if frozen else "; '--frozen' launches what was locked"),
        )


class Locked:
    """A lock file, for the launch file in `directory`."""

    def __init__(
        self, path: Path, lock: Lock, directory: Path, located: LocatedLauncher | None = None
    ) -> None:
        """`located` is the launch file, if it is one of a repository."""
        self._path = path
        self._directory = str(directory)
        self._located = located
        self._lock = lock if located is None else _in_repository(lock, located, self._directory)

    def pins(self, wanted: Wanted) -> Pins:
        """Return exactly what was locked of a node; nothing of one that was not."""
        locked = self._lock.find(_said(wanted, self._directory, self._located))
        if locked is None:
            return NO_PINS
        own = None if locked.own is None else here(locked.own.origin, self._directory)
        return Pins(root=here(locked.root.origin, self._directory), own=own)

    def check(self, nodes: Iterable[Resolved], *, frozen: bool) -> None:
        """Raise `LockDrift` if these are not the nodes that were locked."""
        now = [locked_node(each, self._directory, self._located) for each in nodes]
        differences = drift(self._lock, now)
        if differences:
            raise LockDrift(self._path, differences, frozen=frozen)


async def load_lock(
    files: Files, launcher: Path, lock_file: str | None, located: LocatedLauncher | None = None
) -> Locked:
    """Return the lock file of a launch file, which lies beside it unless it is named.

    Raises `HostError` if there is none, and `DocumentError` for one that is wrong.
    """
    path = lock_path(launcher, lock_file)
    if not await files.exists(path):
        raise HostError(
            f"there is no lock file '{path}'", hint=f"write it with: peppy stack lock {launcher}"
        )
    return Locked(path, read_lock(await files.read(path), str(path)), launcher.parent, located)


def lock_path(launcher: Path, lock_file: str | None) -> Path:
    """Return where the lock file of a launch file lies."""
    return Path(lock_name(str(launcher)) if lock_file is None else lock_file)


def locked_node(
    resolved: Resolved, directory: str, located: LocatedLauncher | None = None
) -> LockedNode:
    """Return what is locked of a node; `directory` is the launch file's.

    `located` is that file, if it is one of a repository.
    """
    document = resolved.document

    def locked(origin: Origin, sha256: str) -> LockedDocument:
        return LockedDocument(origin=portable_origin(origin, directory), sha256=sha256)

    root_sha256 = document.root_sha256 or document.sha256
    return LockedNode(
        node=document.manifest.id,
        wanted=_said(resolved.wanted, directory, located),
        root=locked(resolved.root, root_sha256),
        own=None if resolved.own is None else locked(resolved.own, document.sha256),
        interfaces=interface_fingerprint(document.interfaces),
    )


def _said(wanted: Wanted, directory: str, located: LocatedLauncher | None) -> Wanted:
    """Return what a lock file has for a deployment: in a repository as in a work tree of it."""
    return portable_wanted(wanted if located is None else located.unplaced(wanted), directory)


def _in_repository(lock: Lock, located: LocatedLauncher, directory: str) -> Lock:
    """Return a lock file that was written in a work tree as it holds for its repository."""

    def placed(document: LockedDocument) -> LockedDocument:
        origin = located.origin(here(document.origin, directory))
        return replace(document, origin=portable_origin(origin, directory))

    return Lock(
        nodes=tuple(
            replace(
                node, root=placed(node.root), own=None if node.own is None else placed(node.own)
            )
            for node in lock.nodes
        )
    )
