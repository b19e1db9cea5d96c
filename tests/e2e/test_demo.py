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
        start_new_session=True,
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


def test_the_demo_shows_the_arm_that_follows_and_the_video_that_is_saved(tmp_path: Path) -> None:
    process = start_demo(tmp_path)
    out, _ = process.communicate()
    assert process.returncode == 0, out
    assert re.search(r"brain:v1 +│ action move_arm +│ arm_controller:v1", out)
    assert re.search(r"the_brain: pointing at \S+: the arm is at", out)
    assert re.search(r"the_arm: the_nervous_system takes over", out)
    assert re.search(r"# the_arm\npositions: \[", out)
    assert re.search(r"# camera_front\ndevice: ", out)
    assert re.search(r"the_memory: Video of \d+ frames saved to: ", out)
    assert re.search(r"the_arm: parked at \[0.0, 0.0, 0.0\]", out)
    assert list(tmp_path.iterdir()) == []
    wait_until(lambda: not processes_of(tmp_path), "the end of the demo's processes")


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("brain:v1: building", marks=pytest.mark.thorough),
        " the_brain: looking ",
    ],
)
def test_ctrl_c_takes_down_what_the_demo_has_started(moment: str, tmp_path: Path) -> None:
    process = start_demo(tmp_path)
    wait_for_line(process, moment)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: the command gets it as well
    check_end(process, tmp_path)


@pytest.mark.thorough
def test_a_terminated_demo_takes_down_what_it_has_started(tmp_path: Path) -> None:
    process = start_demo(tmp_path)
    wait_for_line(process, "brain:v1: starting 'the_brain'")
    process.send_signal(signal.SIGTERM)
    check_end(process, tmp_path)


def wait_for_line(process: subprocess.Popen[str], part: str) -> None:
    assert process.stdout is not None
    assert any(part in line for line in process.stdout)


def check_end(process: subprocess.Popen[str], scratch: Path) -> None:
    process.communicate()
    assert process.returncode == 130
    assert list(scratch.iterdir()) == []
    wait_until(lambda: not processes_of(scratch), "the end of the demo's processes")
