"""Copying a directory, as a function that blocks: what lies outside of it is never read.

Everything is opened by its name in the directory above, which is open already, and never through a
link: whoever puts something else in the place of a file or a directory while it is copied gets
nothing from elsewhere into the copy.
"""

import errno
import os
import stat
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

DEEPEST: Final = 128
"""Directories in one another: each is open while it is copied, and what packs them recurses."""

BLOCK: Final = 1024 * 1024
"""Bytes that are read at a time."""

LeftOut = Callable[[str, Collection[str] | None], bool]
"""Says whether something stays behind: its name, and the names in it if it is a directory."""

_READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_OPEN_FILE: Final = _READ | os.O_NOFOLLOW
_OPEN_DIRECTORY: Final = _READ | os.O_NOFOLLOW | os.O_DIRECTORY
_MAKE_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def copy_tree(source: Path, to: Path, *, links: bool, left_out: LeftOut) -> None:
    """Copy `source` to `to`, which is not there yet and may lie within `source`.

    Copied are files, each as long as it was when it was opened, directories, and `links` as links
    if they are wanted; pipes, sockets and devices are not. Raises `OSError` with the path of what
    cannot be read, or with no path where there is no room for it.
    """
    to.mkdir(mode=0o700)
    made = to.stat()
    copier = _Copier(links=links, left_out=left_out, itself=(made.st_dev, made.st_ino))
    with _opened(str(source), _READ | os.O_DIRECTORY, None, str(source)) as descriptor:
        copier.fill(descriptor, str(source), str(to), depth=0)


class _Copier:
    def __init__(self, *, links: bool, left_out: LeftOut, itself: tuple[int, int]) -> None:
        self._links = links
        self._left_out = left_out
        self._itself = itself

    def fill(self, source: int, path: str, to: str, depth: int) -> None:
        """Copy what is in the open directory `source`, which lies at `path`."""
        if depth > DEEPEST:
            why = f"more than {DEEPEST} directories lie in one another"
            raise OSError(errno.ENAMETOOLONG, why, path)
        with os.scandir(source) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            where, inner = os.path.join(path, entry.name), os.path.join(to, entry.name)
            if entry.is_symlink():
                if self._links:
                    with _naming(where):
                        target = os.readlink(entry.name, dir_fd=source)
                    os.symlink(target, inner)
            elif entry.is_dir(follow_symlinks=False):
                self._directory(entry.name, source, where, inner, depth)
            elif entry.is_file(follow_symlinks=False) and not self._left_out(entry.name, None):
                _copy_file(entry.name, source, where, inner)
        # The owner of a copy may change it, whatever became of the original.
        status = os.fstat(source)
        os.chmod(to, stat.S_IMODE(status.st_mode) | stat.S_IRWXU)

    def _directory(self, name: str, above: int, path: str, to: str, depth: int) -> None:
        with _opened(name, _OPEN_DIRECTORY, above, path) as source:
            status = os.fstat(source)
            if (status.st_dev, status.st_ino) == self._itself:
                return
            if not self._left_out(name, os.listdir(source)):
                os.mkdir(to, 0o700)
                self.fill(source, path, to, depth + 1)


def _copy_file(name: str, above: int, path: str, to: str) -> None:
    with _opened(name, _OPEN_FILE, above, path) as source:
        status = os.fstat(source)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.ESTALE, "it was replaced while it was copied", path)
        new = os.open(to, _MAKE_FILE, 0o600)
        try:
            _copy_bytes(source, path, new, status.st_size)
            os.fchmod(new, stat.S_IMODE(status.st_mode))
            os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))
        finally:
            os.close(new)


def _copy_bytes(source: int, path: str, to: int, size: int) -> None:
    """Copy at most `size` bytes: a file that somebody adds to all the time has an end here."""
    while size > 0:
        with _naming(path):
            data = os.read(source, min(BLOCK, size))
        if not data:
            return
        size -= len(data)
        while data:
            data = data[os.write(to, data) :]


@contextmanager
def _opened(name: str, flags: int, above: int | None, path: str) -> Generator[int, None, None]:
    with _naming(path):
        descriptor = os.open(name, flags, dir_fd=above)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _naming(path: str) -> Generator[None, None, None]:
    """Give an `OSError` of the block the whole path; what became a link was a file just now."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            why = "it was replaced while it was copied"
            raise OSError(errno.ESTALE, why, path) from error
        raise OSError(error.errno, error.strerror, path) from error
