"""The shared memory through which large payloads reach partners on the same machine.

Zenoh makes a pool per process, as files of a memory file system, when the first large payload is
sent (`zenoh_memory`), and removes them when its session closes. A process that is killed leaves
them behind: each has a lock that its users share, so whoever gets it alone knows that nobody uses
the file.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Final

DIRECTORY: Final = Path("/dev/shm")  # noqa: S108  # where Linux keeps it

SUFFIX: Final = ".zenoh"

THRESHOLD: Final = 16 * 1024
"""Bytes from which a payload goes through shared memory: below, a copy on the link is faster."""

LARGEST_POOL: Final = 64 * 1024 * 1024
"""Bytes; 24 frames of 1280x720 RGB on their way."""

SMALLEST_POOL: Final = 16 * 1024 * 1024
"""Bytes; less is not worth having."""

SHARE: Final = 8
"""A pool takes at most this part of what is free: a page that cannot be had kills its process."""


def pool_size() -> int:
    """Return the bytes that a pool may have, by what is free; 0 if that is not worth having."""
    pool = min(LARGEST_POOL, _free() // SHARE)
    return pool if pool >= SMALLEST_POOL else 0


def _free() -> int:
    try:
        found = os.statvfs(DIRECTORY)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize


def sweep(directory: Path = DIRECTORY) -> int:
    """Remove what processes that are gone have left behind; return how many files.

    Files of others, and those that are in use, stay.
    """
    removed = 0
    with contextlib.suppress(OSError):
        for path in directory.glob(f"*{SUFFIX}"):
            removed += _remove_unused(path)
    return removed


def _remove_unused(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
