"""Everything is seen: counters, mismatches and delays of nodes that run, told by the daemon."""

import os
import re
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from peppy.runtime.transport.shared_memory import SMALLEST_POOL, YOUNG
from tests.e2e.harness import Peppy, wait_until
from tests.e2e.test_first_node import document, make_node

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

TALKER = """
import asyncio

from peppygen import NodeBuilder, NodeRunner
from peppygen.emitted_topics import frames, readings, status
from peppygen.parameters import Parameters


async def talk(node_runner: NodeRunner) -> None:
    count = 0
    while True:
        count += 1
        await readings.emit(node_runner, count / 2)
        await status.emit(node_runner, count)
        await frames.emit(node_runner, bytes(3_000_000))
        await asyncio.sleep(0.05)


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(talk(node_runner))]


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
"""

LISTENER = """
import asyncio

from peppygen import NodeBuilder, NodeRunner
from peppygen.consumed_topics import status, talker_frames, talker_readings
from peppygen.parameters import Parameters


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    topics = (status, talker_frames, talker_readings)
    return [asyncio.create_task(listen(topic, node_runner)) for topic in topics]


async def listen(topic, node_runner: NodeRunner) -> None:
    while True:
        await topic.on_next_message_received(node_runner)


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
"""

EMITS = """topics: { emits: [
    { name: "readings", qos_profile: "reliable", message_format: { value: "f64" } },
    { name: "status", qos_profile: "standard", message_format: { level: "u32" } },
    { name: "frames", qos_profile: "sensor_data", message_format: {
        data: { $type: "array", $items: "u8" } } },
] }"""

CONSUMES = """topics: { consumes: [
    { local_node_id: "talker", name: "readings" },
    { local_node_id: "talker", name: "frames" },
    { name: "status", message_format: { level: "string" } },
] }"""

NEEDS = 'depends_on: { nodes: [{ name: "talker", tag: "v1", local_id: "talker" }] }'

MISMATCH = "FormatMismatch: topic 'status': 'speaks' sends another message format: "


def shared_by(peppy: Peppy, node: str = "") -> dict[int, set[Path]]:
    """Return the files of shared memory that processes have mapped: a node's, or the daemon's."""
    found: dict[int, set[Path]] = {}
    for pid in peppy.processes():
        process = Path("/proc", str(pid))
        name = re.search(rb"PEPPY_NODE_NAME=(\w*)", (process / "environ").read_bytes())
        if node == ("" if name is None else name[1].decode()):
            paths = {line.split()[-1] for line in (process / "maps").read_text().splitlines()}
            files = {Path(path) for path in paths if path.endswith(".zenoh")}
            if files:
                found[pid] = files
    return found


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peppy]:
    """A daemon with a running `talker:v1` ('speaks') and a `listener:v1` ('hears')."""
    base = tmp_path_factory.mktemp("seen")
    (base / "work").mkdir()
    peppy = Peppy(base / "home", base / "work")
    nodes = (
        ("talker", document("talker", EMITS), TALKER, "speaks"),
        ("listener", document("listener", CONSUMES, more=NEEDS), LISTENER, "hears"),
    )
    try:
        for name, text, source, instance in nodes:
            directory = make_node(peppy, name, text, source)
            peppy("node", "add", "-sr", ".", "-i", instance, cwd=directory)
        yield peppy
    finally:
        peppy.try_("service", "stop")
        wait_until(lambda: not peppy.processes(), "the end of everything in this home", 30)


def instance_of(peppy: Peppy, node: str) -> Any:
    """Return the only instance of a node, as `stack list` tells of it."""
    rows = peppy.json("stack", "list")["nodes"]
    (row,) = (row for row in rows if row["node"]["name"] == node)
    return row["instances"][0]


def counted(peppy: Peppy, node: str) -> dict[tuple[str, str], Any]:
    traffic = instance_of(peppy, node)["traffic"]
    return {(end["kind"], end["name"]): end for end in traffic["ends"]}


def test_a_mismatch_of_formats_is_named_wherever_one_would_look(robot: Peppy) -> None:
    wait_until(lambda: instance_of(robot, "listener")["warnings"], "a warning")
    (warning,) = instance_of(robot, "listener")["warnings"]
    assert warning.startswith(MISMATCH)
    assert "'level'" in warning
    assert f"[stderr] error: {warning}" in robot.log_of("hears")
    assert f"- hears: {warning}" in robot("node", "info", "listener:v1")
    assert "1 warning: see 'peppy node info listener:v1'" in robot("stack", "list")
    log = (robot.home / "stack_log.log").read_text().splitlines()
    (line,) = (each for each in log if "[warning]" in each)
    assert re.fullmatch(r"\[[-0-9T:.]+\] \[warning\] hears: FormatMismatch: .*", line)


def test_what_goes_through_a_node_is_counted_at_both_ends(robot: Peppy) -> None:
    sent = counted(robot, "talker")["publisher", "readings"]
    wait_until(
        lambda: counted(robot, "listener")["subscriber", "readings"]["messages"] > sent["messages"],
        "what was sent meanwhile",
    )
    ends = counted(robot, "listener")
    (peer,) = ends["subscriber", "readings"]["peers"]
    assert (peer["instance_id"], peer["unreadable"], peer["mismatched"]) == ("speaks", 0, 0)
    assert ends["subscriber", "frames"]["bytes"] > 3_000_000
    (stranger,) = ends["subscriber", "status"]["peers"]
    assert (ends["subscriber", "status"]["messages"], stranger["messages"]) == (0, 0)
    assert stranger["mismatched"] > 0
    shown = robot("node", "info", "listener:v1")
    assert re.search(r"│ subscriber │ readings +│ [1-9][0-9]* ", shown)
    assert re.search(r"- subscriber status, from 'speaks': [1-9][0-9]* mismatched", shown)


def test_the_benchmark_measures_edges_and_topics_and_compares_with_the_last_run(
    robot: Peppy,
) -> None:
    first = robot.json("stack", "benchmark", "--samples", "50", "--warmup", "5")
    (edge,) = first["edges"]
    assert (edge["consumer"], edge["producer"], edge["failure"]) == ("hears", "speaks", None)
    probe = edge["probe"]
    assert (probe["samples"], probe["p50_change"]) == (50, None)
    assert 0 < probe["p50"] <= probe["p90"] < 1_000_000
    late = {topic["topic"]: topic["delivery"] for topic in first["topics"]}
    assert set(late) == {"frames", "readings"}
    assert 0 < late["readings"]["p50"] <= late["readings"]["p90"] < 1_000_000
    shown = robot("stack", "benchmark", "--samples", "20")
    assert re.search(
        r"│ listener:v1 hears │ talker:v1 speaks │ 20 +│ [0-9.]+ us \([-+][0-9.]+ %\)", shown
    )


def kill(robot: Peppy, node: str, processes: Iterable[int]) -> None:
    for pid in processes:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: instance_of(robot, node)["state"] == "failed", f"{node}'s end")


def test_nodes_that_are_killed_leave_nothing_in_shared_memory(robot: Peppy) -> None:
    def shares_a_pool(listener: set[Path]) -> bool:
        return any(file.stat().st_size >= SMALLEST_POOL for file in listener)

    wait_until(lambda: any(map(shares_a_pool, shared_by(robot, "listener").values())), "a pool")
    talkers = shared_by(robot, "talker")
    listeners = shared_by(robot, "listener")
    files = set[Path]().union(*talkers.values(), *listeners.values())
    pools = {file for file in files if file.stat().st_size >= SMALLEST_POOL}
    youngest = max(file.stat().st_ctime for file in files)
    wait_until(lambda: time.time() - youngest > YOUNG, "files that a sweep may take")
    kill(robot, "talker", talkers)
    wait_until(lambda: not any(pool.exists() for pool in pools), "the end of a pool in use")
    assert instance_of(robot, "listener")["state"] == "running"
    kill(robot, "listener", listeners)

    def clean() -> bool:
        of_the_daemon = set[Path]().union(*shared_by(robot).values())
        return not any(file.exists() for file in files - of_the_daemon)

    wait_until(clean, "a clean shared memory")
