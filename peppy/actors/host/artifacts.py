"""Artifacts on a real disk: a built directory as one compressed file, able to move.

A `.tar.zst` whose global header says where it was built and which files name that place
(`relocation`). These functions block and raise `OSError`, or `BadArtifact`.
"""

import errno
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import zstandard

from peppy.actors.host import disk
from peppy.actors.host.ports import HostError
from peppy.actors.host.relocation import LARGEST, MARK, mentions, rewrite, rewrite_target

BUILT_IN: Final = "PEPPY.built_in"
RELOCATE: Final = "PEPPY.relocate"
"""Keys of the global header, in the form that the standard keeps for others than itself."""

LEVEL: Final = 1
"""Every start waits for the unpacking, every build for the packing: speed before size."""


class BadArtifact(HostError):
    """A file that is no artifact, or only a part of one."""

    def __init__(self, artifact: Path, why: str) -> None:
        super().__init__(
            f"'{artifact}' is not a whole artifact: {why}",
            hint="build the node anew, with 'peppy node build --force NAME:TAG'",
        )


def pack(directory: Path, artifact: Path) -> None:
    """Make an artifact of a built directory."""
    if not directory.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(directory))
    header = {
        BUILT_IN: json.dumps(str(directory)),
        RELOCATE: json.dumps(sorted(_to_relocate(directory))),
    }
    compressor = zstandard.ZstdCompressor(level=LEVEL, threads=-1)
    with disk.staged(artifact) as new:
        with (
            new.open("wb") as file,
            compressor.stream_writer(file, closefd=False) as compressed,
            tarfile.open(
                fileobj=compressed, mode="w|", format=tarfile.PAX_FORMAT, pax_headers=header
            ) as archive,
        ):
            archive.add(directory, arcname=".", filter=_without_owner)
        new.replace(artifact)


def unpack(artifact: Path, directory: Path) -> None:
    """Lay out an artifact in a directory that is not there yet."""
    disk.must_be_free(directory)
    with disk.staged(directory) as new:
        try:
            built_in, relocate = _extract(artifact, new, directory)
        except FileNotFoundError as error:
            raise BadArtifact(artifact, "it is not there") from error
        except (tarfile.TarError, zstandard.ZstdError, EOFError, KeyError, ValueError) as error:
            raise BadArtifact(artifact, str(error)) from error
        for relative in relocate:
            _move_file(new / relative, built_in, directory)
        new.rename(directory)


def _extract(artifact: Path, to: Path, final: Path) -> tuple[Path, list[str]]:
    """Extract, and return where it was built and what of it names that place."""
    decompressor = zstandard.ZstdDecompressor()
    with (
        artifact.open("rb") as file,
        decompressor.stream_reader(file, read_across_frames=True, closefd=False) as data,
        tarfile.open(fileobj=data, mode="r|") as archive,
    ):
        built_in = Path(json.loads(archive.pax_headers[BUILT_IN]))

        def moved(member: tarfile.TarInfo, _: str) -> tarfile.TarInfo:
            if member.issym():
                member.linkname = rewrite_target(member.linkname, built_in, final)
            return member

        # The archive is our own work, of a directory whose links may lead anywhere.
        archive.extractall(to, filter=moved)  # noqa: S202
        return built_in, list(json.loads(archive.pax_headers[RELOCATE]))


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid, member.gid = os.getuid(), os.getgid()
    member.uname = member.gname = ""
    return member


def _to_relocate(directory: Path) -> Iterator[str]:
    """Yield the small text files of Python environments that name the directory."""
    environments: set[str] = set()
    for top, directories, files in os.walk(directory):
        if MARK in files or os.path.dirname(top) in environments:
            environments.add(top)
            directories.sort()
            for name in files:
                path = Path(top, name)
                if _is_small_file(path) and mentions(path.read_bytes(), directory):
                    yield str(path.relative_to(directory))


def _is_small_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST


def _move_file(path: Path, old: Path, new: Path) -> None:
    """Rewrite one file; as a new one, since it may share its inode with others."""
    data, mode = rewrite(path.read_bytes(), old, new), path.stat().st_mode & 0o7777
    disk.write(path, data, mode, durable=False)
