"""The measurements of `bench_launch.py`."""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.launching import nodes
from peppy.runtime.control_client import ControlClient, socket_path
from peppy.schema.control import AddNode, BuildNode, InstanceState, ListStack, RunNode
from peppy.schema.launch import Launch
from peppy.schema.names import InstanceId, parse_node_id
from tests.e2e.harness import Peppy

Times = dict[str, list[float]]

ROW = "  {:<28}{:8.1f} s{:>12}"


@contextmanager
def daemon(place: Path) -> Generator[tuple[Peppy, ControlClient]]:
    """Have a daemon in a fresh home."""
    work = place / "work"
    work.mkdir(parents=True)
    peppy = Peppy(place / "home", work)
    try:
        peppy("stack", "list")
        yield peppy, ControlClient(socket_path(peppy.home))
    finally:
        peppy.try_("service", "stop")


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def one_by_one(peppy: Peppy, client: ControlClient, count: int) -> None:
    """Add, build and run each node before the next one."""
    for number in range(count):
        name = nodes.name_of(number)
        node = parse_node_id(f"{name}:v1")
        client.call(AddNode(source=str(peppy.work / name), sync=True))
        client.call(BuildNode(node=node, environment=peppy.environment))
        client.call(
            RunNode(node=node, instance_id=InstanceId(f"one_{name}"), environment=peppy.environment)
        )


def launch(peppy: Peppy, client: ControlClient, launcher: Path, built: int) -> None:
    """Launch all; whether so many were built says whether what is measured is what is meant."""
    wanted = Launch(launcher=str(launcher), environment=peppy.environment, clear_stack=True)
    view = client.call(wanted)
    assert len(view.built) == built, view.built


def check_running(client: ControlClient, count: int) -> None:
    rows = client.call(ListStack()).nodes[1:]
    up = [i for row in rows for i in row.instances if i.state is InstanceState.RUNNING]
    assert len(up) == count, rows


def round_of(place: Path, count: int, times: Times) -> None:
    """Measure everything once."""
    with daemon(place / "apart") as (peppy, client):
        nodes.write(peppy.work, count)
        times["one after the other"].append(seconds(lambda: one_by_one(peppy, client, count)))
        check_running(client, count)
    with daemon(place / "together") as (peppy, client):
        launcher = nodes.write(peppy.work, count)
        times["launch, cold"].append(seconds(lambda: launch(peppy, client, launcher, count)))
        check_running(client, count)
        times["launch, warm"].append(seconds(lambda: launch(peppy, client, launcher, 0)))
        check_running(client, count)
        nodes.change(peppy.work, count - 1, "# another version")
        times["launch, one node changed"].append(
            seconds(lambda: launch(peppy, client, launcher, 1))
        )
        check_running(client, count)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick: bool = parser.parse_args().quick
    count, rounds = (4, 1) if quick else (20, 3)
    names = ("one after the other", "launch, cold", "launch, warm", "launch, one node changed")
    times: Times = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="peppy-bench-") as place:
        with daemon(Path(place, "first")) as (peppy, client):
            nodes.write(peppy.work, 1)
            one_by_one(peppy, client, 1)
        for number in range(rounds):
            round_of(Path(place, str(number)), count, times)
    print(f"{count} nodes until all of them run, medians of {rounds}")
    apart = statistics.median(times[names[0]])
    for name, taken in times.items():
        median = statistics.median(taken)
        print(ROW.format(name, median, f"{apart / median:.1f} x"))
