"""Node sources on this machine."""

import os
import shutil
from pathlib import Path

from peppy.actors.host import disk
from peppy.actors.host.exclusions import is_left_out
from peppy.actors.host.files import in_thread
from peppy.actors.host.ports import HostError


class RealSources:
    """Takes snapshots of local directories."""

    async def fetch(self, source: str, into: Path) -> None:
        """Copy the directory `source` to `into`, without what is left out."""
        path = local(source)
        await in_thread("copy", path, lambda: _snapshot(path, into))


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
        _copy(str(source), str(new), str(new))
        new.rename(into)


def _copy(source: str, to: str, staging: str) -> None:
    """Copy what stays; `staging` itself may lie within the source."""
    os.mkdir(to)
    with os.scandir(source) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        inner = os.path.join(to, entry.name)
        if entry.is_file(follow_symlinks=False):
            # In a linked work tree `.git` is a file.
            if entry.name != ".git":
                shutil.copy2(entry.path, inner)
        elif (
            entry.is_dir(follow_symlinks=False)
            and entry.path != staging
            and not is_left_out(entry.name, os.listdir(entry.path))
        ):
            _copy(entry.path, inner, staging)
    shutil.copymode(source, to)
