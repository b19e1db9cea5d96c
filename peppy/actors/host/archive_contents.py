"""What is done with an archive on the disk, as functions that block: list, read a text, unpack.

Nothing is written before the whole of an archive has been looked at, and again it is looked at
while it is written. Everything is made by its name in a directory that is open already, never
through a link, and never where something is.
"""

import os
import posixpath
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from peppy.actors.host import disk
from peppy.actors.host.archive_limits import LIMITS, MIB, ArchiveLimits, BadArchive, size
from peppy.actors.host.archive_names import Kind
from peppy.actors.host.archive_reader import ArchiveReader, Entry, uninterrupted
from peppy.schema.wording import quoted

LONGEST_TEXT: Final = MIB
"""Bytes of a node's document: a thousand times what people write."""

Listing = Mapping[str, Kind]
"""Every path of an archive; the top is empty."""

LeftOut = Callable[[str, Collection[str] | None], bool]
"""Says whether something stays behind: its name, and the names in it if it is a directory."""

Check = Callable[[], None]
"""Called now and then; may raise to give up."""

_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OPEN_DIRECTORY: Final = _OPEN | os.O_DIRECTORY
_MAKE_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def opened(archive: Path) -> Generator[BinaryIO, None, None]:
    """Open an archive, which is not followed if it is a link. Raises `OSError`."""
    with open(os.open(archive, _OPEN), "rb") as file:
        yield file


def listing(
    file: BinaryIO, limits: ArchiveLimits = LIMITS, check: Check = uninterrupted
) -> Listing:
    """Return what is in an archive, all of which is looked at. Raises `BadArchive`."""
    file.seek(0)
    reader = ArchiveReader(file, limits, check)
    for _ in reader.entries():
        pass
    return reader.tree.kinds


def text(
    file: BinaryIO, path: str, limits: ArchiveLimits = LIMITS, check: Check = uninterrupted
) -> bytes:
    """Return a file of an archive that has been listed. Raises `BadArchive`."""
    file.seek(0)
    reader = ArchiveReader(file, limits, check)
    for entry in reader.entries():
        if entry.path == path and entry.kind is Kind.FILE:
            if entry.size > LONGEST_TEXT:
                raise BadArchive(f"{quoted(path)} is larger than {size(LONGEST_TEXT)}")
            return b"".join(reader.data())
    raise BadArchive(f"{quoted(path)} is not in it any more")


def staying(found: Listing, directory: str, left_out: LeftOut) -> dict[str, str]:
    """Return what is taken of a directory: each file's and directory's path, and its path there.

    Links are not, nor what lies in a directory that is left out.
    """
    names: dict[str, list[str]] = {}
    for path in found:
        above, _, name = path.rpartition("/")
        names.setdefault(above, []).append(name)
    taken: dict[str, str] = {}
    left = [directory]
    while left:
        place = left.pop()
        taken[place] = posixpath.relpath(place or ".", directory or ".")
        for name in names.get(place, ()):
            path = f"{place}/{name}" if place else name
            match found[path]:
                case Kind.DIRECTORY if path and not left_out(name, names.get(path, ())):
                    left.append(path)
                case Kind.FILE if not left_out(name, None):
                    taken[path] = posixpath.relpath(path, directory or ".")
                case _:
                    pass
    return taken


def unpack(
    file: BinaryIO,
    taken: Mapping[str, str],
    into: Path,
    limits: ArchiveLimits = LIMITS,
    check: Check = uninterrupted,
) -> None:
    """Write those files and directories to `into`, which is not there yet, all or nothing.

    Raises `BadArchive`, or `OSError` where there is no room.
    """
    disk.must_be_free(into)
    file.seek(0)
    reader = ArchiveReader(file, limits, check)
    with disk.staged(into) as new:
        new.mkdir(mode=0o755)
        top = os.open(new, _OPEN_DIRECTORY)
        try:
            for entry in reader.entries():
                place = taken.get(entry.path)
                if place is not None and place != ".":
                    _lay_out(entry, place, reader.data(), top)
        finally:
            os.close(top)
        new.rename(into)


def _lay_out(entry: Entry, place: str, blocks: Iterable[memoryview], top: int) -> None:
    *above, name = place.split("/")
    match entry.kind:
        case Kind.DIRECTORY:
            with _made([*above, name], top):
                pass
        case Kind.FILE:
            with _made(above, top) as directory:
                _write(name, directory, entry.mode, blocks)
        case Kind.LINK:
            raise BadArchive(f"{quoted(entry.path)} has become a link")


@contextmanager
def _made(parts: list[str], top: int) -> Generator[int, None, None]:
    """Yield a directory below an open one, made with those above it where it is not there."""
    directory = os.dup(top)
    try:
        for part in parts:
            try:
                below = os.open(part, _OPEN_DIRECTORY, dir_fd=directory)
            except FileNotFoundError:
                os.mkdir(part, 0o755, dir_fd=directory)
                below = os.open(part, _OPEN_DIRECTORY, dir_fd=directory)
            # Only one is held, however deep they lie.
            os.close(directory)
            directory = below
        yield directory
    finally:
        os.close(directory)


def _write(name: str, above: int, mode: int, blocks: Iterable[memoryview]) -> None:
    descriptor = os.open(name, _MAKE_FILE, 0o600, dir_fd=above)
    try:
        for block in blocks:
            rest = block
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)
