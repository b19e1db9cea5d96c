"""Real processes: each one under a shim of its own (`shim`)."""

import enum
import json
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, cast

import trio

from peppy.actors.host import adoption, shim
from peppy.actors.host.ports import CommandLine, ExitStatus, HostError, OutputLine, Process
from peppy.actors.host.refusal import refusal
from peppy.actors.host.shim_family import Family
from peppy.actors.host.shim_lines import LONGEST_LINE
from peppy.actors.host.shim_link import REPLACED, ROOM
from peppy.schema.durations import REAP
from peppy.schema.runtime_config import TOKEN_VARIABLE
from peppy.schema.wording import reason

LINES: Final = 1024
"""Lines that wait for whoever reads them."""

WAITING: Final = 4 * 1024 * 1024
"""Characters in these lines."""

LONGEST_PACKET: Final = 1 + 3 * LONGEST_LINE
"""Bytes: each byte of a line may have become a replacement character, which has three."""

_left: Final[set[int]] = set()
"""Shims that outlive what we have of them, and are children of ours all the same."""


class Outcome(enum.Enum):
    """How the connection to a shim has ended."""

    TOLD = enum.auto()
    """With the process's exit status."""
    REPLACED = enum.auto()
    """Another daemon, or another handle in this one, has the process now."""
    LOST = enum.auto()
    """Without a word: the shim was killed."""


class RealProcess:
    """A program under its shim. `dropped` counts the lines that nobody fetched in time.

    `shim_process` is None for an adopted one, whose shim is nobody's child, and `record` for one
    that ends with the daemon.
    """

    def __init__(
        self,
        pid: int,
        control: socket.socket,
        token: str,
        *,
        record: Path | None,
        shim_process: subprocess.Popen[bytes] | None = None,
    ) -> None:
        self.pid = pid
        self.dropped = 0
        self._shim = shim_process
        self._control = control
        self._token = token
        self._record = record
        self._send_line, self._lines = trio.open_memory_channel[OutputLine](LINES)
        self._sizes: deque[int] = deque()
        self._waiting = 0
        self._attention = trio.CancelScope()
        self._ended = trio.Event()
        self._status = ExitStatus(signal=int(signal.SIGKILL))

    @property
    def lines(self) -> trio.MemoryReceiveChannel[OutputLine]:
        """What it prints."""
        return self._lines

    async def wait(self) -> ExitStatus:
        """Return how it ended; not at all once it is another daemon's to know."""
        await self._ended.wait()
        return self._status

    def terminate(self) -> None:
        """Send SIGTERM to it and its group."""
        self._tell(b"t")

    def kill(self) -> None:
        """End it and everything that came of it."""
        self._tell(b"k")

    def release(self) -> None:
        """Let it live on."""
        if self._record is not None:
            self._attention.cancel()

    def __repr__(self) -> str:
        return f"<RealProcess {self.pid}>"

    def _tell(self, order: bytes) -> None:
        if self._ended.is_set() or self._attention.cancel_called:
            return
        # The shim may have ended, or have more orders to read than it needs.
        with suppress(OSError):
            self._control.send(order)

    async def attend(self) -> None:
        """Take what the shim reports until it is done; the last thing is to leave nothing.

        Cancelled when the daemon's own run is over: then what has a record lives on.
        """
        stream = trio.socket.from_stdlib_socket(self._control)
        outcome = Outcome.REPLACED if self._record is not None else Outcome.LOST
        try:
            with self._attention:
                outcome = await self._take_reports(stream)
        finally:
            if outcome is not Outcome.REPLACED:
                outcome = await self._see_out(stream, outcome)
            if outcome is Outcome.REPLACED:
                self._leave()
            else:
                self._ended.set()
            self._send_line.close()
            stream.close()

    async def _see_out(self, stream: trio.socket.SocketType, outcome: Outcome) -> Outcome:
        self._tell(b"k")
        with trio.CancelScope(shield=True):
            if outcome is Outcome.LOST or self._shim is None:
                # What comes now is the end of an order to kill, or of the shim itself.
                with trio.move_on_after(REAP):
                    await self._take_reports(stream)
            outcome = await trio.to_thread.run_sync(self._bury, outcome)
        return outcome  # noqa: RET504  # a scope may swallow what is raised in it

    async def _take_reports(self, stream: trio.socket.SocketType) -> Outcome:
        while True:
            try:
                packet = await stream.recv(LONGEST_PACKET)
            except OSError:
                packet = b""
            if not packet:
                return Outcome.LOST
            kind, text = packet[:1], packet[1:].decode()
            match kind:
                case b"o":
                    self._pass_on(OutputLine("stdout", text))
                case b"e":
                    self._pass_on(OutputLine("stderr", text))
                case b"c":
                    self._status = ExitStatus(code=int(text))
                    return Outcome.TOLD
                case b"s":
                    self._status = ExitStatus(signal=int(text))
                    return Outcome.TOLD
                case _ if kind == REPLACED:
                    return Outcome.REPLACED
                case _:
                    pass

    def _pass_on(self, line: OutputLine) -> None:
        # Lines are taken in order: those that wait are the last that were sent.
        while len(self._sizes) > self._lines.statistics().current_buffer_used:
            self._waiting -= self._sizes.popleft()
        size = len(line.text)
        if self._waiting + size > WAITING:
            self.dropped += 1
            return
        try:
            self._send_line.send_nowait(line)
        except trio.WouldBlock:
            self.dropped += 1
        except trio.BrokenResourceError:
            pass  # whoever read has closed the channel
        else:
            self._sizes.append(size)
            self._waiting += size

    def _leave(self) -> None:
        if self._shim is not None:
            # It is waited for in passing, whenever another process starts.
            _left.add(self._shim.pid)
            self._shim.returncode = 0

    def _bury(self, outcome: Outcome) -> Outcome:
        """Leave nothing of it, unless it turns out to be another's: then it is let be."""
        lost = outcome is Outcome.LOST
        if lost and self._record is not None and adoption.shim_stays(self._record):
            return Outcome.REPLACED  # there was no room to say so
        if self._shim is not None:
            try:
                self._shim.wait(REAP)
            except subprocess.TimeoutExpired:
                self._shim.kill()
                self._shim.wait()
        if lost:
            if self._record is not None and (status := adoption.how_it_ended(self._record)):
                self._status = status
            # The program ends with its shim by the kernel's doing; what it started does not.
            Family(self._token).end()
        return outcome


class RealProcesses:
    """Starts programs on this machine."""

    async def start(self, command: CommandLine) -> RealProcess:
        """Start `command`; raises `HostError` if its program or its directory is not there."""
        process = await trio.to_thread.run_sync(_start, command)
        trio.lowlevel.spawn_system_task(process.attend)
        return process

    async def adopt(self, record: Path) -> Process | None:
        """Return the process with this record."""
        match await trio.to_thread.run_sync(adoption.look_up, record):
            case adoption.Living(pid, control, known):
                process = RealProcess(pid, control, known.token, record=record)
                trio.lowlevel.spawn_system_task(process.attend)
                return process
            case adoption.Ended() as ended:
                return adoption.PastProcess(ended)
            case None:
                return None


def _start(command: CommandLine) -> RealProcess:
    reap_left()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with theirs:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
            started = _start_shim(theirs.fileno())
        try:
            pid = _begin(started, ours, command)
        except BaseException:
            started.kill()
            started.wait()
            raise
        return RealProcess(pid, ours, command.token, record=command.record, shim_process=started)
    except BaseException:
        ours.close()
        raise


def reap_left() -> int:
    """Bury the shims that we have nothing of any more and that have ended; return how many live."""
    for pid in tuple(_left):
        try:
            ended = os.waitpid(pid, os.WNOHANG)[0] == pid
        except ChildProcessError:
            ended = True
        if ended:
            _left.discard(pid)
    return len(_left)


def _start_shim(control: int) -> subprocess.Popen[bytes]:
    script = str(Path(shim.__file__).resolve().with_name("shim_main.py"))
    # The daemon may itself have been started by a node: its token is not for our processes.
    environment = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
    try:
        return subprocess.Popen(  # noqa: S603  # our own script
            [sys.executable, "-I", "-S", script, str(control)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=environment,
            pass_fds=(control,),
            start_new_session=True,
        )
    except OSError as error:
        raise HostError(f"cannot start '{sys.executable}': {reason(error)}") from error


def _begin(started: subprocess.Popen[bytes], control: socket.socket, command: CommandLine) -> int:
    """Hand over the order and return the program's pid."""
    order = {
        "argv": command.argv,
        "directory": str(command.directory),
        "environment": dict(command.environment),
        "log": str(command.log),
        "token": command.token,
        "grace": command.grace,
        "log_limit": command.log_limit,
        "record": None if command.record is None else str(command.record),
        "abandoned_after": command.abandoned_after,
    }
    control.settimeout(adoption.ANSWER)
    try:
        with cast("IO[bytes]", started.stdin) as stdin:
            stdin.write(json.dumps(order).encode())
        answer = control.recv(LONGEST_PACKET)
    except OSError as error:
        raise HostError(f"cannot start '{command.argv[0]}': {error}") from error
    control.setblocking(False)
    match answer[:1]:
        case b"p":
            return int(answer[1:])
        case b"f":
            raise refusal(command, int(answer[1:]))
        case _:
            raise HostError(f"cannot start '{command.argv[0]}': its shim gave up")
