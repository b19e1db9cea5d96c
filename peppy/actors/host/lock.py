"""One home directory, one daemon."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager

from peppy.actors.host.home import Home
from peppy.actors.host.ports import HostError


class HomeTaken(HostError):
    """Another daemon has this home directory."""

    kind = "home_taken"

    def __init__(self, root: str, pid: int | None) -> None:
        self.pid = pid
        who = "another daemon" if pid is None else f"the daemon with pid {pid}"
        super().__init__(f"{who} is already running for '{root}'")


@contextmanager
def hold_lock(home: Home) -> Generator[None, None, None]:
    """Make the home directory ours while the context lasts.

    Raises `HomeTaken` with the other one's pid, and `HostError` if the directory cannot be used.
    """
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HostError(f"cannot use '{home.root}': {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeTaken(str(home.root), _pid(descriptor)) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        try:
            yield
        finally:
            # The file stays: whoever removed it could let two daemons lock two files.
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None
