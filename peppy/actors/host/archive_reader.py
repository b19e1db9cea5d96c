"""The entries of a `.tar.zst`, one after the other; the first that is not accepted ends it.

Accepted are regular files, directories, and relative links that stay within the archive.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

import msgspec

from peppy.actors.host.archive_header import (
    BLOCK,
    NOTHING,
    Header,
    check_global,
    long_name,
    pax_records,
    pax_size,
    read_header,
)
from peppy.actors.host.archive_limits import GLOBALS, LIMITS, ArchiveLimits, BadArchive, size
from peppy.actors.host.archive_names import (
    ArchiveTree,
    Kind,
    clean_path,
    clean_target,
    shown_name,
)
from peppy.actors.host.archive_stream import ArchiveStream

_KINDS: Final = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"5": Kind.DIRECTORY,
    b"2": Kind.LINK,
}

_REFUSED: Final = {
    b"1": "a hard link; 'tar --hard-dereference' makes a file of it",
    b"3": "a device",
    b"4": "a device",
    b"6": "a named pipe",
    b"7": "a file in one piece",
    b"S": "a file with holes",
    b"M": "the rest of a file from another volume",
    b"V": "a volume's label",
    b"D": "a directory of an incremental backup",
}

_PERMISSIONS: Final = 0o755
"""What is taken of a mode: who else may write is not for an archive to say, nor as whom it runs."""


def uninterrupted() -> None:
    """Never give up."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One file, directory or link of an archive."""

    path: str
    """Relative to the archive's top, which is empty."""
    kind: Kind
    size: int
    """Bytes; 0 of anything but a file."""
    mode: int
    """Permissions that its owner can work with."""


class _Extensions(msgspec.Struct):
    """What headers before an entry's own have said of it."""

    name: bytes | None = None
    link: bytes | None = None
    records: dict[str, bytes] | None = None

    @property
    def empty(self) -> bool:
        return self.name is None and self.link is None and self.records is None


class ArchiveReader:
    """Reads an archive once, from its start to its end."""

    def __init__(
        self,
        file: BinaryIO,
        limits: ArchiveLimits = LIMITS,
        check: Callable[[], None] = uninterrupted,
    ) -> None:
        """`check` is called every few kilobytes, and may raise to give up."""
        self._stream = ArchiveStream(file, limits, check)
        self._limits = limits
        self._check = check
        self._left = 0
        self._globals = 0
        self.tree = ArchiveTree(limits)
        """What has been read so far; all of it after the last entry."""

    def __repr__(self) -> str:
        return f"ArchiveReader({self._stream!r}, {self.tree!r})"

    def entries(self) -> Iterator[Entry]:
        """Yield each entry; what is not read of its data is skipped. Raises `BadArchive`."""
        before = _Extensions()
        while (block := self._stream.exactly(BLOCK)) != NOTHING:
            header = read_header(block)
            if self._extend(before, header):
                continue
            entry = self._entry(header, before)
            before = _Extensions()
            self._left = entry.size
            yield entry
            for _ in self.data():
                pass
            self._stream.exactly(-entry.size % BLOCK)
        if not before.empty:
            raise BadArchive("it ends where an entry should follow")
        self._end()

    def data(self) -> Iterator[memoryview]:
        """Yield what is left of the data of the entry that was yielded last."""
        while self._left:
            data = self._stream.some(self._left)
            self._left -= len(data)
            yield data

    def _extend(self, before: _Extensions, header: Header) -> bool:
        """Take in a header that stands before another one; return whether it is one."""
        match header.type:
            case b"x":
                if before.records is not None:
                    raise BadArchive("two pax headers are about one entry")
                before.records = pax_records(self._extension(header))
            case b"L":
                if before.name is not None:
                    raise BadArchive("two long names are given to one entry")
                before.name = long_name(self._extension(header))
            case b"K":
                if before.link is not None:
                    raise BadArchive("two long targets are given to one link")
                before.link = long_name(self._extension(header))
            case b"g":
                self._globals += 1
                if self._globals > GLOBALS or not before.empty:
                    raise BadArchive("a pax header for all entries stands where none may")
                check_global(pax_records(self._extension(header)))
            case _:
                return False
        return True

    def _extension(self, header: Header) -> bytes:
        if header.size > self._limits.extension:
            most = size(self._limits.extension)
            raise BadArchive(f"a header in it is longer than {most}")
        data = self._stream.exactly(header.size)
        self._stream.exactly(-header.size % BLOCK)
        return data

    def _entry(self, header: Header, before: _Extensions) -> Entry:
        records = before.records or {}
        name = _one_of("name", before.name, records.get("path"), header.name)
        kind = _KINDS.get(header.type)
        if kind is None:
            what = _REFUSED.get(header.type, f"of the unknown type {shown_name(header.type)}")
            raise BadArchive(f"{shown_name(name)} is {what}")
        length = pax_size(records["size"]) if "size" in records else header.size
        path = clean_path(name, kind, self._limits.depth)
        target = ""
        if kind is not Kind.LINK and (before.link is not None or "linkpath" in records):
            raise BadArchive(f"{shown_name(name)} is {kind.value}, and has a target as links have")
        if kind is Kind.LINK:
            link = _one_of("target", before.link, records.get("linkpath"), header.link)
            target = clean_target(link, path)
        if kind is not Kind.FILE and length:
            raise BadArchive(f"{shown_name(name)} is {kind.value}, and has data as files have")
        if length > self._limits.largest:
            raise BadArchive(f"{shown_name(name)} is larger than {size(self._limits.largest)}")
        self.tree.add(path, kind, target)
        return Entry(path=path, kind=kind, size=length, mode=header.mode & _PERMISSIONS | 0o600)

    def _end(self) -> None:
        if self._stream.exactly(BLOCK) != NOTHING:
            raise BadArchive("something follows its end that does not belong to it")
        while data := self._stream.rest():
            if any(data):
                raise BadArchive("something follows its end that does not belong to it")
        self.tree.check_links(self._check)


def _one_of(what: str, gnu: bytes | None, pax: bytes | None, short: bytes) -> bytes:
    if gnu is not None and pax is not None and gnu != pax:
        raise BadArchive(f"an entry has two {what}s: {shown_name(gnu)} and {shown_name(pax)}")
    return gnu if gnu is not None else pax if pax is not None else short
