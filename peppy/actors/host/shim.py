"""The program between the daemon and each process: it outlives both, and cleans up after both.

Started as `python -I -S shim.py <control>`, where `control` is the descriptor of a sequenced-packet
socket. The order comes as JSON on standard input. On the socket the daemon sends `t` (SIGTERM to
the group) and `k` (end it all, now); the shim sends `p<pid>` or `f<errno>` first, then
`o<text>` and `e<text>` for lines, as far as there is room, and `c<code>` or `s<signal>` at the end.
When the daemon's end closes, the daemon is gone, and the family is ended.

Everything that the program started becomes a child of the shim when its parent ends (a Linux
subreaper), and is ended when the program has. Only the standard library is imported here.
"""

import contextlib
import ctypes
import errno
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from types import FrameType
from typing import Any, BinaryIO, Final, cast

LONGEST_LINE: Final = 64 * 1024
"""Bytes; what is longer is split."""

QUEUED: Final = 1024 * 1024
"""Bytes that wait for the daemon; it loses the lines beyond, the log does not."""

LEFTOVER_GRACE: Final = 1.0
"""Seconds between SIGTERM and SIGKILL for what is left when the program itself has ended."""

LAST_KILL: Final = 5.0
"""Seconds for SIGKILL to work; a process stuck in the kernel is not waited for any longer."""

LOOK_AGAIN: Final = 0.05
"""Seconds between two looks at whether the family has ended."""

PR_SET_PDEATHSIG: Final = 1
PR_SET_CHILD_SUBREAPER: Final = 36
TOKEN_VARIABLE: Final = "PEPPY_INSTANCE_TOKEN"


def stamp(now: float) -> str:
    """Return the local time as in `2026-02-17T10:15:23.599`; `now` is seconds since the epoch."""
    return datetime.fromtimestamp(now).astimezone().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]


def log_line(now: float, stream: str, text: str) -> bytes:
    """Return a line of a process's log (behaviour.md 7.3)."""
    return f"[{stamp(now)}] [{stream}] {text}\n".encode()


class LineSplitter:
    """Bytes in, lines of text out."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[str]:
        """Yield the lines that `data` completes, without their ends, none longer than the limit."""
        *whole, rest = (self._rest + data).split(b"\n")
        *begun, self._rest = _pieces(rest)
        for line in whole:
            for piece in _pieces(line.removesuffix(b"\r")):
                yield piece.decode("utf-8", "replace")
        for piece in begun:
            yield piece.decode("utf-8", "replace")

    def finish(self) -> Iterator[str]:
        """Yield what is left as the last line."""
        if self._rest:
            yield self._rest.decode("utf-8", "replace")
            self._rest = b""


def _pieces(line: bytes) -> list[bytes]:
    pieces: list[bytes] = []
    while len(line) > LONGEST_LINE:
        cut = _cut(line)
        pieces.append(line[:cut])
        line = line[cut:]
    return [*pieces, line]


def _cut(line: bytes) -> int:
    """Return where to split a long line: not inside a character, if it is UTF-8."""
    for cut in range(LONGEST_LINE, LONGEST_LINE - 4, -1):
        if line[cut] & 0xC0 != 0x80:
            return cut
    return LONGEST_LINE


# Who belongs to the family.


def descendants(root: int) -> set[int]:
    """Return everything below the process `root` that is alive."""
    children: dict[int, list[int]] = {}
    for pid in _processes():
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{pid}/stat", "rb") as file:
                # The name stands in parentheses and may hold anything; it ends at the last one.
                state, parent = file.read().rpartition(b")")[2].split()[:2]
            # A dead process may still have children, and is nobody to end itself.
            children.setdefault(int(parent), []).append(-pid if state in b"ZX" else pid)
    found: set[int] = set()
    queue = [root]
    while queue:
        for child in children.pop(queue.pop(), ()):
            queue.append(abs(child))
            if child > 0:
                found.add(child)
    return found


def bearers(token: str) -> set[int]:
    """Return the processes that have `token` in their environment."""
    entry = f"\0{TOKEN_VARIABLE}={token}\0".encode()
    found: set[int] = set()
    for pid in _processes():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
            if entry in b"\0" + file.read() and pid != os.getpid():
                found.add(pid)
    return found


def send_signal(pids: set[int], number: int) -> None:
    """Send a signal to each; what has ended or is somebody else's is left alone."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _processes() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


# The shim itself.


class Shim:
    """One program, its family, its log, and the way to the daemon."""

    def __init__(self, control: socket.socket, order: dict[str, Any]) -> None:
        self._control = control
        self._token: str = order["token"]
        self._grace: float = order["grace"]
        self._log = _open_log(order["log"])
        self._outbox: deque[bytes] = deque()
        self._queued = 0
        self._selector = selectors.DefaultSelector()
        self._splitters = {"stdout": LineSplitter(), "stderr": LineSplitter()}
        self._pipes: dict[str, BinaryIO] = {}
        self._status: int | None = None
        self._kill_at: float | None = None
        self._give_up_at = float("inf")
        self._daemon_there = True
        self._wake, self._wakeup = socket.socketpair()
        self._wake.setblocking(False)
        self._wakeup.setblocking(False)
        # Handlers, unlike ignored signals, are not passed on to the program.
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _notice)
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        self._program = self._start(order)
        self.pid = self._program.pid

    def _start(self, order: dict[str, Any]) -> subprocess.Popen[bytes]:
        program = subprocess.Popen(  # noqa: S603  # our own order
            order["argv"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=order["directory"],
            env={**order["environment"], TOKEN_VARIABLE: self._token},
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
        self._selector.register(self._control, selectors.EVENT_READ, self._on_control)
        for stream, pipe in self._pipes.items():
            self._selector.register(pipe, selectors.EVENT_READ, stream)
        answer(self._control, b"p%d" % self.pid)
        while not self._over():
            waits = self._status is None and self._kill_at is None
            for key, events in self._selector.select(None if waits else LOOK_AGAIN):
                if isinstance(key.data, str):
                    self._read(key.data)
                elif events & selectors.EVENT_READ:
                    key.data()
            self._reap()
            self._end_family()
            self._flush()
        self._finish()

    def _over(self) -> bool:
        given_up = time.monotonic() >= self._give_up_at
        return self._status is not None and (given_up or not self._family())

    def _family(self) -> set[int]:
        return descendants(os.getpid()) | bearers(self._token)

    # What happens.

    def _on_signal(self) -> None:
        with contextlib.suppress(BlockingIOError):
            numbers = self._wake.recv(4096)
            if signal.SIGTERM in numbers:
                self._terminate()
                self._kill_after(self._grace)

    def _on_control(self) -> None:
        try:
            order = self._control.recv(16)
        except BlockingIOError:
            return
        except OSError:
            order = b""
        if order == b"t":
            self._terminate()
        elif order == b"k":
            self._kill_after(0.0)
        elif not order:
            self._daemon_there = False
            self._outbox.clear()
            self._selector.unregister(self._control)
            self._terminate()
            self._kill_after(self._grace)

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
        now = time.time()
        kind = b"o" if stream == "stdout" else b"e"
        stamped: list[bytes] = []
        for text in lines:
            stamped.append(log_line(now, stream, text))
            if self._daemon_there and self._queued < QUEUED:
                self._outbox.append(kind + text.encode())
                self._queued += len(self._outbox[-1])
        _write_all(self._log, b"".join(stamped))

    def _flush(self) -> None:
        """Send the daemon what it has room for."""
        if not self._daemon_there:
            return
        while self._outbox:
            try:
                self._control.send(self._outbox[0])
            except BlockingIOError:
                break
            except OSError:  # too long, or nobody is there: the log has it
                pass
            self._queued -= len(self._outbox.popleft())
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outbox else 0)
        self._selector.modify(self._control, wanted, self._on_control)

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
                    send_signal(self._family(), signal.SIGTERM)
                    self._kill_after(LEFTOVER_GRACE)

    def _terminate(self) -> None:
        # Until it is reaped, the program's id is its own and its group's.
        if self._status is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGTERM)

    def _kill_after(self, seconds: float) -> None:
        at = time.monotonic() + seconds
        self._kill_at = at if self._kill_at is None else min(at, self._kill_at)

    def _end_family(self) -> None:
        if self._kill_at is None or time.monotonic() < self._kill_at:
            return
        self._give_up_at = min(self._give_up_at, time.monotonic() + LAST_KILL)
        if self._status is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        send_signal(self._family(), signal.SIGKILL)

    def _finish(self) -> None:
        for stream in tuple(self._pipes):
            # Whoever holds the other end now is none of ours: only what is there is read.
            for _ in range(64):
                if stream in self._pipes:
                    self._read(stream)
        for stream, splitter in self._splitters.items():
            self._take(stream, splitter.finish())
        if not self._daemon_there:
            return
        status = self._status or 0
        self._outbox.append(b"s%d" % -status if status < 0 else b"c%d" % status)
        # A daemon may be busy for long, and without the status it would take a clean end for a
        # killed one. Nothing of the family is left to wait; a daemon that is gone refuses.
        self._control.setblocking(True)
        for packet in self._outbox:
            answer(self._control, packet)


def answer(control: socket.socket, packet: bytes) -> None:
    """Send a packet; a daemon that is gone is noticed elsewhere."""
    with contextlib.suppress(OSError):
        control.send(packet)


def prctl(option: int, value: int) -> None:
    """Set one of the kernel's switches for this process."""
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _notice(number: int, frame: FrameType | None) -> None:
    """Let the signal reach the wake-up descriptor; that is all."""


def _die_with_parent() -> None:
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _open_log(path: str) -> int:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _write_all(descriptor: int, data: bytes) -> None:
    # A full disk must not stop a robot: what cannot be logged is lost.
    with contextlib.suppress(OSError):
        while data:
            data = data[os.write(descriptor, data) :]


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
        _write_all(_open_log(order["log"]), traceback.format_exc().encode())
        raise


if __name__ == "__main__":
    main()
