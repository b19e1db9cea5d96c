"""`make demo`: it shows what it promises and leaves nothing behind, however it ends."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.harness import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

DEMO = Path(__file__).resolve().parent.parent.parent / "examples" / "demo.py"


def start_demo(scratch: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(DEMO)],
        env={**os.environ, "TMPDIR": str(scratch)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def processes_of(scratch: Path) -> list[int]:
    """Return every process whose home lies in the demo's directory."""
    wanted = f"PEPPY_HOME={scratch}".encode()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if wanted in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def test_the_demo_shows_what_the_receiver_hears_from_both(tmp_path: Path) -> None:
    process = start_demo(tmp_path)
    out, _ = process.communicate()
    assert process.returncode == 0, out
    for name in ("planet", "you"):
        assert re.search(rf"Received from \S+: hello {name} count \d", out)
    assert "hello_receiver:v1 -> hello_world_param:v1" in out
    assert list(tmp_path.iterdir()) == []
    wait_until(lambda: not processes_of(tmp_path), "the end of the demo's processes")


def test_an_interrupted_demo_takes_down_what_it_has_started(tmp_path: Path) -> None:
    process = start_demo(tmp_path)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Added node hello_world:v1"):
            break
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []
    wait_until(lambda: not processes_of(tmp_path), "the end of the demo's processes")
