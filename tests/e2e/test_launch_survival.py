"""Launches whose daemon is killed, ended or renewed in any phase, and nodes that do not behave."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Peppy, wait_until
from tests.e2e.held_nodes import HeldNodes, is_whole, listed, node_names, programs
from tests.e2e.test_disk_stress import MIB, SmallDisk, disk
from tests.e2e.test_launch_command import endless
from tests.e2e.test_robustness import alive, all_gone, instances, refused
from tests.e2e.test_survival import kill_daemon

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

__all__ = ["disk", "endless"]

OLD = ["attic", "hall"]
PHASES = ("fetching", "building", "stopping", "starting", "going back")


def some(*phases: str) -> list[Any]:
    """Return all phases, of which only these are not `thorough`."""
    thorough = pytest.mark.thorough
    return [p if p in phases else pytest.param(p, marks=thorough) for p in PHASES]


UNTOUCHED = ("fetching", "building")
"""Phases in which the former stack still runs."""


DEAF = """import time
    def stand_still():
        print("deaf", flush=True)
        time.sleep(1000)
    asyncio.get_running_loop().call_later(0.5, stand_still)"""
"""A setup after which a node hears nothing any more, signals neither."""


class Robot:
    """A stack of lamps that runs, and a launch of an arm in its place that stands still."""

    def __init__(self, peppy: Peppy) -> None:
        self.peppy = peppy
        self.nodes = HeldNodes(peppy)
        settings = peppy.home / "conf" / "peppy_config.json5"
        settings.parent.mkdir(parents=True)
        settings.write_text("{ lifecycle: { shutdown_grace_secs: 2 } }")
        self.daemon = peppy.start("service", "serve")
        self.pids: dict[str, int] = {}

    def start(self) -> None:
        """Have the lamps run."""
        peppy = self.peppy
        wait_until(lambda: peppy.try_("service", "status").returncode == 0, "the daemon")
        self.nodes.write("lamp")
        peppy("stack", "launch", self.nodes.launcher("old", {"lamp": OLD}))
        self.pids = self.now()

    def now(self) -> dict[str, int]:
        return {name: view["pid"] for name, view in listed(self.peppy).items()}

    def launch(self, *options: str) -> "subprocess.Popen[str]":
        file = str(self.peppy.work / "new.json5")
        return self.peppy.start("stack", "launch", file, "--yes", *options)

    def launch_arm(self, *options: str, **program: str) -> "subprocess.Popen[str]":
        self.nodes.write("arm", **program)
        self.nodes.launcher("new", {"arm": ["left", "right"]})
        return self.launch(*options)

    def stands_still(self, phase: str, endless: str) -> "subprocess.Popen[str]":
        """Begin a launch and return it once it is in the middle of this phase."""
        nodes = self.nodes
        match phase:
            case "fetching":
                source = {"url": f"{endless}/arm.tar.zst", "sha256": "0" * 64}
                text = json.dumps({"deployments": [{"source": source, "instances": [{}]}]})
                (self.peppy.work / "new.json5").write_text(text)
                launch = self.launch()
                downloads = self.peppy.home / "http_downloads"
                wait_until(lambda: downloads.exists() and list(downloads.iterdir()), "a download")
            case "building":
                nodes.hold("arm_build")
                launch = self.launch_arm()
                nodes.until_built("arm")
            case "stopping":
                nodes.hold("lamp_cleanup")
                launch = self.launch_arm()
                for name in OLD:
                    nodes.until("lamp_cleanup", name)
            case "starting":
                nodes.hold("arm_setup")
                launch = self.launch_arm()
                nodes.until("arm_setup", "left")
            case _:
                nodes.hold("lamp_setup")
                launch = self.launch_arm(then="os._exit(3)")
                for name in OLD:
                    nodes.until("lamp_setup", name, 2)
        return launch


@pytest.fixture
def robot(peppy: Peppy) -> Iterator[Robot]:
    made = Robot(peppy)
    try:
        made.start()
        yield made
    finally:
        made.nodes.let_go()
        peppy.try_("service", "stop")
        _, said = made.daemon.communicate(timeout=60)
    log = peppy.home / "logs" / "daemon.log"
    assert "Traceback" not in said + (log.read_text() if log.exists() else "")


def end(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in out + err
    return process.returncode, out, err


def same_pids(robot: Robot, phase: str) -> None:
    """The former instances never ended where nothing had been touched, and are others else."""
    now = robot.now()
    if phase in UNTOUCHED:
        assert now == robot.pids
    else:
        assert set(now.values()).isdisjoint(robot.pids.values())


@pytest.mark.parametrize("phase", PHASES)
def test_a_daemon_that_is_killed_leaves_the_former_stack_to_the_next_one(
    robot: Robot, phase: str, request: pytest.FixtureRequest
) -> None:
    launch = robot.stands_still(phase, request.getfixturevalue("endless"))
    kill_daemon(robot.peppy)
    code, _, err = end(launch)
    assert code == 1
    assert "Error: the peppy daemon went away before it answered" in err
    robot.nodes.let_go()
    is_whole(robot.peppy, ["lamp"], OLD)
    same_pids(robot, phase)
    now = robot.now()
    kill_daemon(robot.peppy)
    is_whole(robot.peppy, ["lamp"], OLD)
    assert robot.now() == now


@pytest.mark.parametrize("phase", some("fetching", "starting"))
def test_the_orderly_end_of_the_daemon_starts_nothing_again(
    robot: Robot, phase: str, request: pytest.FixtureRequest
) -> None:
    launch = robot.stands_still(phase, request.getfixturevalue("endless"))
    robot.daemon.send_signal(signal.SIGTERM)
    code, _, err = end(launch)
    assert code == 1
    assert "Error: the launch " in err
    assert robot.daemon.wait(timeout=60) == 0
    all_gone(robot.peppy)
    assert node_names(robot.peppy) == ["lamp"]
    assert listed(robot.peppy) == {}
    assert programs(robot.peppy) == []
    robot.nodes.let_go()
    robot.peppy("node", "run", "lamp:v1", "-i", "porch")
    assert list(listed(robot.peppy)) == ["porch"]


@pytest.mark.parametrize("phase", some("building", "going back"))
def test_a_daemon_that_is_renewed_goes_back_to_the_former_stack(
    robot: Robot, phase: str, request: pytest.FixtureRequest
) -> None:
    launch = robot.stands_still(phase, request.getfixturevalue("endless"))
    restart = robot.peppy.start("service", "restart", "--keep-nodes")
    assert end(launch)[0] == 1
    robot.nodes.let_go()
    assert end(restart)[0] == 0
    is_whole(robot.peppy, ["lamp"], OLD)
    same_pids(robot, phase)


def test_a_launch_that_was_acknowledged_is_what_the_next_daemon_has(robot: Robot) -> None:
    code, _, err = end(robot.launch_arm())
    assert code == 0, err
    now = robot.now()
    kill_daemon(robot.peppy)
    is_whole(robot.peppy, ["arm"], ["left", "right"])
    assert robot.now() == now


def test_a_node_that_never_gets_ready_is_given_up_and_the_former_stack_comes_back(
    robot: Robot,
) -> None:
    robot.nodes.hold("arm_setup")
    code, _, err = end(robot.launch_arm("--node-run-idle-timeout-secs", "2"))
    assert code == 1
    assert re.search("instance '(left|right)' did not start: no output received for 2 s", err)
    assert "the stack before was brought back, 2 instances of it run" in err
    is_whole(robot.peppy, ["lamp"], OLD)


def test_a_node_that_exits_at_once_is_told_with_its_last_lines_and_its_log(robot: Robot) -> None:
    code, _, err = end(robot.launch_arm(then="print('no such arm', flush=True); os._exit(3)"))
    assert code == 1
    assert "did not start: it ended with exit code 3" in err
    assert "no such arm" in err
    assert re.search(rf"{robot.peppy.home}/logs/run/(left|right)\.log", err)
    assert "the stack before was brought back, 2 instances of it run" in err
    is_whole(robot.peppy, ["lamp"], OLD)


def test_a_former_node_that_hears_nothing_is_killed_and_waited_for(robot: Robot) -> None:
    code, _, err = end(robot.launch_arm(then=DEAF))
    assert code == 0, err
    for name in ("left", "right"):
        robot.nodes.until("deaf", name)
    deaf = robot.now()
    robot.peppy("stack", "launch", str(robot.peppy.work / "old.json5"), "--yes")
    assert not any(alive(pid) for pid in deaf.values())
    is_whole(robot.peppy, ["lamp"], OLD)
    for name in deaf:
        assert "force_killed" in kinds_of(robot.peppy, name)


def test_a_build_that_prints_without_end_hinders_nothing(robot: Robot) -> None:
    flood = "yes 'all work and no play makes jack a dull boy, and so on' | head -c 104857600"
    before = memory(robot.daemon.pid)
    code, out, err = end(robot.launch_arm(build=flood))
    assert code == 0, err[-2000:]
    assert len(out) + len(err) < 1_000_000
    assert memory(robot.daemon.pid) - before < 100
    is_whole(robot.peppy, ["arm"], ["left", "right"])


def test_while_a_launch_goes_on_nobody_else_changes_the_stack(robot: Robot) -> None:
    robot.nodes.hold("arm_build")
    launch = robot.launch_arm()
    robot.nodes.until_built("arm")
    for words in (
        ("stack", "launch", str(robot.peppy.work / "old.json5"), "--yes"),
        ("stack", "down", "--yes"),
        ("stack", "restart", "--yes"),
        ("node", "run", "lamp:v1", "-i", "porch"),
        ("node", "remove", "lamp:v1", "--stop-instances"),
        ("node", "add", "lamp", "--stop-instances"),
        ("node", "build", "lamp:v1", "--force"),
    ):
        assert "the whole stack is being changed" in refused(robot.peppy.try_(*words)), words
    assert robot.now() == robot.pids
    robot.nodes.let_go()
    code, _, err = end(launch)
    assert code == 0, err
    is_whole(robot.peppy, ["arm"], ["left", "right"])


def test_an_instance_that_is_stopped_during_a_launch_stays_stopped_when_it_fails(
    robot: Robot,
) -> None:
    robot.nodes.hold("arm_build")
    launch = robot.launch_arm(then="os._exit(3)")
    robot.nodes.until_built("arm")
    robot.peppy("node", "stop", "attic")
    robot.nodes.let_go()
    assert "1 instance of it run" in end(launch)[2]
    is_whole(robot.peppy, ["lamp"], ["hall"])


def test_a_new_instance_that_is_stopped_while_it_starts_fails_the_launch(robot: Robot) -> None:
    robot.nodes.hold("arm_setup")
    launch = robot.launch_arm()
    robot.nodes.until("arm_setup", "left")
    stop = robot.peppy.start("node", "stop", "left")
    code, _, err = end(launch)
    assert code == 1
    assert "instance 'left' did not start" in err
    assert end(stop)[0] == 0
    is_whole(robot.peppy, ["lamp"], OLD)


def test_an_addition_that_meets_a_launch_is_refused_or_part_of_the_former_stack(
    robot: Robot,
) -> None:
    robot.nodes.write("bell")
    robot.nodes.hold("bell_build")
    adding = robot.peppy.start("node", "add", "-r", "bell", "-i", "door")
    robot.nodes.until_built("bell")
    robot.nodes.hold("arm_build")
    launch = robot.launch_arm(then="os._exit(3)")
    robot.nodes.until_built("arm")
    robot.nodes.let_go()
    code, _, err = end(adding)
    assert code in (0, 1), err
    assert "the stack before was brought back, 2 instances of it run" in end(launch)[2]
    is_whole(robot.peppy, ["lamp", "bell"], OLD)


@pytest.mark.parametrize(
    "spare", [10, *(pytest.param(s, marks=pytest.mark.thorough) for s in (2, 18))]
)
def test_a_disk_that_fills_up_in_a_launch_brings_the_former_stack_back(
    request: pytest.FixtureRequest, spare: int
) -> None:
    """Room for less than the build's copy, for less than the build, for one instance of two."""
    small: SmallDisk = request.getfixturevalue("disk")
    nodes = HeldNodes(small.peppy)
    nodes.write("arm", build=f"head -c {8 * MIB} /dev/zero > data.bin")
    file = nodes.launcher("new", {"arm": ["left", "right"]})
    small.leave(spare * MIB)
    before = {name for name in small.files() if not name.endswith(".sock")}
    said = refused(small.peppy.try_("stack", "launch", file, "--yes"))
    assert "no space left on device" in said.lower(), said
    touched = "the stack is as it was" not in said
    assert touched == (spare > 10), said
    if touched:
        assert "the stack before was brought back, 1 instance of it run" in said
        small.pid = instances(small.peppy)["eye"]["pid"]
    assert {name for name in small.files() if not name.endswith(".sock")} == before
    small.free()
    small.peppy("stack", "launch", file, "--yes")
    small.peppy("node", "add", "-r", "witness", "-i", "eye")
    small.pid = instances(small.peppy)["eye"]["pid"]


def kinds_of(peppy: Peppy, instance: str) -> list[str]:
    lines = peppy("stack", "events", "--json").splitlines()
    events = [json.loads(line) for line in lines]
    return [each["kind"] for each in events if each.get("instance_id") == instance]


def memory(pid: int) -> float:
    """Return how many MiB of memory a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
