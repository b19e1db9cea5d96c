"""Real processes: each one under a shim of its own (`shim`)."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, cast

import trio

from peppy.actors.host import shim
from peppy.actors.host.ports import CommandLine, ExitStatus, HostError, OutputLine
from peppy.actors.host.refusal import refusal
from peppy.schema.durations import REAP, force_kill_after
from peppy.schema.runtime_config import TOKEN_VARIABLE

LINES: Final = 1024
"""Lines that wait for whoever reads them."""

LONGEST_PACKET: Final = 1 + 3 * shim.LONGEST_LINE
"""Bytes: each byte of a line may have become a replacement character, which has three."""

ROOM: Final = 512 * 1024
"""Bytes on their way from a shim; the system may allow less."""

START: Final = 30.0
"""Seconds for a shim to answer on a machine under the heaviest load."""


class RealProcess:
    """A program under its shim. `dropped` counts the lines that nobody fetched in time."""

    def __init__(
        self, pid: int, shim_process: subprocess.Popen[bytes], control: socket.socket, token: str
    ) -> None:
        self.pid = pid
        self.dropped = 0
        self._shim = shim_process
        self._control = control
        self._token = token
        self._send_line, self._lines = trio.open_memory_channel[OutputLine](LINES)
        self._ended = trio.Event()
        self._status = ExitStatus(signal=int(signal.SIGKILL))

    @property
    def lines(self) -> trio.MemoryReceiveChannel[OutputLine]:
        """What it prints."""
        return self._lines

    async def wait(self) -> ExitStatus:
        """Return how it ended."""
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

    def __repr__(self) -> str:
        return f"<RealProcess {self.pid}>"

    def _tell(self, order: bytes) -> None:
        if self._ended.is_set():
            return
        # The shim may have ended, or have more orders to read than it needs.
        with suppress(OSError):
            self._control.send(order)

    async def attend(self) -> None:
        """Take what the shim reports until it is done; the last thing is to leave nothing."""
        stream = trio.socket.from_stdlib_socket(self._control)
        told = False
        try:
            told = await self._take_reports(stream)
        finally:
            # Reached by cancellation when the daemon's own run is over.
            self._tell(b"k")
            with trio.CancelScope(shield=True):
                if not told:
                    await self._await_shim(stream)
                await trio.to_thread.run_sync(self._bury, told)
            self._ended.set()
            self._send_line.close()
            stream.close()

    async def _take_reports(self, stream: trio.socket.SocketType) -> bool:
        """Return whether the exit status came; if not, the shim was killed."""
        while True:
            try:
                packet = await stream.recv(LONGEST_PACKET)
            except OSError:
                packet = b""
            if not packet:
                return False
            kind, text = packet[:1], packet[1:].decode()
            match kind:
                case b"o":
                    self._pass_on(OutputLine("stdout", text))
                case b"e":
                    self._pass_on(OutputLine("stderr", text))
                case b"c":
                    self._status = ExitStatus(code=int(text))
                    return True
                case b"s":
                    self._status = ExitStatus(signal=int(text))
                    return True
                case _:
                    pass

    async def _await_shim(self, stream: trio.socket.SocketType) -> None:
        with trio.move_on_after(REAP):
            await self._take_reports(stream)

    def _pass_on(self, line: OutputLine) -> None:
        try:
            self._send_line.send_nowait(line)
        except trio.WouldBlock:
            self.dropped += 1
        except trio.BrokenResourceError:
            pass  # whoever read has closed the channel

    def _bury(self, told: bool) -> None:
        try:
            self._shim.wait(REAP)
        except subprocess.TimeoutExpired:
            self._shim.kill()
            self._shim.wait()
        if not told:
            # The program ends with its shim by the kernel's doing; what it started does not.
            shim.send_signal(shim.bearers(self._token), signal.SIGKILL)


class RealProcesses:
    """Starts programs on this machine."""

    async def start(self, command: CommandLine) -> RealProcess:
        """Start `command`; raises `HostError` if its program or its directory is not there."""
        process = await trio.to_thread.run_sync(_start, command)
        trio.lowlevel.spawn_system_task(process.attend)
        return process

    async def adopt(self, record: Path) -> RealProcess | None:
        """Return the process with this record."""
        del record
        return None


def _start(command: CommandLine) -> RealProcess:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with theirs:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
            started = _start_shim(theirs.fileno())
        try:
            return RealProcess(_begin(started, ours, command), started, ours, command.token)
        except BaseException:
            started.kill()
            started.wait()
            raise
    except BaseException:
        ours.close()
        raise


def _start_shim(control: int) -> subprocess.Popen[bytes]:
    script = str(Path(shim.__file__).resolve())
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
        raise HostError(f"cannot start '{sys.executable}': {error.strerror}") from error


def _begin(started: subprocess.Popen[bytes], control: socket.socket, command: CommandLine) -> int:
    """Hand over the order and return the program's pid."""
    order = {
        "argv": command.argv,
        "directory": str(command.directory),
        "environment": dict(command.environment),
        "log": str(command.log),
        "token": command.token,
        "grace": force_kill_after(),
    }
    control.settimeout(START)
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
