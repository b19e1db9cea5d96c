"""One home directory, one daemon."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Final

from peppy.actors.host.home import Home
from peppy.actors.host.ports import HostError
from peppy.schema.wording import reason


class HomeTaken(HostError):
    """Another daemon has this home directory."""

    kind = "home_taken"

    def __init__(self, root: str, pid: int | None) -> None:
        self.pid = pid
        who = "another daemon" if pid is None else f"the daemon with pid {pid}"
        super().__init__(f"{who} is already running for '{root}'")


OURS: Final = frozenset(
    {
        *("bin", "built_nodes", "cache", "conf", "http_downloads", "instances", "libs", "logs"),
        *("runtime", "tmp", "daemon.sock", "daemon_state.json", "stack_log.log", "journal.sqlite"),
    }
)
"""What a home directory may hold before the first daemon has made it one (behaviour.md 7.1)."""


class NotAHome(HostError):
    """A directory with somebody's files in it: a daemon clears parts of its home as it starts."""

    kind = "not_a_home"

    def __init__(self, root: str, found: str) -> None:
        super().__init__(
            f"'{root}' is not a home of peppy: it has '{found}' in it",
            hint="let PEPPY_HOME name a directory that is empty or does not exist yet",
        )


@contextmanager
def hold_lock(home: Home) -> Generator[None, None, None]:
    """Make the home directory ours while the context lasts.

    Raises `HomeTaken` with the other one's pid, `NotAHome`, and `HostError` if the directory
    cannot be used.
    """
    try:
        home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_ours(home)
        descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HostError(f"cannot use '{home.root}': {reason(error)}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeTaken(str(home.root), _pid(descriptor)) from None
        os.ftruncate(descriptor, 0)
        with suppress(OSError):  # on a full disk it is only not known who has the home
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        try:
            yield
        finally:
            # The file stays: whoever removed it could let two daemons lock two files.
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _check_ours(home: Home) -> None:
    if not home.lock.exists():
        foreign = sorted(entry.name for entry in home.root.iterdir() if entry.name not in OURS)
        if foreign:
            raise NotAHome(str(home.root), foreign[0])


def _pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None
