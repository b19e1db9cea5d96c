"""The documented nodes as people publish them: git repositories, an archive, a clone."""

import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import msgspec
import zstandard

from tests.actors.host.git_repositories import Repository
from tests.e2e.documented_nodes import (
    bidirectional,
    example_nodes,
    groot,
    hub,
    launch_example,
)


class Published(msgspec.Struct, frozen=True):
    """What was laid down, and where."""

    served: str
    """The address below which the repositories are."""
    clone: Path
    """`launch_example`, as `git clone` brings it."""
    archive: bytes
    """The recorder's."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.archive).hexdigest()


def publish(directory: Path) -> Published:
    """Lay everything down in an empty directory."""
    served = f"file://{directory}/served"
    for name, files in (
        ("nodes_hub", hub.FILES),
        ("example_nodes", example_nodes.FILES),
        ("groot-brain", groot.files(served)),
    ):
        repository = Repository(directory / "hosted" / name)
        repository.commit(_data(files))
        repository.git("tag", "v0.1.0")
        # A bare one, as servers have them.
        to = directory / "served" / f"{name}.git"
        repository.git("clone", "--quiet", "--bare", ".", str(to))
    clone = directory / "launch_example"
    for files in (launch_example.FILES, bidirectional.FILES, groot.ROBOT):
        write(clone, files)
    archive = packed("fake_video_reconstruction", example_nodes.RECORDER)
    return Published(served=served, clone=clone, archive=archive)


def write(directory: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def packed(top: str, files: Mapping[str, str]) -> bytes:
    """Return a `.tar.zst` as `tar --zstd -cf` makes it of a directory."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, data in _data(files).items():
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return zstandard.compress(plain.getvalue())


def _data(files: Mapping[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in files.items()}
