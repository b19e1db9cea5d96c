"""A node that prints without end costs neither memory nor the daemon's attention."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import Peppy, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

MIB = 1024 * 1024

VOLUME = 256 * MIB
"""Bytes of the flood: sixteen times what a log holds, and within the patience of slow machines."""

MOST = 100 * MIB
"""Bytes that the daemon and a shim may each have in memory."""

PROMPT = 5.0
"""Seconds for a command, most of which is a Python interpreter on a machine that is busy."""

PROGRAM = """
import asyncio, os, sys, threading
sys.path.insert(0, ".peppy/libs/peppygen")
from peppygen import NodeBuilder

def pour(data):
    while data:
        data = data[os.write(1, data):]

def flood():
    {flood}
    print("the end", flush=True)

async def setup(params, node_runner):
    threading.Thread(target=flood, daemon=True).start()
    return []

NodeBuilder().run(setup)
"""

LONG_LINE = """for _ in range(100): pour(b"x" * 2**20)
    pour(b"\\n")"""

MANY_LINES = f"""for _ in range({VOLUME // MIB}):
        pour((b"a line of some length".ljust(127) + b"\\n") * 8192)"""


def start(peppy: Peppy, flood: str) -> None:
    directory = peppy.work / "loud"
    directory.mkdir()
    run = json.dumps([sys.executable, "program.py"])
    (directory / "peppy.json5").write_text(f"""{{
        peppy_schema: "node_v1",
        manifest: {{ name: "loud", tag: "v1" }},
        interfaces: {{}},
        execution: {{ language: "python", run_cmd: {run} }},
    }}""")
    (directory / "program.py").write_text(PROGRAM.format(flood=flood))
    peppy("node", "add", "-sr", ".", "-i", "one", cwd=directory)


def pids(peppy: Peppy) -> tuple[int, int]:
    """Return the process ids of the daemon and of the instance's shim."""
    rows = peppy.json("stack", "list")["nodes"]
    (pid,) = (i["pid"] for row in rows if row["stage"] != "Root" for i in row["instances"])
    shim = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
    return peppy.json("info")["pid"], int(shim)


def peak(pid: int) -> int:
    """Return the most bytes that a process has had in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def over(peppy: Peppy) -> bool:
    log = peppy.home / "logs" / "run" / "one.log"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 1000))
        return file.read().endswith(b"[stdout] the end\n")


@pytest.mark.parametrize("flood", [LONG_LINE, MANY_LINES], ids=["one line", "many lines"])
def test_a_flood_of_output_costs_little_memory_and_no_attention(peppy: Peppy, flood: str) -> None:
    start(peppy, flood)
    daemon, shim = pids(peppy)
    slowest = 0.0
    while not over(peppy):
        begun = time.monotonic()
        peppy("stack", "list")
        slowest = max(slowest, time.monotonic() - begun)
    assert peak(daemon) < MOST
    assert peak(shim) < MOST
    assert slowest < PROMPT
    logs = [path.stat().st_size for path in (peppy.home / "logs" / "run").iterdir()]
    assert len(logs) == 4
    assert max(logs) <= 16 * MIB
    peppy("node", "stop", "one")


@pytest.fixture
def small_disk(peppy: Peppy) -> Iterator[Path]:
    """A file system of a megabyte where the run logs lie."""
    place = peppy.home / "logs" / "run"
    place.mkdir(parents=True)
    words = ("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place))
    if shutil.which("mount") is None or subprocess.run(words, check=False).returncode:
        pytest.skip("only root can mount a small file system")
    try:
        yield place
    finally:
        peppy.try_("service", "stop")
        subprocess.run(("umount", str(place)), check=True)


def test_a_full_disk_costs_lines_of_the_log_and_nothing_else(
    peppy: Peppy, small_disk: Path
) -> None:
    sign = peppy.work / "room"
    start(
        peppy,
        f"""for n in range(40_000): print("line", n, flush=False)
    sys.stdout.flush()
    while not os.path.exists({str(sign)!r}): pass
    print("there is room", flush=True)""",
    )
    log = small_disk / "one.log"
    wait_until(lambda: small_disk_is_full(small_disk), "a full disk")
    rows = peppy.json("stack", "list")["nodes"]
    (state,) = (i["state"] for row in rows if row["stage"] != "Root" for i in row["instances"])
    assert state == "running"
    subprocess.run(("mount", "-o", "remount,size=8m", str(small_disk)), check=True)
    sign.touch()
    wait_until(lambda: "the end" in log.read_text(), "room for the last line")
    notices = [line for line in log.read_text().splitlines() if " missing here: " in line]
    assert len(notices) == 1
    assert "no space left on device" in notices[0]
    peppy("node", "stop", "one")


def small_disk_is_full(place: Path) -> bool:
    return shutil.disk_usage(place).free < 4096
