"""What `files` does on a real disk, as plain functions that block. They raise `OSError`."""

import errno
import os
import shutil
import stat
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

from peppy.actors.host.shim_log import rotate
from peppy.actors.host.trees import DEEPEST, copy_tree

BLOCK: Final = 64 * 1024
"""Bytes that `tail` reads at a time."""


@contextmanager
def staged(path: Path) -> Generator[Path, None, None]:
    """Yield a name beside `path` to make something at; it is gone at the end, if not moved."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name stays short, however long the final one is.
    beside = path.parent / f".{token_hex(8)}.tmp"
    try:
        yield beside
    finally:
        remove(beside)


def must_be_free(path: Path) -> None:
    """Raise `FileExistsError` if anything is at `path`."""
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def read(path: Path) -> bytes:
    """Return a file's bytes: a pipe would hold its reader up for ever, and a device has no end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def write(path: Path, data: bytes, mode: int, *, durable: bool = True) -> None:
    """Replace a file in one step, and survive a power cut if it is to be `durable`."""
    with staged(path) as new:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(descriptor, mode)
            if durable:
                file.flush()
                os.fsync(descriptor)
        new.replace(path)


def append(path: Path, data: bytes, limit: int | None) -> None:
    """Add to a file's end, all or nothing; one that would get longer than `limit` is rotated."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if limit is not None and is_full(_size(path), len(data), limit):
        rotate(str(path))
    with path.open("ab", buffering=0) as file:
        start = written = file.seek(0, os.SEEK_END)
        try:
            rest = data
            while rest:
                count = file.write(rest)
                written, rest = written + count, rest[count:]
        except OSError:
            if os.fstat(file.fileno()).st_size == written:  # nobody else has added to it
                with suppress(OSError):
                    file.truncate(start)
            raise


def is_full(size: int, more: int, limit: int) -> bool:
    """Say whether a log of `size` bytes has to make way before `more` are added to it."""
    return size > 0 and size + more > limit


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def names(directory: Path) -> list[str]:
    """Return the names in a directory, sorted."""
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []


def write_tree(directory: Path, tree: Mapping[str, str]) -> None:
    """Replace a directory by one with these files."""
    with staged(directory) as new:
        new.mkdir()
        for relative, text in tree.items():
            path = new / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        move(new, directory)


def copy(directory: Path, to: Path) -> None:
    """Copy a whole directory, links as links, all or nothing."""
    must_be_free(to)
    with staged(to) as new:
        copy_tree(directory, new, links=True, left_out=_nothing)
        new.rename(to)


def _nothing(name: str, contents: Collection[str] | None) -> bool:
    del name, contents
    return False


def move(path: Path, to: Path) -> None:
    """Rename, replacing what is at `to`."""
    to.parent.mkdir(parents=True, exist_ok=True)
    path.lstat()  # before anything makes way for it
    if not (_is_directory(to) or (_is_directory(path) and os.path.lexists(to))):
        path.replace(to)
        return
    # A rename replaces no directory that has something in it: the old one steps aside first.
    with staged(to) as old:
        to.rename(old)
        try:
            path.rename(to)
        except OSError:
            old.rename(to)
            raise


def remove(path: Path) -> None:
    """Remove a file or a whole directory."""
    try:
        path.lstat()
    except FileNotFoundError:
        return  # a file system that may only be read refuses to remove even that
    if not _is_directory(path):
        path.unlink(missing_ok=True)
        return
    with suppress(OSError, RecursionError):
        shutil.rmtree(path)
        return
    # Some tools write-protect the directories of their caches; others still write while we remove.
    while _open_up(path):
        pass
    with suppress(FileNotFoundError):
        shutil.rmtree(path)


def _open_up(path: Path) -> bool:
    """Make all below a directory removable; return whether more came up that lay too deep."""
    more = False
    for top, directories, _ in os.walk(path):
        for name in (".", *directories):
            with suppress(OSError):
                _let_in(Path(top, name))
        if len(Path(top).relative_to(path).parts) >= DEEPEST:
            for name in directories:
                os.rename(os.path.join(top, name), path / f".{token_hex(8)}.tmp")
                more = True
            directories.clear()
    return more


def tail(path: Path, lines: int) -> list[str]:
    """Return a text file's last lines, those of `<path>.1` among them if it has just begun."""
    found = _tail(path, lines)
    missing = lines - len(found)
    return [*_tail(rotated(path), missing), *found] if missing else found


def rotated(path: Path) -> Path:
    """Return where a log lies that has become too long (`shim_log`)."""
    return path.with_name(f"{path.name}.1")


def _tail(path: Path, lines: int) -> list[str]:
    if lines <= 0:
        return []
    try:
        with path.open("rb") as file:
            position, data = file.seek(0, os.SEEK_END), b""
            # One line end more than lines, since the last line has one too.
            while position > 0 and data.count(b"\n") <= lines:
                size = min(BLOCK, position)
                position = file.seek(position - size)
                data = file.read(size) + data
    except FileNotFoundError:
        return []
    return last_lines(data, lines)


def last_lines(data: bytes, lines: int) -> list[str]:
    """Return the last `lines` lines of a text; undecodable bytes are replaced."""
    if not data or lines <= 0:
        return []
    return data.removesuffix(b"\n").decode("utf-8", "replace").split("\n")[-lines:]


def _is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _let_in(path: Path) -> None:
    if not path.is_symlink():
        path.chmod(stat.S_IMODE(path.stat().st_mode) | stat.S_IRWXU)
