"""Lines of output, as the log has them. Only the standard library is imported here."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

LONGEST_LINE: Final = 64 * 1024
"""Bytes; what is longer is split."""


def stamp(now: float) -> str:
    """Return the local time as in `2026-02-17T10:15:23.599`; `now` is seconds since the epoch."""
    return datetime.fromtimestamp(now).isoformat(timespec="milliseconds")


def log_line(now: float, stream: str, text: str) -> bytes:
    """Return a line of a process's log (behaviour.md 7.3)."""
    return log_lines(now, stream, (text,))


def log_lines(now: float, stream: str, texts: tuple[str, ...]) -> bytes:
    """Return lines of a process's log that were printed at the same time."""
    if not texts:
        return b""
    start = f"[{stamp(now)}] [{stream}] "
    return "".join(f"{start}{text}\n" for text in texts).encode()


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
