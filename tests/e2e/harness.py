"""The command as a person types it, and ways to wait for what it brings about."""

import json
import os
import socket
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

COMMAND_LIMIT = 120.0
"""Seconds; a first `uv sync` fills uv's cache over the network."""

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = count(10_000 + 1_000 * _WORKER)
"""Below those that systems give to whoever asks for any."""


class Peppy:
    """The command, as a person types it, with a home directory of its own."""

    def __init__(self, home: Path, work: Path) -> None:
        self.home = home
        self.work = work
        self.environment = {
            **{k: v for k, v in os.environ.items() if k not in ("PEPPY_HOME", "VIRTUAL_ENV")},
            "PEPPY_HOME": str(home),
            # Its own: where a daemon is killed, another test's would take the usual one meanwhile,
            # and the nodes would look for theirs there for ever.
            "PEPPY_MESSAGING_PORT": str(_own_port()),
            # Most nodes of tests start once, which is not worth compiling them first.
            "UV_COMPILE_BYTECODE": "0",
        }

    def start(self, *words: str, cwd: Path | None = None) -> subprocess.Popen[str]:
        """Start a command and return it while it runs."""
        return subprocess.Popen(
            [sys.executable, "-m", "peppy", *words],
            cwd=cwd or self.work,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def try_(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, however it ends."""
        process = self.start(*words, cwd=cwd)
        out, err = process.communicate(timeout=COMMAND_LIMIT)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def __call__(self, *words: str, cwd: Path | None = None) -> str:
        """Run a command that has to succeed; return what it printed on stdout."""
        done = self.try_(*words, cwd=cwd)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *words: str) -> Any:
        """Run a command that has to succeed with `--json`; return what it says."""
        return json.loads(self(*words, "--json"))

    def write_node(self, directory: Path, document: str, source: str) -> None:
        """Give a node that `node init` made its document and its program."""
        (directory / "peppy.json5").write_text(document)
        (package,) = (path for path in (directory / "src").iterdir() if path.is_dir())
        (package / "__main__.py").write_text(source)

    def log_of(self, instance_id: str) -> str:
        """Return what an instance has logged so far."""
        path = self.home / "logs" / "run" / f"{instance_id}.log"
        return path.read_text() if path.exists() else ""

    def processes(self) -> list[int]:
        """Return every process that has this home in its environment, but this test's own."""
        wanted = f"PEPPY_HOME={self.home}".encode()
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if wanted in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
                except OSError:
                    continue
        return found


def _own_port() -> int:
    """Return a port of loopback that no other test and no stranger is given."""
    for port in _PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is left")


def wait_until(condition: Any, what: str, seconds: float = 20.0) -> Any:
    """Return what `condition` returns once it is true; fail naming `what` if it stays false."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come about within {seconds} s")
