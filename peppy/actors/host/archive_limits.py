"""How much an archive may be: each limit with its reason, and what is said where one is passed."""

from typing import Final

import msgspec

from peppy.actors.host.limits import (
    LARGEST_FILE,
    LARGEST_TREE,
    MOST_MEMBERS,
)
from peppy.actors.host.ports import HostError
from peppy.actors.host.trees import DEEPEST

MIB: Final = 1024 * 1024

FREE: Final = 64 * MIB
"""Bytes for which no ratio is asked: what is small may be as empty as it likes."""

RATIO: Final = 200
"""Bytes that come of one: sources pack to a fifth, logs and tables of zeros to a hundredth."""

NAMES: Final = 32 * MIB
"""Bytes of all names together, which are held in memory while an archive is read."""

GLOBALS: Final = 16
"""Headers for all entries that follow: git writes one, and archives that were joined a few."""

EXTENSION: Final = 64 * 1024
"""Bytes of a header of variable length: names, times and attributes fit many times over."""

LONGEST_NAME: Final = 255
"""Bytes of one name: what file systems take."""

WINDOW: Final = 128 * MIB
"""Bytes that unpacking holds in memory: what `zstd` itself accepts without being told to."""

TIME: Final = 600.0
"""Seconds for one pass over an archive: at 20 MB/s, a slow disk's, there is time for the most."""


class ArchiveLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What is accepted of an archive while it is read."""

    total: int = LARGEST_TREE
    largest: int = LARGEST_FILE
    free: int = FREE
    ratio: int = RATIO
    entries: int = MOST_MEMBERS
    names: int = NAMES
    extension: int = EXTENSION
    depth: int = DEEPEST
    """Directories in one another: what copies a snapshot later takes no more."""
    window: int = WINDOW
    time: float = TIME


LIMITS: Final = ArchiveLimits()


class BadArchive(HostError):
    """An archive that is damaged, or that holds what is not unpacked."""

    kind = "bad_archive"

    def __init__(self, why: str, archive: str = "the archive") -> None:
        """`why` says what is wrong in it; `archive` is how a sentence calls it."""
        super().__init__(
            f"{archive} cannot be used: {why}",
            hint="whoever made it has to make it anew: tar --zstd -cf NAME.tar.zst DIRECTORY",
        )
        self.why = why


def size(count: int) -> str:
    """Return a number of bytes in words: `8 GiB`, `64 KiB`, `500 bytes`."""
    for unit, name in ((1024 * MIB, "GiB"), (MIB, "MiB"), (1024, "KiB")):
        if count >= unit and count % unit == 0:
            return f"{count // unit} {name}"
    return f"{count} bytes"
