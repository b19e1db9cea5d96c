"""Node sources on this machine."""

from collections.abc import Collection
from pathlib import Path

from peppy.actors.host import disk
from peppy.actors.host.exclusions import is_left_out
from peppy.actors.host.files import in_thread
from peppy.actors.host.ports import HostError
from peppy.actors.host.trees import copy_tree


class RealSources:
    """Takes snapshots of local directories."""

    async def fetch(self, source: str, into: Path) -> None:
        """Copy the directory `source` to `into`, without what is left out."""
        path = local(source)
        await in_thread("copy", path, lambda: _snapshot(path, into), to=into)


def local(source: str) -> Path:
    """Return the directory that `source` names; raises `HostError` if it is on no disk of ours."""
    if "://" in source or source.startswith("git@"):
        raise HostError(
            f"cannot fetch '{source}': only local directories are supported",
            hint="clone or unpack it, and name its directory",
        )
    return Path(source)


def _snapshot(source: Path, into: Path) -> None:
    if not source.is_dir():
        raise HostError(f"'{source}' is not a directory")
    disk.must_be_free(into)
    with disk.staged(into) as new:
        copy_tree(source, new, links=False, left_out=_stays_behind)
        new.rename(into)


def _stays_behind(name: str, contents: Collection[str] | None) -> bool:
    # In a linked work tree `.git` is a file.
    return name == ".git" if contents is None else is_left_out(name, contents)
