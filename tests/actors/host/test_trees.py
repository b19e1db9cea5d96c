"""Source trees as nobody wants them: what a snapshot takes of them, and what it says otherwise."""

import os
import shutil
import socket
import stat
import threading
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from peppy.actors.host import disk, sources
from peppy.actors.host.files import RealFiles, cannot
from peppy.actors.host.ports import HostError
from peppy.actors.host.trees import DEEPEST, copy_tree
from peppy.schema.sources import LocalSource

SECRET = b"nobody's business"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source with two files and a directory, and a secret beside it."""
    source = tmp_path / "source"
    (source / "inner").mkdir(parents=True)
    for name in ("a", "b", "inner/c"):
        (source / name).write_bytes(name.encode())
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("a", "b", "c"):
        (secrets / name).write_bytes(SECRET)
    return source


def names(top: Path) -> set[str]:
    return {str(path.relative_to(top)) for path in top.rglob("*")}


async def refused(source: Path, into: Path) -> str:
    """Return why there is no snapshot; nothing of it lies about."""
    with pytest.raises(HostError) as caught:
        await sources.LocalFetcher().fetch(LocalSource(str(source)), into)
    assert not into.exists()
    assert not list(into.parent.glob(".*.tmp"))
    return caught.value.sentence


async def test_links_devices_sockets_and_pipes_stay_behind(tree: Path, tmp_path: Path) -> None:
    for name, target in {
        "out": "../secrets",
        "absolute": str(tmp_path / "secrets" / "a"),
        "loop": "loop",
        "up": "..",
        "dangling": "nothing",
        "inner/here": "../a",
    }.items():
        (tree / name).symlink_to(target)
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tree / "socket"))
        if os.geteuid() == 0:
            os.mknod(tree / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
        await sources.LocalFetcher().fetch(LocalSource(str(tree)), tmp_path / "snapshot")
    assert names(tmp_path / "snapshot") == {"a", "b", "inner", "inner/c"}


def swapped(tree: Path, before: str, what: str, by: Path) -> Callable[..., bool]:
    """Return a filter that puts a link to `by` in the place of `what` when `before` comes."""

    def left_out(name: str, contents: Collection[str] | None) -> bool:
        del contents
        if name == before:
            (tree / what).rename(tree.parent / "away")
            (tree / what).symlink_to(by)
        return False

    return left_out


@pytest.mark.parametrize(
    ("before", "what", "by"),
    [("a", "a", "secrets/a"), ("a", "b", "secrets/b"), ("b", "inner", "secrets")],
)
def test_what_becomes_a_link_while_it_is_copied_is_not_followed(
    tree: Path, tmp_path: Path, before: str, what: str, by: str
) -> None:
    left_out = swapped(tree, before, what, tmp_path / by)
    with pytest.raises(OSError, match="it was replaced while it was copied") as caught:
        copy_tree(tree, tmp_path / "copy", links=True, left_out=left_out)
    assert caught.value.filename == str(tree / what)
    assert SECRET not in [p.read_bytes() for p in (tmp_path / "copy").rglob("*") if p.is_file()]


def test_a_directory_that_becomes_a_link_in_the_middle_is_copied_as_it_was(
    tree: Path, tmp_path: Path
) -> None:
    left_out = swapped(tree, "inner", "inner", tmp_path / "secrets")
    copy_tree(tree, tmp_path / "copy", links=True, left_out=left_out)
    assert (tmp_path / "copy" / "inner" / "c").read_bytes() == b"inner/c"


@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_a_file_that_becomes_something_else_while_it_is_copied_is_named(
    tree: Path, tmp_path: Path, kind: str
) -> None:
    def left_out(name: str, contents: Collection[str] | None) -> bool:
        del contents
        if name == "b":
            (tree / name).unlink()
            (tree / name).mkdir() if kind == "directory" else os.mkfifo(tree / name)
        return False

    with pytest.raises(OSError, match="it was replaced while it was copied") as caught:
        copy_tree(tree, tmp_path / "copy", links=False, left_out=left_out)
    assert caught.value.filename == str(tree / "b")


def test_a_file_that_grows_is_copied_as_long_as_it_was(tree: Path, tmp_path: Path) -> None:
    size, over = 64 * 1024 * 1024, threading.Event()
    with (tree / "big").open("wb") as file:
        file.truncate(size)
    copied = tmp_path / "copy" / "big"

    def grow() -> None:
        while not copied.exists() and not over.is_set():
            pass
        with (tree / "big").open("ab", buffering=0) as file:
            while not over.is_set():
                file.write(b"more" * 4096)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        copy_tree(tree, tmp_path / "copy", links=False, left_out=lambda name, contents: False)
    finally:
        over.set()
        writer.join()
    assert (tree / "big").stat().st_size > size
    assert copied.stat().st_size == size


async def test_names_may_be_any_bytes(tree: Path, tmp_path: Path) -> None:
    odd = os.fsdecode(b"caf\xe9\n\x1b[31m")
    (tree / odd).mkdir()
    (tree / odd / odd).write_bytes(b"odd")
    files = RealFiles()
    await sources.LocalFetcher().fetch(LocalSource(str(tree)), tmp_path / "snapshot")
    await files.copy(tmp_path / "snapshot", tmp_path / "workspace")
    await files.pack(tmp_path / "workspace", tmp_path / "artifact")
    await files.unpack(tmp_path / "artifact", tmp_path / "there")
    assert (tmp_path / "there" / odd / odd).read_bytes() == b"odd"


def test_a_sentence_about_any_name_can_be_sent_and_shown() -> None:
    path = Path(os.fsdecode(b"/src/caf\xe9"))
    error = PermissionError(13, "Permission denied", str(path / "x"))
    sentence = cannot("copy", path, error).sentence
    assert sentence == "cannot copy '/src/caf\\xe9': permission denied ('/src/caf\\xe9/x')"
    assert sentence.encode()


async def test_directories_that_lie_too_deep_are_refused_and_removed(tmp_path: Path) -> None:
    deep = tmp_path / "deep"
    deep.mkdir()
    inner = os.open(deep, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=inner)
        above, inner = inner, os.open("d", os.O_RDONLY, dir_fd=inner)
        os.close(above)
    os.close(inner)
    said = await refused(deep, tmp_path / "snapshot")
    assert f"more than {DEEPEST} directories lie in one another" in said
    with pytest.raises(HostError, match=f"cannot pack '{deep}' to '{tmp_path}/artifact': "):
        await RealFiles().pack(deep, tmp_path / "artifact")
    assert {path.name for path in tmp_path.iterdir()} == {"deep"}
    await RealFiles().remove(deep)
    assert not deep.exists()


async def test_as_many_directories_as_are_allowed_are_copied_and_packed(tmp_path: Path) -> None:
    deep = tmp_path.joinpath("deep", *["d"] * DEEPEST)
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(b"deep")
    files = RealFiles()
    await sources.LocalFetcher().fetch(LocalSource(str(tmp_path / "deep")), tmp_path / "snapshot")
    await files.pack(tmp_path / "snapshot", tmp_path / "artifact")
    await files.unpack(tmp_path / "artifact", tmp_path / "there")
    assert tmp_path.joinpath("there", *["d"] * DEEPEST, "file").read_bytes() == b"deep"


async def test_a_path_that_gets_too_long_in_its_new_place_is_said_to(tmp_path: Path) -> None:
    source = tmp_path / "s"
    inner = source.joinpath(*["x" * 200] * 19)
    inner.mkdir(parents=True)
    into = tmp_path.joinpath("y" * 200, "z" * 200, "snapshot")
    said = await refused(source, into)
    assert said == f"cannot copy '{source}' to '{into}': file name too long"


def test_a_copy_belongs_to_its_owner_however_write_protected_the_original_is(
    tree: Path, tmp_path: Path
) -> None:
    (tree / "a").chmod(0o440)
    (tree / "inner").chmod(0o555)
    tree.chmod(0o555)
    copy_tree(tree, tmp_path / "copy", links=False, left_out=lambda name, contents: False)
    modes = {name: stat.S_IMODE((tmp_path / "copy" / name).stat().st_mode) for name in ("", "a")}
    assert modes == {"": 0o755, "a": 0o440}
    disk.remove(tree)
    shutil.rmtree(tmp_path / "copy")
