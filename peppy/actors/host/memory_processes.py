"""Processes in memory: each program is an async function that plays its part.

A `Play` is what goes on, a `MemoryProcess` what one daemon has of it: the programs outlive the
daemons of one test, as far as they have a record.
"""

import signal
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Final

import msgspec
import trio

from peppy.actors.host.memory_files import Directory, File, MemoryFiles
from peppy.actors.host.ports import Clock, CommandLine, ExitStatus, HostError, OutputLine
from peppy.actors.host.refusal import no_such_directory, no_such_program
from peppy.actors.host.shim_lines import LineSplitter, log_line
from peppy.actors.host.shim_log import OLD_FILES

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

Programs = Callable[[CommandLine], Program | None]
"""Finds what plays a command; None where there is no such program."""

Heard = Callable[[CommandLine, OutputLine], None]
"""Is told of each line that a program prints."""


def nobody(command: CommandLine, line: OutputLine) -> None:
    """Hear nothing."""
    del command, line


class Record(msgspec.Struct, frozen=True):
    """What stands in the file that `CommandLine.record` names."""

    pid: int
    ended: bool = False
    status: ExitStatus = ExitStatus()


class MemoryProcess:
    """A program under way, as one daemon has it."""

    def __init__(self, play: "Play") -> None:
        self.pid = play.pid
        self.command = play.command
        self.dropped = 0
        self._play = play
        self._send_line, self._lines = trio.open_memory_channel[OutputLine](LINES)
        self._ours = True

    @property
    def lines(self) -> trio.MemoryReceiveChannel[OutputLine]:
        """What it prints."""
        return self._lines

    async def wait(self) -> ExitStatus:
        """Return how it ended."""
        await self._play.ended.wait()
        if not self._ours:
            await trio.sleep_forever()  # it is another daemon's to know
        return self._play.status

    def terminate(self) -> None:
        """Send SIGTERM to it."""
        if self._ours:
            self._play.terminate()

    def kill(self) -> None:
        """End it at once."""
        if self._ours:
            self._play.end_by(signal.SIGKILL)

    def release(self) -> None:
        """Let it live on."""
        if self._ours and self.command.record is not None and not self._play.ended.is_set():
            self.lose()
            self._play.abandon()

    def __repr__(self) -> str:
        return f"<MemoryProcess {self.pid}>"

    def lose(self) -> None:
        """Be nobody's any more: whoever still has this can do nothing with it."""
        self._ours = False
        self.hear_no_more()

    def hear(self, line: OutputLine) -> None:
        """Take a line that the program has printed."""
        try:
            self._send_line.send_nowait(line)
        except trio.WouldBlock:
            self.dropped += 1
        except trio.BrokenResourceError:
            pass  # whoever read has closed the channel

    def hear_no_more(self) -> None:
        """Tell whoever reads that no line will come."""
        self._send_line.close()


class Play:
    """A program under way, whoever its daemon is. `process` is what the present one has of it."""

    def __init__(
        self, pid: int, command: CommandLine, files: MemoryFiles, clock: Clock, heard: Heard
    ) -> None:
        self.pid = pid
        self.command = command
        self._heard = heard
        self.ended = trio.Event()
        self.status = ExitStatus()
        self.process: MemoryProcess | None = MemoryProcess(self)
        self._files = files
        self._clock = clock
        self._stage = Stage(command, self._print)
        self._scope = trio.CancelScope()
        self._signal: signal.Signals | None = None
        self._unseen = False
        self._abandonment = trio.CancelScope()
        self._write_record(Record(pid))

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or nothing keeps it from ending."""
        return self.ended.is_set() or self._signal is not None

    async def attend(self, program: Program) -> None:
        """Play the program to its end."""
        code = 1
        try:
            with self._scope:
                code = await program(self._stage)
        except Exception as error:
            self._print("stderr", f"{type(error).__name__}: {error}")
        finally:
            if not self._unseen:
                by = self._signal if self._scope.cancelled_caught else None
                self._end(ExitStatus(code=code) if by is None else ExitStatus(signal=int(by)))

    def terminate(self) -> None:
        """Do what SIGTERM does."""
        terminated = self._stage.terminated
        if terminated is not None:
            terminated.set()
        else:
            self.end_by(signal.SIGTERM)

    def end_by(self, number: signal.Signals) -> None:
        """End the program by a signal that it does not handle."""
        if not self.ended.is_set() and self._signal is None:
            self._signal = number
            self._scope.cancel()

    def end_unseen(self) -> None:
        """End the program without anybody who notes how."""
        self._unseen = True
        self.ended.set()
        self._abandonment.cancel()
        self._scope.cancel()

    def abandon(self) -> None:
        """Be without a daemon, for a while."""
        self.process = None
        self._abandonment = trio.CancelScope()
        trio.lowlevel.spawn_system_task(self._await_daemon, self._abandonment)

    def adopted(self) -> MemoryProcess:
        """Return what a new daemon has of it."""
        self._abandonment.cancel()
        if self.process is not None:
            self.process.lose()
        self.process = MemoryProcess(self)
        if self.ended.is_set():
            self.process.hear_no_more()
        return self.process

    async def _await_daemon(self, abandonment: trio.CancelScope) -> None:
        with abandonment:
            await trio.sleep(self.command.abandoned_after)
            self.terminate()
            await trio.sleep(self.command.grace)
            self.end_by(signal.SIGKILL)

    def _end(self, status: ExitStatus) -> None:
        self.status = status
        record = self.command.record
        # A record that was removed is not wanted any more.
        if record is not None and record in self._files.items:
            self._write_record(Record(self.pid, ended=True, status=status))
        self._abandonment.cancel()
        self.ended.set()
        if self.process is not None:
            self.process.hear_no_more()

    def _write_record(self, record: Record) -> None:
        if self.command.record is not None:
            self._files.put(self.command.record, File(msgspec.json.encode(record), 0o600))

    def _print(self, stream: str, text: str) -> None:
        splitter = LineSplitter()
        for line in (*splitter.feed(text.encode() + b"\n"), *splitter.finish()):
            self._log(log_line(self._clock.now(), stream, line))
            output = OutputLine(stream, line)
            self._heard(self.command, output)
            if self.process is not None:
                self.process.hear(output)

    def _log(self, line: bytes) -> None:
        log = self.command.log
        before = self._files.items.get(log)
        if isinstance(before, File) and 0 < len(before.data) > self.command.log_limit - len(line):
            for number in range(OLD_FILES - 1, -1, -1):
                old = log.with_name(f"{log.name}.{number}") if number else log
                if old in self._files.items:
                    self._files.items[log.with_name(f"{log.name}.{number + 1}")] = (
                        self._files.items.pop(old)
                    )
        self._files.add(log, line)


class MemoryProcesses:
    """Plays what is found for each command."""

    def __init__(
        self,
        programs: Programs,
        files: MemoryFiles,
        clock: Clock,
        heard: Heard = nobody,
        *,
        first_pid: int = 1000,
    ) -> None:
        self._programs = programs
        self._files = files
        self._clock = clock
        self._heard = heard
        self._pids = count(first_pid)
        self._plays: dict[int, Play] = {}

    async def start(self, command: CommandLine) -> MemoryProcess:
        """Start `command`; raises `HostError` if its program or its directory is not there."""
        await trio.lowlevel.checkpoint()
        if not isinstance(self._files.items.get(command.directory), Directory):
            raise no_such_directory(command)
        program = self._programs(command)
        if program is None:
            raise no_such_program(command)
        self._files.add(command.log, b"")
        play = Play(next(self._pids), command, self._files, self._clock, self._heard)
        self._plays[play.pid] = play
        trio.lowlevel.spawn_system_task(play.attend, program)
        assert play.process is not None  # noqa: S101  # it has just begun
        return play.process

    async def adopt(self, record: Path) -> MemoryProcess | None:
        """Return the process with this record."""
        try:
            known = msgspec.json.decode(await self._files.read(record), type=Record)
        except (HostError, msgspec.MsgspecError):
            return None
        play = self._plays.get(known.pid)
        return None if play is None else play.adopted()

    # What tests bring about.

    def kill(self, token: str) -> bool:
        """Kill what was started with this token, as SIGKILL does; say whether there was any."""
        found = [p for p in self._plays.values() if p.command.token == token and not p.is_over]
        for play in found:
            play.end_by(signal.SIGKILL)
        return bool(found)

    def daemon_died(self) -> None:
        """Do what happens when the daemon is killed: only what has a record goes on.

        What the dead daemon still has of its processes does nothing from now on.
        """
        for play in self._plays.values():
            if play.process is not None:
                play.process.lose()
            if play.ended.is_set():
                play.process = None
            elif play.command.record is None:
                play.process = None
                play.end_by(signal.SIGKILL)
            elif play.process is not None:
                play.abandon()

    def reboot(self) -> None:
        """Do what happens when the machine is started anew: everything ends, unseen."""
        self.daemon_died()
        for play in self._plays.values():
            if not play.ended.is_set():
                play.end_unseen()
