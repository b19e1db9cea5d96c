"""The log of one process, which never gets long. Only the standard library is imported here.

When the file is full it becomes `<log>.1`, what had that name `<log>.2`, and the last one goes.
Others may add to the log too, as long as they open it anew each time.
"""

import contextlib
import os
import time
from typing import Final

from peppy.actors.host.shim_lines import stamp

OLD_FILES: Final = 3
"""How many full ones are kept."""

PARTS: Final = 16
"""Into how many parts a full file may have been written, at least."""


def rotate(path: str) -> None:
    """Move a full log out of the way, if there is one. Raises `OSError`."""
    if os.path.lexists(path):
        for number in range(OLD_FILES - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{path}.{number}", f"{path}.{number + 1}")
        os.replace(path, f"{path}.1")


class Log:
    """A log under way. `lost` counts the lines that could not be written since the last that was.

    A robot does not stop for a full disk: what cannot be logged is lost, and when there is room
    again, the log says how much that was.
    """

    def __init__(self, path: str, limit: int) -> None:
        self.lost = 0
        self._path = path
        self._limit = limit
        self._why = ""
        self._torn = False
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self._descriptor = self._open()

    def write(self, lines: bytes) -> None:
        """Add whole lines, which may be many; never raises."""
        most, start = self._limit // PARTS, 0
        while len(lines) - start > most:
            # At the end of a line; one that is longer than a part is a part of its own.
            end = lines.rfind(b"\n", start, start + most) + 1 or lines.find(b"\n", start) + 1
            self._add(lines[start:end])
            start = end
        self._add(lines[start:])

    def _add(self, lines: bytes) -> None:
        with contextlib.suppress(OSError):
            # A log that cannot be rotated grows: that loses nothing.
            self._make_room(len(lines))
        notice = self._notice() if self.lost else b""
        data = notice + lines
        written = self._put(data)
        if written >= len(notice):
            self.lost = 0
        if written:
            self._torn = data[written - 1 : written] != b"\n"
        self.lost += data[max(written, len(notice)) :].count(b"\n")

    def fileno(self) -> int:
        """Return the present file's descriptor; another one comes with the next file."""
        return self._descriptor

    def close(self) -> None:
        """Write no more."""
        os.close(self._descriptor)

    def _notice(self) -> bytes:
        end = "\n" if self._torn else ""
        lines = "line is" if self.lost == 1 else "lines are"
        why = self._why[:1].lower() + self._why[1:]
        text = f"{end}[{stamp(time.time())}] [warning] {self.lost} {lines} missing here: {why}\n"
        return text.encode()

    def _put(self, data: bytes) -> int:
        """Return how many bytes could be written."""
        written = 0
        try:
            while written < len(data):
                written += os.write(self._descriptor, data[written:] if written else data)
        except OSError as error:
            self._why = error.strerror or str(error)
        return written

    def _make_room(self, size: int) -> None:
        """Begin a new file if the present one would get too long."""
        there = os.fstat(self._descriptor).st_size
        if not there or there + size <= self._limit:
            return
        # The old file is kept open until there is a new one, so that no line is without a place.
        rotate(self._path)
        new = self._open()
        os.close(self._descriptor)
        self._descriptor = new

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return os.open(self._path, flags, 0o644)
