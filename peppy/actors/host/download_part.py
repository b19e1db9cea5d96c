"""A file that is on its way: as much of it as has come, its digest so far, what it is a part of.

These functions block and raise `OSError`.
"""

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from peppy.actors.host import disk

BLOCK: Final = 1024 * 1024
"""Bytes that are hashed between two looks whether somebody has given up."""

KEPT: Final = 7 * 24 * 3600.0
"""Seconds for which a part waits to be gone on with."""

_OPEN: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def digest_of(path: Path, check: Callable[[], None]) -> str:
    """Return a file's SHA-256 in hex; `check` is called now and then, and may raise."""
    digest = hashlib.sha256()
    for data in _blocks(path, check):
        digest.update(data)
    return digest.hexdigest()


def _blocks(path: Path, check: Callable[[], None]) -> Iterator[bytes]:
    with open(os.open(path, _READ), "rb") as file:
        while data := file.read(BLOCK):
            check()
            yield data


class _Notes(msgspec.Struct, frozen=True):
    """What has to be known to go on: kept beside the part."""

    validator: str


class Part:
    """What has come of one address. One at a time holds it."""

    def __init__(self, downloads: Path, address: str) -> None:
        """`address` is not written down: its digest names the file."""
        name = hashlib.sha256(address.encode()).hexdigest()[:32]
        self.path = downloads / f"{name}.part"
        self._notes = downloads / f"{name}.json"
        self._digest = hashlib.sha256()
        self.size = 0
        """Bytes that have come."""
        self.validator = ""
        """By which the server knows what they are of; empty where it has not said any."""
        self.old = False
        """Whether some of it came by another connection, so that it may be of two files."""

    def __repr__(self) -> str:
        return f"Part({self.path.name}, {self.size} bytes)"

    @property
    def sha256(self) -> str:
        """The digest of what has come, in hex."""
        return self._digest.hexdigest()

    def load(self, check: Callable[[], None]) -> None:
        """Take up what an earlier attempt has left, if it can be gone on with."""
        self._sweep()
        try:
            self.validator = msgspec.json.decode(disk.read(self._notes), type=_Notes).validator
            for data in _blocks(self.path, check):
                self._digest.update(data)
                self.size += len(data)
        except (OSError, msgspec.DecodeError):
            self.restart("")
        if not self.validator:
            self.restart("")
        self.old = self.size > 0

    def restart(self, validator: str) -> None:
        """Begin with nothing."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.discard()
        os.close(os.open(self.path, _OPEN | os.O_EXCL, 0o600))
        disk.write(self._notes, msgspec.json.encode(_Notes(validator)), 0o600, durable=False)
        self._digest = hashlib.sha256()
        self.size, self.validator, self.old = 0, validator, False

    def append(self, data: bytes) -> None:
        """Add what has come."""
        descriptor = os.open(self.path, _OPEN & ~os.O_CREAT)
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(descriptor, data[written:], self.size + written)
        finally:
            os.close(descriptor)
        self._digest.update(data)
        self.size += len(data)

    def move(self, to: Path) -> None:
        """Put the whole file where it belongs, in one step."""
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.path.replace(to)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # Somebody has put the cache on another disk.
            with disk.staged(to) as new:
                shutil.copyfile(self.path, new)
                new.replace(to)
        self.discard()

    def discard(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove parts of others that nobody has gone on with for long."""
        with suppress(OSError):
            for path in self.path.parent.iterdir():
                if path != self.path and time.time() - path.lstat().st_mtime > KEPT:
                    path.unlink(missing_ok=True)
