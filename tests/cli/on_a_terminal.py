"""A command on a real terminal: its keyboard is the test's, and so is what it shows."""

import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import TracebackType

PATIENCE = 20.0
"""Seconds until what should be on the terminal counts as missing."""

# A session of its own has the terminal's Ctrl+C reach the command as a person's does.
_SESSION = (
    "import os, sys; os.login_tty(0); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


class OnTerminal:
    """`peppy` with these words, on a terminal of so many rows; killed at the end if it lives."""

    def __init__(self, home: Path, *words: str, rows: int = 24, columns: int = 80) -> None:
        unwanted = {"NO_COLOR", "COLUMNS", "LINES"}
        environment = {k: v for k, v in os.environ.items() if k not in unwanted}
        self._controller, terminal = pty.openpty()
        termios.tcsetwinsize(terminal, (rows, columns))
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SESSION, "-m", "peppy", *words],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={**environment, "TERM": "xterm", "PEPPY_HOME": str(home)},
        )
        os.close(terminal)
        self.seen = ""

    def __enter__(self) -> "OnTerminal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._controller)

    def type(self, text: str) -> None:
        """Press keys; `\\x03` is Ctrl+C."""
        os.write(self._controller, text.encode())

    def until(self, text: str) -> None:
        """Wait until `text` has been shown after what was waited for last."""
        start = len(self.seen)
        end = time.monotonic() + PATIENCE
        while text not in self.seen[start:]:
            assert time.monotonic() < end, f"{text!r} is not in {self.seen[-500:]!r}"
            assert self._read(), f"the end came before {text!r}: {self.seen[-500:]!r}"

    def end(self) -> int:
        """Wait for the end of the command and return its exit code."""
        while self._read():
            pass
        return self.process.wait(PATIENCE)

    def _read(self) -> bool:
        """Take what comes next; False at the end."""
        readable, _, _ = select.select([self._controller], [], [], PATIENCE)
        assert readable, f"nothing comes after {self.seen[-500:]!r}"
        try:
            data = os.read(self._controller, 4096)
        except OSError:
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)
