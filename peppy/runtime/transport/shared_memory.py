"""The shared memory through which large payloads reach partners on the same machine.

Zenoh makes a pool per process, as files of a memory file system, when the first large payload is
sent (`zenoh_memory`), and removes them when its session closes. A process that is killed leaves
them behind, and a sweep removes them:

- Each has a lock that its users share, so whoever gets it alone knows that nobody uses the file.
- A receiver has the pool of each of its senders locked until it ends. So a process lists the pools
  that it makes in a file that it alone has locked: a list without a lock is a dead one's, whose
  pools lose their names. What receivers still have to read of them stays readable.

Only pools are listed. The metadata of a sender's blocks keeps its name until the last receiver
ends: zenoh draws its number from 65536, and a receiver that has the metadata of a dead sender under
some number takes nothing from a living one that draws the same.
"""

import atexit
import contextlib
import fcntl
import os
import re
import stat
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Final

DIRECTORY: Final = Path("/dev/shm")  # noqa: S108  # where Linux keeps it

SUFFIX: Final = ".zenoh"

LISTS: Final = ("peppy-", ".pool")
"""How the name of a list of pools begins and ends."""

_LISTED: Final = re.compile(rb"^([0-9]{1,20}\.zenoh) ([0-9]{1,20})$", re.MULTILINE)
"""A pool's name and its inode: another file may have the name by now."""

_LONGEST_LIST: Final = 64 * 1024
"""Bytes; a process makes one pool for each of its sessions."""

_LOCK: Final = re.compile(r"^\d+: FLOCK +\w+ +\w+ +(\d+) ([0-9a-f]+:[0-9a-f]+:\d+) ", re.MULTILINE)
"""A held lock in the kernel's table: whose it is, and on which file."""

_CLOCK_LAG: Final = 0.02
"""Seconds by which the time that a file was made at may be behind the clock: two slow ticks."""

YOUNG: Final = 2.0
"""Seconds for which a file may not have the lock yet that its maker is about to take."""

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


@contextlib.contextmanager
def listing(directory: Path = DIRECTORY) -> Generator[None, None, None]:
    """List the pools that this process makes meanwhile, for a sweep after it was killed."""
    since = time.time() - _CLOCK_LAG
    yield
    with contextlib.suppress(OSError):  # without the kernel's table, or any room
        for pool, inode in _pools_made(directory, since):
            os.write(_own_list(directory), f"{pool} {inode}\n".encode())


def _pools_made(directory: Path, since: float) -> list[tuple[str, int]]:
    """Return the pools of this process by name and inode; those of a partner are locked by it."""
    alone = _locked_alone()
    found: list[tuple[str, int]] = []
    for path in directory.glob(f"*{SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):  # another's
            status = path.lstat()
            device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
            is_new = status.st_ctime >= since and status.st_size >= SMALLEST_POOL
            if is_new and f"{device}:{status.st_ino}" in alone:
                found.append((path.name, status.st_ino))
    return found


def _locked_alone() -> set[str]:
    """Return the files that this process has locked and no other, as the kernel names them."""
    ours: set[str] = set()
    others: set[str] = set()
    for process, file in _LOCK.findall(Path("/proc/locks").read_text()):
        (ours if int(process) == os.getpid() else others).add(file)
    return ours - others


_own_lists: Final[dict[tuple[int, Path], tuple[int, Path]]] = {}
"""By process, because a forked one has its parent's memory, and by directory."""


def _own_list(directory: Path) -> int:
    """Return the descriptor of this process's list, which stays open and locked to its end."""
    key = (os.getpid(), directory)
    while key not in _own_lists:
        beginning, ending = LISTS
        descriptor, path = tempfile.mkstemp(ending, f"{beginning}{os.getpid()}-", directory)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            _own_lists[key] = (descriptor, Path(path))
        else:  # a sweep was quicker
            os.close(descriptor)
    return _own_lists[key][0]


@atexit.register
def _remove_own_lists() -> None:
    """End cleanly: zenoh removes a pool of its own accord, at the latest in the last receiver."""
    for (process, _), (_, path) in _own_lists.items():
        if process == os.getpid():
            path.unlink(missing_ok=True)


def sweep(directory: Path = DIRECTORY, older_than: float = YOUNG) -> int:
    """Remove what processes that are gone have left behind; return how many files.

    Files of others, and those that are in use, stay; of the latter, pools that a dead process has
    listed lose their names. What is not listed must be `older_than` so many seconds.
    """
    removed = 0
    with contextlib.suppress(OSError):
        for path in directory.glob("*".join(LISTS)):
            removed += _remove_listed(path)
        for path in directory.glob(f"*{SUFFIX}"):
            removed += _remove_unused(path, older_than)
    return removed


def _remove_listed(path: Path) -> int:
    removed = 0
    with contextlib.suppress(OSError), _locked(path) as descriptor:
        if not _is_plain_and_ours(os.fstat(descriptor)):
            return 0
        for name, inode in _LISTED.findall(os.read(descriptor, _LONGEST_LIST)):
            removed += _remove_pool(path.with_name(name.decode()), int(inode))
        path.unlink()
        removed += 1
    return removed


def _remove_pool(path: Path, inode: int) -> bool:
    with contextlib.suppress(OSError):
        status = path.lstat()
        if _is_plain_and_ours(status) and status.st_ino == inode:
            path.unlink()
            return True
    return False


def _remove_unused(path: Path, older_than: float) -> bool:
    with contextlib.suppress(OSError), _locked(path) as descriptor:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and time.time() - status.st_ctime >= older_than:
            path.unlink()
            return True
    return False


def _is_plain_and_ours(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


@contextlib.contextmanager
def _locked(path: Path) -> Generator[int, None, None]:
    """Have a file open that nobody else has locked. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)
