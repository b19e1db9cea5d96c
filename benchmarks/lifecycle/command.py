"""The measurements of `bench_lifecycle.py`."""

import argparse
import contextlib
import io
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import trio

from benchmarks import bench_orphans
from peppy.runtime.control_client import ControlClient, socket_path
from peppy.schema.control import InstanceState, ListStack, RunNode, StopInstance
from peppy.schema.names import InstanceId, parse_node_id
from tests.actors.stack.seeded import explore
from tests.e2e.harness import Peppy, wait_until

NODE = parse_node_id("leaver:v1")

DOCUMENT = """{{
    peppy_schema: "node_v1",
    manifest: {{ name: "leaver", tag: "v1" }},
    interfaces: {{}},
    execution: {{ language: "python", run_cmd: ["{python}", "program.py"] }},
}}"""

PROGRAM = """
import asyncio, sys, time
sys.path.insert(0, ".peppy/libs/peppygen")
from peppygen import NodeBuilder

began = 0.0

async def work(node_runner):
    global began
    await node_runner.cancellation_token().cancelled()
    began = time.perf_counter()

async def release():
    await asyncio.sleep(0)

async def setup(params, node_runner):
    node_runner.on_shutdown(release)
    print("set up", flush=True)
    return [asyncio.create_task(work(node_runner))]

NodeBuilder().run(setup)
print("teardown", time.perf_counter() - began, flush=True)
"""


def make(peppy: Peppy) -> Path:
    """Add and build the node; return its directory."""
    node = peppy.work / "leaver"
    node.mkdir()
    (node / "peppy.json5").write_text(DOCUMENT.format(python=sys.executable))
    (node / "program.py").write_text(PROGRAM)
    peppy("node", "add", "-sb", ".", cwd=node)
    return node


def run(client: ControlClient, name: str) -> int:
    return client.call(RunNode(node=NODE, instance_id=InstanceId(name))).pid


def teardown(printed: str) -> float:
    return float(printed.rpartition("teardown ")[2].split()[0])


def stopped(peppy: Peppy, client: ControlClient, name: str) -> tuple[float, float]:
    """Return the latency of one stop, and what the node itself took of it."""
    run(client, name)
    begun = time.perf_counter()
    client.call(StopInstance(instance_id=InstanceId(name)))
    return time.perf_counter() - begun, teardown(peppy.log_of(name))


def terminated(peppy: Peppy, node: Path) -> tuple[float, float]:
    """Return the same without a daemon in between."""
    with subprocess.Popen(
        [sys.executable, "program.py"],
        cwd=node,
        env=peppy.environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "set up\n"
        begun = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        process.wait()
        return time.perf_counter() - begun, teardown(process.stdout.read())


def show_stops(peppy: Peppy, client: ControlClient, node: Path, rounds: int) -> None:
    ours: list[tuple[float, float]] = []
    floor: list[tuple[float, float]] = []
    for number in range(rounds):
        floor.append(terminated(peppy, node))
        ours.append(stopped(peppy, client, f"stopped_{number}"))
    print(f"stop, medians of {rounds}{'whole':>27}{'node itself':>14}{'beyond it':>12}")
    for name, pairs in (("node stop, request to answer", ours), ("SIGTERM and wait", floor)):
        whole, own = (statistics.median(each) * 1000 for each in zip(*pairs, strict=True))
        beyond = statistics.median(a - b for a, b in pairs) * 1000
        print(f"  {name:<32}{whole:8.0f} ms{own:11.0f} ms{beyond:9.0f} ms")


def running(client: ControlClient) -> dict[str, int | None]:
    rows = client.call(ListStack()).nodes[1:]
    up = InstanceState.RUNNING
    return {i.instance_id: i.pid for row in rows for i in row.instances if i.state is up}


def came_back(peppy: Peppy, client: ControlClient) -> float:
    """Kill the daemon; return the seconds from the next command until all is as it was."""
    before = running(client)
    pid: int = peppy.json("info")["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the daemon's end")
    begun = time.perf_counter()
    peppy("stack", "list")
    wait_until(lambda: running(client) == before, "the adoption of all")
    return time.perf_counter() - begun


def show_adoption(peppy: Peppy, client: ControlClient, count: int, rounds: int) -> None:
    empty = statistics.median(came_back(peppy, client) for _ in range(rounds))
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(run, [client] * count, [f"adopted_{n}" for n in range(count)]))
    assert len(running(client)) == count
    full = statistics.median(came_back(peppy, client) for _ in range(rounds))
    print(f"adoption after kill -9, 'peppy stack list' until all is listed as it was, of {rounds}")
    print(f"  no instance {empty:.2f} s, {count} instances {full:.2f} s")


def show_orphans(rounds: int) -> None:
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(said):
        trio.run(bench_orphans.run, rounds, Path(place))
    print(f"orphans: {said.getvalue().splitlines()[0]}")


def show_seeds(count: int) -> None:
    begun = time.perf_counter()
    with contextlib.redirect_stderr(io.StringIO()):
        steps = sum(explore(seed).steps for seed in range(count))
    seconds = time.perf_counter() - begun
    print(f"schedules: {count / seconds:.0f} seeds/s, {steps / seconds:.0f} durable steps/s")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick: bool = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="peppy-bench-") as place:
        work = Path(place, "work")
        work.mkdir()
        peppy = Peppy(Path(place, "home"), work)
        try:
            node = make(peppy)
            client = ControlClient(socket_path(peppy.home))
            show_stops(peppy, client, node, 3 if quick else 15)
            show_adoption(peppy, client, 10 if quick else 50, 1 if quick else 5)
        finally:
            peppy.try_("service", "stop")
    show_orphans(20 if quick else 100)
    show_seeds(100 if quick else 1000)
