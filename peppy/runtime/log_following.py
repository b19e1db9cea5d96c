"""A log file: its last lines, and those that come."""

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from peppy.schema.errors import PeppyError
from peppy.schema.wording import reason

POLL_INTERVAL: Final = 0.1
"""Seconds between two looks at a file that somebody writes."""


class End(msgspec.Struct, frozen=True):
    """How far a file has been read."""

    offset: int
    """Bytes; a line that is not finished counts as not read."""
    file: int | None
    """Which file it was: another one may come into its place."""


def last_lines(log: Path, count: int, *, absent_is_empty: bool = False) -> tuple[list[str], End]:
    """Return the last `count` whole lines of a file, and where they end.

    Raises `PeppyError` for one that cannot be read; one that is not there is empty if it may be.
    """
    lines: deque[bytes] = deque(maxlen=count + 1)
    try:
        with log.open("rb") as file:
            with suppress(OSError), rotated(log, 1).open("rb") as older:
                if not os.path.sameopenfile(older.fileno(), file.fileno()):
                    lines.extend(older)
            lines.extend(file)
            offset, which = file.tell(), os.fstat(file.fileno()).st_ino
    except FileNotFoundError as error:
        if absent_is_empty:
            return [], End(0, None)
        raise PeppyError(
            f"there is no log at '{log}' yet", hint="a daemon in the background writes it"
        ) from error
    except OSError as error:
        raise PeppyError(f"cannot read '{log}': {reason(error)}") from error
    if lines and not lines[-1].endswith(b"\n"):
        offset -= len(lines.pop())
    start = max(0, len(lines) - count)
    return [_text(line) for line in islice(lines, start, None)], End(offset, which)


def _pause() -> None:
    time.sleep(POLL_INTERVAL)


def follow(log: Path, end: End, *, pause: Callable[[], None] = _pause) -> Iterator[str]:
    """Yield each line that comes after `end`, for ever; a file that takes its place counts too.

    One that was rotated meanwhile is read to its end first. `pause` is called where there is
    nothing new.
    """
    while True:
        end = yield from lines_after(log, end)
        pause()


def lines_after(log: Path, end: End) -> Generator[str, None, End]:
    """Yield each line that is there after `end`, as `follow` does; return where the last ends."""
    try:
        with log.open("rb") as file:
            if os.fstat(file.fileno()).st_ino != end.file:
                for older in _rotated_since(log, end):
                    yield from _lines_after(older, end)
            end = yield from _lines_after(file, end)
    except OSError:
        pass  # it is being replaced, or has not come yet
    return end


def rotated(log: Path, number: int) -> Path:
    """Return where a log lies after it was rotated so often."""
    return log.with_name(f"{log.name}.{number}")


def _rotated_since(log: Path, end: End) -> Iterator[BinaryIO]:
    """Yield the file that was read up to `end`, if it is there still, and those after it."""
    number = 1
    while (path := rotated(log, number)).exists():
        if path.stat().st_ino == end.file:
            for each in range(number, 0, -1):
                with rotated(log, each).open("rb") as file:
                    yield file
            return
        number += 1


def _lines_after(file: BinaryIO, end: End) -> Generator[str, None, End]:
    """Yield whole lines, from the beginning if it is another file or has been cut."""
    state = os.fstat(file.fileno())
    goes_on = state.st_ino == end.file and state.st_size >= end.offset
    offset = end.offset if goes_on else 0
    file.seek(offset)
    for line in _whole_lines(file):
        offset += len(line)
        yield _text(line)
    return End(offset, state.st_ino)


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    for line in file:
        if not line.endswith(b"\n"):
            return
        yield line


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r\n")
