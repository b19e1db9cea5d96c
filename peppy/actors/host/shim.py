"""The program between the daemon and each process: it outlives both, and cleans up after both.

Started by `shim_main` with the descriptor of a sequenced-packet socket. The order comes as JSON on
standard input. On the socket the daemon sends `t` (SIGTERM to the group) and `k` (end it all, now);
the shim sends `p<pid>` or `f<errno>` first, then `o<text>` and `e<text>` for lines, as far as there
is room, and `c<code>` or `s<signal>` at the end.

When the daemon's end closes, the daemon is gone. Without a record the family is ended then. With
one it goes on, and the shim listens on a socket beside the record: the next daemon that connects
gets the same packets, from `p<pid>` on, and the one before an `r`. If nobody comes, the family is
ended after a while. How the program ended stands in the record before the daemon is told.

Everything that the program started becomes a child of the shim when its parent ends (a Linux
subreaper), and is ended when the program has. Only the standard library is imported here, and all
of it at the start: what lies on the disk may be another version when the program ends.
"""

import contextlib
import ctypes
import errno
import json
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any, BinaryIO, Final, cast

from peppy.actors.host import shim_record
from peppy.actors.host.shim_family import LAST_KILL, TOKEN_VARIABLE, Family, Group
from peppy.actors.host.shim_lines import LONGEST_LINE, LineSplitter, log_lines
from peppy.actors.host.shim_link import Link, answer
from peppy.actors.host.shim_log import Log

LEFTOVER_GRACE: Final = 1.0
"""Seconds between SIGTERM and SIGKILL for what is left when the program itself has ended."""

LOOK_AGAIN: Final = 0.05
"""Seconds between two looks at whether the family has ended."""

WRITE_AGAIN: Final = 1.0
"""Seconds between two attempts at a record for which there is no room."""

PR_SET_PDEATHSIG: Final = 1
PR_SET_CHILD_SUBREAPER: Final = 36


class Shim:
    """One program, its family, its log, and the way to the daemon."""

    def __init__(self, control: socket.socket, order: dict[str, Any]) -> None:
        self._grace: float = order["grace"]
        self._abandoned_after: float = order["abandoned_after"]
        self._log = Log(order["log"], order["log_limit"])
        self._splitters = {"stdout": LineSplitter(), "stderr": LineSplitter()}
        self._pipes: dict[str, BinaryIO] = {}
        self._status: int | None = None
        self._kill_at = float("inf")
        self._give_up_at = float("inf")
        self._abandoned_at = float("inf")
        self._selector = selectors.DefaultSelector()
        self._wake, self._wakeup = socket.socketpair()
        self._wake.setblocking(False)
        self._wakeup.setblocking(False)
        # Handlers, unlike ignored signals, are not passed on to the program.
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _notice)
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        self._record = RecordKeeper(order) if order["record"] else None
        try:
            if self._record is not None and _is_gone(control):
                raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
            self._program = self._start(order)
        except BaseException:
            if self._record is not None:
                self._record.discard()
            raise
        self.pid = self._program.pid
        self._family = Family(order["token"], root=os.getpid())
        self._group = Group(self.pid)
        self._link = Link(control, self._selector, self._on_order)
        if self._record is not None:
            self._record.started(self.pid)
        answer(control, b"p%d" % self.pid)

    def _start(self, order: dict[str, Any]) -> subprocess.Popen[bytes]:
        program = subprocess.Popen(  # noqa: S603  # our own order
            order["argv"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=order["directory"],
            env={**order["environment"], TOKEN_VARIABLE: order["token"]},
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  # there is one thread
        )
        for stream, pipe in (("stdout", program.stdout), ("stderr", program.stderr)):
            file = cast("BinaryIO", pipe)
            os.set_blocking(file.fileno(), False)
            self._pipes[stream] = file
        return program

    def run(self) -> None:
        """Attend to the program until it and everything that came of it have ended."""
        self._selector.register(self._wake, selectors.EVENT_READ, self._on_signal)
        if self._record is not None:
            self._selector.register(self._record.listener, selectors.EVENT_READ, self._on_daemon)
        for stream, pipe in self._pipes.items():
            self._selector.register(pipe, selectors.EVENT_READ, stream)
        while not self._over():
            for key, events in self._selector.select(self._patience()):
                if isinstance(key.data, str):
                    self._read(key.data)
                elif events & selectors.EVENT_READ:
                    key.data()
            self._reap()
            if time.monotonic() >= self._abandoned_at:
                self._abandoned_at = float("inf")
                self._end_within(self._grace)
            self._end_family()
            self._link.flush()
        self._finish()

    def _patience(self) -> float | None:
        """Return how long nothing has to happen by itself; None is for ever."""
        if self._status is not None or self._kill_at != float("inf"):
            return LOOK_AGAIN
        if self._abandoned_at != float("inf"):
            return max(0.0, self._abandoned_at - time.monotonic())
        return None

    def _over(self) -> bool:
        given_up = time.monotonic() >= self._give_up_at
        return self._status is not None and (given_up or not self._family.members())

    # What happens.

    def _on_signal(self) -> None:
        with contextlib.suppress(BlockingIOError):
            numbers = self._wake.recv(4096)
            if signal.SIGTERM in numbers:
                self._end_within(self._grace)

    def _on_order(self, order: bytes) -> None:
        if order == b"t":
            self._terminate()
        elif order == b"k":
            self._kill_after(0.0)
        elif not order and self._record is not None:
            self._abandoned_at = time.monotonic() + self._abandoned_after
        elif not order:
            self._end_within(self._grace)

    def _on_daemon(self) -> None:
        if self._record is not None and (control := self._record.accept()):
            self._link.replace(control, b"p%d" % self.pid)
            self._abandoned_at = float("inf")

    def _read(self, stream: str) -> None:
        try:
            data = os.read(self._pipes[stream].fileno(), LONGEST_LINE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._take(stream, self._splitters[stream].feed(data))
        else:
            self._selector.unregister(self._pipes[stream])
            self._pipes.pop(stream).close()

    def _take(self, stream: str, lines: Iterator[str]) -> None:
        texts = tuple(lines)
        if texts:
            self._log.write(log_lines(time.time(), stream, texts))
        kind = b"o" if stream == "stdout" else b"e"
        for text in texts if self._link.there else ():
            self._link.say(kind + text.encode())

    # Endings.

    def _reap(self) -> None:
        """Take leave of every child that has ended: adopted ones come here too."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self.pid:
                    self._status = os.waitstatus_to_exitcode(status)
                    self._program.returncode = self._status
                    self._group.reaped()
                    self._family.send_all(signal.SIGTERM)
                    self._kill_after(LEFTOVER_GRACE)

    def _terminate(self) -> None:
        if self._status is None:
            self._group.send(signal.SIGTERM)

    def _end_within(self, seconds: float) -> None:
        self._terminate()
        self._kill_after(seconds)

    def _kill_after(self, seconds: float) -> None:
        self._kill_at = min(self._kill_at, time.monotonic() + seconds)

    def _end_family(self) -> None:
        if time.monotonic() < self._kill_at:
            return
        self._give_up_at = min(self._give_up_at, time.monotonic() + LAST_KILL)
        self._group.send(signal.SIGKILL)
        self._family.kill()

    def _finish(self) -> None:
        self._reap()
        for stream in tuple(self._pipes):
            # Whoever holds the other end now is none of ours: only what is there is read.
            for _ in range(64):
                if stream in self._pipes:
                    self._read(stream)
        for stream, splitter in self._splitters.items():
            self._take(stream, splitter.finish())
        status = self._status or 0
        code, number = (None, -status) if status < 0 else (status, None)
        if self._record is not None:
            self._keep_trying(self._record, code, number)
        self._link.finish(b"c%d" % code if code is not None else b"s%d" % (number or 0))
        if self._record is not None:
            self._record.close()

    def _keep_trying(self, record: "RecordKeeper", code: int | None, number: int | None) -> None:
        """Write down how it ended; without room, and without a daemon to tell, wait for either."""
        give_up = time.monotonic() + self._abandoned_after
        while not record.ended(code, number):
            if self._link.there or time.monotonic() > give_up:
                return
            select.select([record.listener], [], [], WRITE_AGAIN)
            self._on_daemon()


class RecordKeeper:
    """The record of one process, and the socket beside it. Raises `OSError` when it is made."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._path: str = order["record"]
        self._record = shim_record.of_this_shim(order)
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        self.listener = shim_record.listen(self._record.socket)
        try:
            shim_record.write(self._path, self._record)
        except BaseException:
            self.close()
            raise

    def accept(self) -> socket.socket | None:
        """Return the connection of a daemon, if there is one."""
        try:
            return self.listener.accept()[0]
        except OSError:
            return None

    def started(self, pid: int) -> None:
        """Write down which process it is; whoever connects is told anyway."""
        self._record = self._record._replace(pid=pid)
        with contextlib.suppress(OSError):
            shim_record.write(self._path, self._record)

    def ended(self, code: int | None, number: int | None) -> bool:
        """Write down how it ended, if anybody wants to know; say whether that is done."""
        there = shim_record.read(self._path)
        if there is None or there.shim != self._record.shim:
            return True  # the record was removed, or is another process's by now
        last = self._record._replace(code=code, signal=number, ended_at=time.time())
        try:
            shim_record.write(self._path, last)
        except OSError:
            return False
        return True

    def discard(self) -> None:
        """Take the record back: there is no process."""
        with contextlib.suppress(OSError):
            os.unlink(self._path)
        self.close()

    def close(self) -> None:
        """Listen no more."""
        self.listener.close()
        with contextlib.suppress(OSError):
            os.unlink(self._record.socket)


def prctl(option: int, value: int) -> None:
    """Set one of the kernel's switches for this process."""
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _notice(number: int, frame: FrameType | None) -> None:
    """Let the signal reach the wake-up descriptor; that is all."""


def _die_with_parent() -> None:
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _is_gone(control: socket.socket) -> bool:
    """Say whether the daemon has ended by now: whoever comes next may have looked already."""
    poll = select.poll()
    poll.register(control, 0)
    return bool(poll.poll(0))


def main() -> None:
    """Take the order, carry it out, and say how it ended."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.setblocking(False)
    order = cast("dict[str, Any]", json.load(sys.stdin))
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        shim = Shim(control, order)
    except (OSError, ValueError) as error:
        number = error.errno if isinstance(error, OSError) else None
        answer(control, b"f%d" % (number or errno.EINVAL))
        return
    try:
        shim.run()
    except Exception:
        # The program ends with its shim; the log says why.
        Log(order["log"], order["log_limit"]).write(traceback.format_exc().encode())
        raise
