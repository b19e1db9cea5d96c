"""What a node prints: line by line, and never the reason for its end.

A daemon that dies leaves the node's output without a reader; the next line would raise
`BrokenPipeError` inside the node's own `print`. A robot does not stop because of that.
"""

import contextlib
import io
import os
import sys
import traceback
from typing import Any, TextIO


def line_buffer() -> None:
    """Hand out lines as they are printed, also where no terminal is at the other end."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
            stream.reconfigure(line_buffering=True)


def outlive_readers() -> None:
    """Let standard output and error fall silent, not fail, when nobody reads them any more."""
    sys.stdout = _enduring(sys.stdout)
    sys.stderr = _enduring(sys.stderr)


def _enduring(stream: TextIO) -> TextIO:
    try:
        stream.flush()
        raw = _EnduringFile(stream.fileno(), "wb", closefd=False)
    except (OSError, ValueError):
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=True,
    )


class _EnduringFile(io.FileIO):
    """A pipe that becomes the null device once its reader is gone."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())
            os.close(null)
            return memoryview(data).nbytes


def complain(line: str) -> None:
    """Put one line on standard error, in one piece; nobody who reads it is no trouble."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def complain_of(heading: str, error: BaseException) -> None:
    """Put a heading and an error's traceback on standard error."""
    complain(heading + "\n" + "".join(traceback.format_exception(error)).rstrip("\n"))


def flush() -> None:
    """Hand out what is still in the buffers; also from a signal handler amid a write."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            stream.flush()
