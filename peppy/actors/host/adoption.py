"""What has become of a process that a former daemon started: its record, and its shim's socket.

Plain functions that block. Nothing is ever signalled by a process id out of a record: a process is
found by its token, or reached through its shim's socket.
"""

import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import trio

from peppy.actors.host import shim_record
from peppy.actors.host.ports import ExitStatus, OutputLine
from peppy.actors.host.shim_family import LOOK_AGAIN, Family
from peppy.actors.host.shim_record import Record
from peppy.schema.durations import REAP

ANSWER: Final = 30.0
"""Seconds for a shim to answer on a machine under the heaviest load."""

LONGEST_GREETING: Final = 32
"""Bytes of `p<pid>`."""


class Living(msgspec.Struct, frozen=True):
    """It runs, and this is the way to its shim."""

    pid: int
    control: socket.socket
    record: Record


class Ended(msgspec.Struct, frozen=True):
    """It has ended, and nothing of it is left."""

    pid: int
    status: ExitStatus


class PastProcess:
    """A process that had ended before this daemon could see it."""

    def __init__(self, ended: Ended) -> None:
        self.pid = ended.pid
        self._status = ended.status
        send_line, self._lines = trio.open_memory_channel[OutputLine](0)
        send_line.close()

    @property
    def lines(self) -> trio.MemoryReceiveChannel[OutputLine]:
        """Nothing."""
        return self._lines

    async def wait(self) -> ExitStatus:
        """Return how it ended."""
        await trio.lowlevel.checkpoint()
        return self._status

    def terminate(self) -> None:
        """Do nothing."""

    def kill(self) -> None:
        """Do nothing."""

    def release(self) -> None:
        """Do nothing."""

    def __repr__(self) -> str:
        return f"<PastProcess {self.pid}>"


def look_up(path: Path) -> Living | Ended | None:
    """Return what has become of the process with this record; None if it cannot be read.

    Of one whose shim does not answer nothing is left afterwards.
    """
    record = shim_record.read(str(path))
    if record is None:
        if token := shim_record.salvaged_token(str(path)):
            Family(token).end()
        return None
    if (ended := _ended(record)) is not None:
        return ended
    if not record.of_this_boot:
        return Ended(record.pid or 0, ExitStatus())
    living = _reach(record)
    if living is not None:
        return living
    # It may just have ended: the record is written before the socket goes.
    return _ended(shim_record.read(str(path)) or record) or _bury(path, record)


def how_it_ended(path: Path) -> ExitStatus | None:
    """Return what the record says of the end; None if it says nothing."""
    record = shim_record.read(str(path))
    ended = None if record is None else _ended(record)
    return None if ended is None else ended.status


def shim_stays(path: Path) -> bool:
    """Say whether the shim of the process with this record goes on, after a moment's wait."""
    record = shim_record.read(str(path))
    return record is not None and _stays(record)


def _stays(record: Record) -> bool:
    end = time.monotonic() + REAP
    while record.shim_lives and time.monotonic() < end:
        time.sleep(LOOK_AGAIN)
    return record.shim_lives


def _ended(record: Record) -> Ended | None:
    if record.ended_at is None:
        return None
    return Ended(record.pid or 0, ExitStatus(record.code, record.signal))


def _reach(record: Record) -> Living | None:
    """Connect to the shim."""
    # Another one may have its place by now, with its process id, and would take us for its daemon.
    if not record.shim_lives:
        return None
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        control.settimeout(ANSWER)
        shim_record.connect(control, record.socket)
        greeting = control.recv(LONGEST_GREETING)
        if not greeting.startswith(b"p"):
            raise ConnectionResetError(record.socket)
        control.setblocking(False)
        return Living(int(greeting[1:]), control, record)
    except (OSError, ValueError):
        control.close()
        return None


def _bury(path: Path, record: Record) -> Ended:
    """Leave nothing of a process that nobody attends to."""
    Family(record.token).end()
    # A shim that is there, but out of reach, ends with its program.
    if not _stays(record):
        with suppress(OSError):
            os.unlink(record.socket)
    return _ended(shim_record.read(str(path)) or record) or Ended(record.pid or 0, ExitStatus())
