"""A process that measures, from the side of whoever starts and ends it."""

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from benchmarks.messages.answering import MARK

PATIENCE: Final = 60.0
"""Seconds for any one answer."""

LAST_WORDS: Final = 5.0
"""Seconds from the end of its standard input, or from SIGTERM, to SIGKILL."""


class Failed(Exception):
    """A process did not do as it was told; what it says of it."""


class Agent:
    """One child in a session of its own, so that Ctrl+C reaches it only through us."""

    def __init__(
        self,
        name: str,
        words: Sequence[str | Path],
        directory: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.name = name
        self._errors = directory / f"{name}.stderr"
        self._answers = b""
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=directory,
                env={**environment, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_ready(self) -> None:
        if "ready" not in self._next(PATIENCE):
            raise Failed(f"{self.name} does not begin with being ready")

    def ask(self, command: str, **arguments: float) -> dict[str, float]:
        """Have a command carried out; return its numbers."""
        assert self._process.stdin is not None
        line = json.dumps({"command": command, **arguments})
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise Failed(self._gone()) from None
        heard = self._next(PATIENCE)
        if "error" in heard:
            raise Failed(f"{self.name}: {command}: {heard['error']}")
        answer: dict[str, float] = heard["answer"]
        return answer

    def _next(self, timeout: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        deadline = time.monotonic() + timeout
        while True:
            line, found, rest = self._answers.partition(b"\n")
            if found:
                self._answers = rest
                if line.startswith(MARK.encode()):
                    heard: dict[str, Any] = json.loads(line[len(MARK) :])
                    return heard
                continue
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._process.stdout], [], [], left)[0]:
                raise Failed(f"{self.name} said nothing for {timeout:g} s{self._complaint()}")
            read = os.read(self._process.stdout.fileno(), 65536)
            if not read:
                raise Failed(self._gone())
            self._answers += read

    def _gone(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LAST_WORDS)
        return f"{self.name} has ended ({self._process.poll()}){self._complaint()}"

    def _complaint(self) -> str:
        said = self._errors.read_text(errors="replace").strip().splitlines()
        return f": {said[-1]}" if said else ""

    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self, *, by_signal: bool = False) -> None:
        """End the process and all that it has started, in order if it will."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            if by_signal:
                self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(LAST_WORDS)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Signalled(Agent):
    """A program that reads no commands and ends by SIGTERM."""

    def __exit__(self, *_: object) -> None:
        self.close(by_signal=True)
