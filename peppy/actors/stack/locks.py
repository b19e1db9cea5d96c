"""The lock file of a launch: read, compared with what there is now, and written."""

from collections.abc import Iterable
from pathlib import Path

from peppy.actors.host.ports import Files, HostError
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

    def __init__(self, path: Path, differences: Iterable[str]) -> None:
        self.differences = tuple(differences)
        told = "".join(f"\n  {each}" for each in self.differences)
        super().__init__(
            f"the launch is not what '{path}' says:{told}",
            hint="'peppy stack lock' locks what there is now; '--frozen' launches what was locked",
        )


class Locked:
    """A lock file, for the launch file in `directory`."""

    def __init__(self, path: Path, lock: Lock, directory: Path) -> None:
        self._path = path
        self._lock = lock
        self._directory = str(directory)

    def pins(self, wanted: Wanted) -> Pins:
        """Return exactly what was locked of a node; nothing of one that was not."""
        locked = self._lock.find(portable_wanted(wanted, self._directory))
        if locked is None:
            return NO_PINS
        own = None if locked.own is None else here(locked.own.origin, self._directory)
        return Pins(root=here(locked.root.origin, self._directory), own=own)

    def check(self, nodes: Iterable[Resolved]) -> None:
        """Raise `LockDrift` if these are not the nodes that were locked."""
        differences = drift(self._lock, [locked_node(each, self._directory) for each in nodes])
        if differences:
            raise LockDrift(self._path, differences)


async def load_lock(files: Files, launcher: Path, lock_file: str | None) -> Locked:
    """Return the lock file of a launch file, which lies beside it unless it is named.

    Raises `HostError` if there is none, and `DocumentError` for one that is wrong.
    """
    path = lock_path(launcher, lock_file)
    if not await files.exists(path):
        raise HostError(
            f"there is no lock file '{path}'", hint=f"write it with: peppy stack lock {launcher}"
        )
    return Locked(path, read_lock(await files.read(path), str(path)), launcher.parent)


def lock_path(launcher: Path, lock_file: str | None) -> Path:
    """Return where the lock file of a launch file lies."""
    return Path(lock_name(str(launcher)) if lock_file is None else lock_file)


def locked_node(resolved: Resolved, directory: str) -> LockedNode:
    """Return what is locked of a node; `directory` is the launch file's."""
    document = resolved.document

    def locked(origin: Origin, sha256: str) -> LockedDocument:
        return LockedDocument(origin=portable_origin(origin, directory), sha256=sha256)

    root_sha256 = document.root_sha256 or document.sha256
    return LockedNode(
        node=document.manifest.id,
        wanted=portable_wanted(resolved.wanted, directory),
        root=locked(resolved.root, root_sha256),
        own=None if resolved.own is None else locked(resolved.own, document.sha256),
        interfaces=interface_fingerprint(document.interfaces),
    )
