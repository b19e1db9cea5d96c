"""Running git: what it prints, within limits, and nothing of it left afterwards."""

import os
import re
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import msgspec
import trio

from peppy.actors.host.limits import LARGEST_TREE
from peppy.actors.host.ports import HostError
from peppy.schema.wording import reason

LARGEST_OUTPUT: Final = 64 * 1024 * 1024
"""Bytes; the longest listing of as many files as a tree may have is about half of it."""

KEPT_LINES: Final = 40
"""Lines of complaints; the reason is among the last."""

LONGEST_LINE: Final = 1000
"""Characters of a complaint; servers write some of them."""

_ENDS: Final = re.compile(rb"[\r\n]+")

_WATCHED: Final = (
    'exec 3<&0 </dev/null; (read -r _; kill -9 0) <&3 >/dev/null 2>&1 & exec 3<&-; exec "$@"'
)
"""A shell's words that end the whole group, also where the daemon was killed: its end of the pipe
is then closed."""


class TooMuch(HostError):
    """A program prints more than anything sensible has."""


class TooSlow(HostError):
    """A program has used up its time, or is silent for too long."""


class Ran(msgspec.Struct, frozen=True):
    """What a program that has ended has said."""

    code: int
    """Its exit code; negative is a signal."""
    output: bytes
    complaints: tuple[str, ...]
    """The last lines of what it printed on stderr."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a program may take of time and room."""

    idle: float = 120.0
    """Seconds without a word: servers are silent while they count."""
    total: float = 3600.0
    """Seconds."""
    room: int = LARGEST_TREE
    """Bytes that one fetch may add to the cache."""


class _Watch:
    """What one program has printed, and when it did so last."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        self.output = bytearray()
        self.complaints: deque[str] = deque(maxlen=KEPT_LINES)
        self.last = trio.current_time()
        self.problem: HostError | None = None
        self.scope = trio.CancelScope()
        self._on_line = on_line

    def give_up(self, problem: HostError) -> None:
        self.problem = self.problem or problem
        self.scope.cancel()

    async def take_output(self, stream: trio.abc.ReceiveStream) -> None:
        async for data in stream:
            self.last = trio.current_time()
            self.output += data
            if len(self.output) > LARGEST_OUTPUT:
                self.give_up(TooMuch("git prints too much"))

    async def take_complaints(self, stream: trio.abc.ReceiveStream) -> None:
        rest = b""
        async for data in stream:
            self.last = trio.current_time()
            *whole, rest = _ENDS.split(rest + data)
            for line in whole:
                self._line(line)
            rest = rest[-LONGEST_LINE:]
        self._line(rest)

    def _line(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip()[:LONGEST_LINE]
        if text:
            self.complaints.append(text)
            if self._on_line is not None:
                self._on_line(text)

    async def look_at_clock(self, limits: Limits) -> None:
        end = self.last + limits.total
        while True:
            now = trio.current_time()
            if now >= end:
                self.give_up(TooSlow(f"it took more than {limits.total:g} s"))
            elif now >= self.last + limits.idle:
                self.give_up(TooSlow(f"nothing came for {limits.idle:g} s"))
            await trio.sleep_until(min(end, self.last + limits.idle))


async def run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    directory: Path,
    *,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    on_line: Callable[[str], None] | None = None,
    check: Callable[[], HostError | None] | None = None,
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
    watched: bool = False,
) -> Ran:
    """Run a program to its end in a process group of its own; cancelling ends all of the group.

    `on_line` gets each line of stderr. `check` is asked twice a second whether to go on. Files may
    stand in for stdin and stdout, of which the latter is closed here. What is `watched`, and all
    that it starts, ends with the daemon too. Raises `TooSlow` and `TooMuch`; how it ended is for
    the caller to look at.
    """
    standard_input = subprocess.PIPE if watched else subprocess.DEVNULL
    try:
        process = await trio.lowlevel.open_process(
            ["/bin/sh", "-c", _WATCHED, "sh", *argv] if watched else list(argv),
            stdin=standard_input if stdin is None else stdin,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=directory,
            start_new_session=True,
        )
    except OSError as error:
        raise HostError(f"cannot start '{argv[0]}': {reason(error)}") from error
    if stdout is not None:
        stdout.close()  # the program has it now; whoever reads finds its end
    watch = _Watch(on_line)
    try:
        with watch.scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(watch.look_at_clock, limits)
                if check is not None:
                    nursery.start_soon(_look, check, watch)
                async with trio.open_nursery() as readers:
                    if process.stdout is not None:
                        readers.start_soon(watch.take_output, process.stdout)
                    if process.stderr is not None:
                        readers.start_soon(watch.take_complaints, process.stderr)
                    await process.wait()
                    if watched:
                        # What it has left in the background holds its output open.
                        _end_group(process)
                        watched = False
                nursery.cancel_scope.cancel()
    finally:
        await _leave_nothing(process, watched=watched)
    if watch.problem is not None:
        raise watch.problem
    return Ran(process.returncode or 0, bytes(watch.output), tuple(watch.complaints))


async def _look(check: Callable[[], HostError | None], watch: _Watch) -> None:
    while True:
        await trio.sleep(0.5)
        if problem := check():
            watch.give_up(problem)


async def _leave_nothing(process: trio.Process, *, watched: bool) -> None:
    # As long as the watcher lives, or the program is not waited for, the group's number is its own.
    if watched or process.returncode is None:
        _end_group(process)
    with trio.CancelScope(shield=True):
        await process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                await trio.aclose_forcefully(stream)


def _end_group(process: trio.Process) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
