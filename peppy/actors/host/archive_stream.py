"""What a `.tar.zst` holds, unpacked a little at a time, and never more than is allowed."""

import time
from collections.abc import Callable
from typing import BinaryIO, Final

import zstandard

from peppy.actors.host.archive_limits import ArchiveLimits, BadArchive, size

INPUT: Final = 1024
"""Bytes that are unpacked at once. A block of zeros is four bytes and unpacks to 128 KiB: nothing
worse than 32 MiB comes of so few before they are counted."""


class ArchiveStream:
    """The unpacked bytes of a file that is read from its start to its end, once."""

    def __init__(self, file: BinaryIO, limits: ArchiveLimits, check: Callable[[], None]) -> None:
        """`check` is called every few kilobytes, and may raise to give up."""
        self._file = file
        self._limits = limits
        self._check = check
        self._deadline = time.monotonic() + limits.time
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=limits.window)
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._ready = memoryview(b"")
        self._packed = 0
        self._unpacked = 0

    def __repr__(self) -> str:
        return f"ArchiveStream({self._packed} bytes, {self._unpacked} unpacked)"

    def some(self, most: int) -> memoryview:
        """Return at most `most` bytes, but one at least. Raises `BadArchive` if there is none."""
        if not self._ready and not self._fill():
            raise BadArchive("it ends too early")
        data, self._ready = self._ready[:most], self._ready[most:]
        return data

    def exactly(self, count: int) -> bytes:
        """Return that many bytes. Raises `BadArchive` if there are fewer."""
        data = bytes(self.some(count)) if count else b""
        while len(data) < count:
            data += self.some(count - len(data))
        return data

    def rest(self) -> memoryview:
        """Return more bytes, or none at the end."""
        if not self._ready and not self._fill():
            return self._ready
        return self.some(len(self._ready))

    def _fill(self) -> bool:
        """Unpack until something is there; say whether it is, or else the file ends here."""
        while not self._ready:
            self._check()
            if time.monotonic() > self._deadline:
                raise BadArchive(f"reading it takes longer than {self._limits.time:g} s")
            if self._frame is not None and not self._frame.eof:
                data = self._next()
                if not data:
                    raise BadArchive("it ends too early")
            else:
                # Several frames may follow one another, as when files were joined.
                data = (self._frame.unused_data if self._frame else b"") or self._next()
                if not data:
                    if not self._packed:
                        raise BadArchive("it is empty")
                    return False
                self._frame = self._decompressor.decompressobj()
            self._ready = memoryview(self._unpack(self._frame, data))
        return True

    def _next(self) -> bytes:
        data = self._file.read(INPUT)
        self._packed += len(data)
        return data

    def _unpack(self, frame: "zstandard.ZstdDecompressionObj", data: bytes) -> bytes:
        try:
            unpacked = frame.decompress(data)
        except zstandard.ZstdError as error:
            raise BadArchive(self._why(str(error))) from error
        self._unpacked += len(unpacked)
        limits = self._limits
        if self._unpacked > limits.total:
            raise BadArchive(f"it unpacks to more than {size(limits.total)}")
        if self._unpacked > limits.free + limits.ratio * self._packed:
            raise BadArchive(f"it unpacks to more than {limits.ratio} times its size")
        return unpacked

    def _why(self, error: str) -> str:
        if "too much memory" in error:
            return f"unpacking it takes more than {size(self._limits.window)} of memory"
        if "Unknown frame descriptor" in error:
            if self._unpacked:
                return "something follows its end that does not belong to it"
            return "it is not packed with zstd"
        return f"it is damaged ({error.rpartition(': ')[2].lower()})"
