"""What the daemon prints: its log is rotated by size, and what cannot be printed ends nothing.

A robot does not stop for a full disk, nor for a terminal that was closed.
"""

import io
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

from peppy.actors.host.ports import LOG_LIMIT
from peppy.actors.host.shim_log import Log

STDOUT: Final = 1
STDERR: Final = 2


def complain(sentence: str) -> None:
    """Say where the daemon prints what a person should see and nobody can be told."""
    print(f"warning: {sentence}", file=sys.stderr, flush=True)  # noqa: T201


class Sink(Protocol):
    """Takes whole lines, and never raises."""

    def write(self, lines: bytes) -> None:
        """Take them."""
        ...

    def close(self) -> None:
        """Take no more."""
        ...


class RotatedLog:
    """The daemon's log. What else prints to the same place goes on with the new file."""

    def __init__(self, path: Path, limit: int) -> None:
        self._log = Log(str(path), limit)
        self._others = [number for number in (STDOUT, STDERR) if _is_at(number, path)]

    def write(self, lines: bytes) -> None:
        """Write lines; those for which there is no room are counted."""
        self._log.write(lines)
        file = self._log.fileno()
        for number in self._others:
            # Which number it has says nothing: that of a closed one comes again.
            if not os.path.sameopenfile(number, file):
                os.dup2(file, number)

    def close(self) -> None:
        """Write no more."""
        self._log.close()


class Terminal:
    """Wherever the standard error leads."""

    def write(self, lines: bytes) -> None:
        """Print lines, as far as that goes."""
        with suppress(OSError):
            while lines:
                lines = lines[os.write(STDERR, lines) :]

    def close(self) -> None:
        """Do nothing."""


class _Lines(io.RawIOBase):
    """Makes whole lines of what is written."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._rest = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        text = self._rest + bytes(data)
        end = text.rfind(b"\n") + 1
        self._rest = text[end:]
        if end:
            self._sink.write(text[:end])
        return len(data)

    def finish(self) -> None:
        """Print what has no line end yet."""
        if self._rest:
            self.write(b"\n")


@contextmanager
def steady_output(log: Path, limit: int = LOG_LIMIT) -> Generator[None, None, None]:
    """While the context lasts, nothing that this process prints can fail.

    Where it prints into `log`, that is rotated when it would get more than `limit` bytes.
    """
    in_log = _is_at(STDERR, log)
    sink: Sink = RotatedLog(log, limit) if in_log else Terminal()
    lines = _Lines(sink)
    text = io.TextIOWrapper(
        io.BufferedWriter(lines), encoding="utf-8", errors="backslashreplace", line_buffering=True
    )
    before = sys.stdout, sys.stderr
    for stream in before:
        stream.flush()
    sys.stderr = text
    if in_log:
        sys.stdout = text
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        text.flush()
        lines.finish()
        sink.close()


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
