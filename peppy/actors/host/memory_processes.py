"""Processes in memory: each program is an async function that plays its part."""

import signal
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Final

import trio

from peppy.actors.host.memory_files import Directory, MemoryFiles
from peppy.actors.host.ports import Clock, CommandLine, ExitStatus, OutputLine
from peppy.actors.host.refusal import no_such_directory, no_such_program
from peppy.actors.host.shim import LineSplitter, log_line

LINES: Final = 1024
"""Lines that wait for whoever reads them."""


class Stage:
    """What a program in memory has to play with: its command, its output, its signals."""

    def __init__(self, command: CommandLine, say: Callable[[str, str], None]) -> None:
        self.command = command
        self._say = say
        self._terminated: trio.Event | None = None

    def print(self, text: str, stream: str = "stdout") -> None:
        """Print one or more lines to `stdout` or `stderr`."""
        self._say(stream, text)

    def handle_terminate(self) -> trio.Event:
        """Return what SIGTERM sets from now on; before, it ends the program."""
        if self._terminated is None:
            self._terminated = trio.Event()
        return self._terminated

    @property
    def terminated(self) -> trio.Event | None:
        """What SIGTERM sets, if the program handles it."""
        return self._terminated


Program = Callable[[Stage], Awaitable[int]]
"""Plays a program; returns its exit code. An exception is exit code 1."""


class MemoryProcess:
    """A program under way."""

    def __init__(self, pid: int, command: CommandLine, files: MemoryFiles, clock: Clock) -> None:
        self.pid = pid
        self.command = command
        self.dropped = 0
        self._files = files
        self._clock = clock
        self._send_line, self._lines = trio.open_memory_channel[OutputLine](LINES)
        self._stage = Stage(command, self._print)
        self._scope = trio.CancelScope()
        self._signal: signal.Signals | None = None
        self._ended = trio.Event()
        self._status = ExitStatus()

    @property
    def lines(self) -> trio.MemoryReceiveChannel[OutputLine]:
        """What it prints."""
        return self._lines

    async def wait(self) -> ExitStatus:
        """Return how it ended."""
        await self._ended.wait()
        return self._status

    def terminate(self) -> None:
        """Send SIGTERM to it."""
        terminated = self._stage.terminated
        if terminated is not None:
            terminated.set()
        else:
            self._end_by(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._end_by(signal.SIGKILL)

    def release(self) -> None:
        """Let it live on."""

    def __repr__(self) -> str:
        return f"<MemoryProcess {self.pid}>"

    async def attend(self, program: Program) -> None:
        """Play the program to its end."""
        code = 1
        try:
            with self._scope:
                code = await program(self._stage)
        except Exception as error:
            self._print("stderr", f"{type(error).__name__}: {error}")
        finally:
            by = self._signal if self._scope.cancelled_caught else None
            self._status = ExitStatus(code=code) if by is None else ExitStatus(signal=int(by))
            self._ended.set()
            self._send_line.close()

    def _end_by(self, number: signal.Signals) -> None:
        if not self._ended.is_set() and self._signal is None:
            self._signal = number
            self._scope.cancel()

    def _print(self, stream: str, text: str) -> None:
        splitter = LineSplitter()
        for line in (*splitter.feed(text.encode() + b"\n"), *splitter.finish()):
            self._files.add(self.command.log, log_line(self._clock.now(), stream, line))
            try:
                self._send_line.send_nowait(OutputLine(stream, line))
            except trio.WouldBlock:
                self.dropped += 1
            except trio.BrokenResourceError:
                pass  # whoever read has closed the channel


class MemoryProcesses:
    """Plays the programs of a table; `started` are all the processes there were."""

    def __init__(self, programs: Mapping[str, Program], files: MemoryFiles, clock: Clock) -> None:
        self._programs = programs
        self._files = files
        self._clock = clock
        self._pids = count(1000)
        self.started: list[MemoryProcess] = []

    async def adopt(self, record: Path) -> MemoryProcess | None:
        """Return the process with this record."""
        await trio.lowlevel.checkpoint()
        of_it = [process for process in self.started if process.command.record == record]
        return of_it[-1] if of_it else None

    async def start(self, command: CommandLine) -> MemoryProcess:
        """Start `command`; raises `HostError` if its program or its directory is not there."""
        await trio.lowlevel.checkpoint()
        if not isinstance(self._files.items.get(command.directory), Directory):
            raise no_such_directory(command)
        program = self._programs.get(command.argv[0])
        if program is None:
            raise no_such_program(command)
        self._files.add(command.log, b"")
        process = MemoryProcess(next(self._pids), command, self._files, self._clock)
        self.started.append(process)
        trio.lowlevel.spawn_system_task(process.attend, program)
        return process
