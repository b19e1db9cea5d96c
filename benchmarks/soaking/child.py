"""A child as its conductor holds it: a process, its lines, and what it takes of the machine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Final

import anyio
from anyio.abc import Process

REPOSITORY: Final = Path(__file__).resolve().parents[2]

SHARED: Final = "/dev/shm/"


class Child:
    """One process; `pauses` says when it was stopped, by the wall clock."""

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self.pauses: list[list[float]] = []
        self.born = time.time()
        self.killed = 0.0
        self.samples: list[tuple[float, float, int, int]] = []
        """Age in seconds, anonymous resident memory in MB, descriptors, shared files mapped."""
        self.shared: set[str] = set()
        """All files of shared memory that it ever had mapped, as far as it was looked at."""
        self._process = process
        self._telling = anyio.Lock()

    @classmethod
    async def start(cls, name: str, module: str, words: list[str], errors: Path) -> "Child":
        with errors.open("wb") as stream:
            process = await anyio.open_process(
                [sys.executable, "-m", module, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                cwd=REPOSITORY,
                start_new_session=True,
            )
        return cls(name, process)

    async def lines(self) -> AsyncGenerator[dict[str, Any], None]:
        """Iterate over what it says until it ends."""
        assert self._process.stdout is not None
        heard = b""
        async for read in self._process.stdout:
            *lines, heard = (heard + read).split(b"\n")
            for line in lines:
                yield json.loads(line)

    async def tell(self, **order: Any) -> None:
        """Give it an order; one that has gone needs none."""
        assert self._process.stdin is not None
        try:
            async with self._telling:
                await self._process.stdin.send(json.dumps(order).encode() + b"\n")
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return

    def stop(self) -> None:
        self._signal(signal.SIGSTOP)
        self.pauses.append([time.time(), float("inf")])

    def resume(self) -> None:
        self._signal(signal.SIGCONT)
        if self.pauses:
            self.pauses[-1][1] = time.time()

    @property
    def stopped(self) -> bool:
        return bool(self.pauses) and self.pauses[-1][1] > time.time()

    @property
    def code(self) -> int | None:
        """Its exit code; negative: the signal that ended it."""
        return self._process.returncode

    def kill(self) -> None:
        self.sample()
        self.killed = time.time()
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            self._process.send_signal(number)

    async def hang_up(self) -> int | None:
        """Have it end by itself; return its exit code, or None if it had to be killed."""
        assert self._process.stdin is not None
        await self._process.stdin.aclose()
        with anyio.move_on_after(10):
            return await self._process.wait()
        self._signal(signal.SIGKILL)
        await self._process.wait()
        return None

    async def end(self) -> None:
        """End it whatever it does, if it has not ended."""
        self._signal(signal.SIGKILL)
        await self._process.wait()

    async def gone(self) -> None:
        await self._process.wait()

    def sample(self) -> None:
        """Look at what it takes now."""
        process = Path("/proc", str(self._process.pid))
        try:
            status = (process / "status").read_text()
            maps = (process / "maps").read_text()
            descriptors = len(os.listdir(process / "fd"))
        except OSError:
            return
        words = (line.partition(":") for line in status.splitlines())
        values = {name: value.split() for name, _, value in words}
        if "RssAnon" not in values:
            return
        files = {line.split()[-1] for line in maps.splitlines() if SHARED in line}
        self.shared |= {file for file in files if file.endswith(".zenoh")}
        memory = int(values["RssAnon"][0]) / 1024
        deleted = sum(SHARED in line and "(deleted)" in line for line in maps.splitlines())
        self.samples.append((time.time() - self.born, memory, descriptors, deleted))

    def overlaps(self, since: float, until: float, shortest: float = 0.0) -> bool:
        """Say whether it was stopped for at least so long at some time between the two."""
        return any(
            began < until and ended > since and min(ended, time.time()) - began >= shortest
            for began, ended in self.pauses
        )
