"""What an adopting daemon has to know of a process: a small file, which the shim writes.

Only the standard library is imported here: the shim and the daemon both do.
"""

import contextlib
import json
import os
import re
import socket
from collections.abc import Generator
from typing import Any, Final, NamedTuple, cast

from peppy.actors.host.shim_family import start_time

VERSION: Final = 1
"""Goes up when an old daemon could misread a new record."""

LONGEST_ADDRESS: Final = 80
"""Bytes of a path that every system takes as a Unix socket's address, with a short name below."""

LARGEST: Final = 64 * 1024
"""Bytes; no record comes near it."""

BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"


class Record(NamedTuple):
    """A process, its shim, and its end."""

    token: str
    """Stands first in the file, so that it outlives most ways of cutting it off."""
    boot: str
    """Which start of the machine it belongs to."""
    shim: int
    shim_started: int
    """Tells the shim from another process that has got its id."""
    socket: str
    log: str
    pid: int | None = None
    """None until the program has started."""
    code: int | None = None
    signal: int | None = None
    ended_at: float | None = None
    """Seconds since the epoch; None while the process lives."""
    version: int = VERSION

    @property
    def of_this_boot(self) -> bool:
        """Whether the machine has been running ever since."""
        return self.boot == boot_id()

    @property
    def shim_lives(self) -> bool:
        """Whether the shim is there, and not another process with its id."""
        return self.of_this_boot and start_time(self.shim) == self.shim_started != 0


_REQUIRED: Final = {"token": str, "boot": str, "shim": int, "shim_started": int, "socket": str}
_OPTIONAL: Final = {"pid": int, "code": int, "signal": int, "ended_at": float}


def of_this_shim(order: dict[str, Any]) -> Record:
    """Return the record of the process that the shim which asks is about to start."""
    path: str = order["record"]
    return Record(
        token=order["token"],
        boot=boot_id(),
        shim=os.getpid(),
        shim_started=start_time(os.getpid()),
        # It begins like the record, whose owner clears up by that, and is no other living shim's.
        socket=f"{os.path.splitext(path)[0]}.{os.getpid()}.sock",
        log=order["log"],
    )


def write(path: str, record: Record) -> None:
    """Replace the file in one step; it survives a power cut. Raises `OSError`."""
    directory = os.path.dirname(path)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    new = f"{path}.{record.shim}.new"
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(json.dumps(record._asdict(), indent=1).encode() + b"\n")
            file.flush()
            os.fsync(descriptor)
        os.replace(new, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: str) -> Record | None:
    """Return what the file says; None if it is not there, not whole, or of a newer version."""
    try:
        said = json.loads(_text(path))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    fields = cast("dict[str, Any]", said)
    whole = (
        fields.get("version") == VERSION
        and all(type(fields.get(name)) is kind for name, kind in _REQUIRED.items())
        and all(type(fields.get(name)) in (kind, type(None)) for name, kind in _OPTIONAL.items())
        and isinstance(fields.get("log"), str)
    )
    known: Any = {name: fields.get(name) for name in Record._fields}
    return Record(**known) if whole else None


def salvaged_token(path: str) -> str | None:
    """Return the token in a file that `read` cannot make sense of, if that much is left of it."""
    with contextlib.suppress(OSError, ValueError):
        if found := re.search(r'"token"\s*:\s*("(?:[^"\\]|\\.)*")', _text(path)):
            token = json.loads(found[1])
            return token if isinstance(token, str) and token else None
    return None


def boot_id() -> str:
    """Return what is another one each time that the machine starts; empty if it does not say."""
    try:
        with open(BOOT_ID) as file:
            return file.read().strip()
    except OSError:
        return ""


@contextlib.contextmanager
def short(path: str) -> Generator[str, None, None]:
    """Yield a path to what is at `path` that fits the 107 bytes of a Unix socket's address.

    What is far away is opened, since Linux knows everything open under a short name too.
    """
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield path
        return
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def connect(control: socket.socket, path: str) -> None:
    """Connect to the shim that listens at `path`. Raises `OSError`."""
    with short(path) as address:
        control.connect(address)


def listen(path: str) -> socket.socket:
    """Return a socket at `path` that only its owner may connect to. Raises `OSError`."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    directory, first = os.path.dirname(path), f"{os.getpid()}.sock"
    before = os.umask(0o177)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, first))  # of a shim that had this one's id
        with short(directory) as place:
            listener.bind(f"{place}/{first}")
        # A socket is made under a name that fits an address, and may have any other one afterwards.
        os.replace(os.path.join(directory, first), path)
        listener.listen(8)
    except BaseException:
        listener.close()
        raise
    finally:
        os.umask(before)
    listener.setblocking(False)
    return listener


def _text(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        return file.read(LARGEST).decode()
