"""The README and the pages of docs/, typed as they stand, in an empty home."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from peppy.schema.daemon_config_text import fresh
from peppy.schema.events import Event, EventKind
from tests.e2e.harness import COMMAND_LIMIT, Peppy, wait_until
from tests.pages import ROOT, blocks

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def walk(page: str, peppy: Peppy) -> Iterator[str]:
    """Do what a page says, listing by listing; yield each piece of shell that has been run."""
    program = Path(sys.executable).parent
    environment = peppy.environment | {"PATH": f"{program}:{os.environ['PATH']}"}
    for block in blocks(page):
        if block.file is not None:
            (peppy.work / block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "sh":
            done = subprocess.run(
                ["sh", "-e", "-c", block.text],
                cwd=peppy.work,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=COMMAND_LIMIT * 2,
                check=False,
            )
            assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
            yield block.text


def copy_examples(peppy: Peppy) -> None:
    """Put the examples where pages that mention them expect them."""
    unbuilt = shutil.ignore_patterns(".peppy", ".venv")
    shutil.copytree(ROOT / "examples", peppy.work / "examples", ignore=unbuilt)


def test_the_readme_walks_from_nothing_to_a_running_robot_and_back(
    peppy: Peppy, tmp_path: Path
) -> None:
    peppy.environment["TMPDIR"] = str(tmp_path)
    copy_examples(peppy)
    ran = 0
    for text in walk("README.md", peppy):
        ran += 1
        for words, count in (("stack list", 2), ("stack launch", 6), ("stack down", 1)):
            if words in text:
                rows = peppy.json("stack", "list")["nodes"]
                assert [row["instances"][0]["state"] for row in rows] == ["running"] * count
    assert ran == 4


def test_the_first_node_page_ends_with_a_node_that_hears_both_instances(peppy: Peppy) -> None:
    for text in walk("docs/first_node.md", peppy):
        if "listener -i ear" in text:
            wait_until(lambda: "ada: Ada is well" in peppy.log_of("ear"), "ada's news")
            wait_until(lambda: "grace: Grace is well" in peppy.log_of("ear"), "grace's news")


def test_the_trio_page_runs_its_node_in_the_stack_and_on_its_own(peppy: Peppy) -> None:
    ran = 0
    for text in walk("docs/trio_and_standalone.md", peppy):
        ran += 1
        if "ticker_one" in text:
            wait_until(lambda: "[stdout] tick 3" in peppy.log_of("ticker_one"), "four ticks")
    assert ran == 4


def test_the_topics_page_ends_with_a_list_and_then_views(peppy: Peppy) -> None:
    ran = 0
    for text in walk("docs/topics.md", peppy):
        ran += 1
        if "cartographer" in text:
            wait_until(lambda: "100000 ranges in a list" in peppy.log_of("cartographer"), "a list")
            wait_until(lambda: "1.5 in a memoryview" in peppy.log_of("cartographer"), "views")
    assert ran == 3


def test_the_actions_page_ends_with_a_result_and_a_cancelled_goal(peppy: Peppy) -> None:
    ran = 0
    for text in walk("docs/actions.md", peppy):
        ran += 1
        if "pilot -i ada" in text:
            wait_until(lambda: "cancelled: True" in peppy.log_of("ada"), "the cancelled goal")
            lines = peppy.log_of("ada")
            assert "step 4" in lines
            assert "left_arm is at 5" in lines
            wait_until(lambda: "ada wants 100 steps" in peppy.log_of("left_arm"), "the goals")
    assert ran == 5


def test_the_events_page_shows_the_life_of_an_instance(peppy: Peppy) -> None:
    ran = list(walk("docs/events.md", peppy))
    assert len(ran) == 2
    lines = peppy("stack", "events", "--json").splitlines()
    events = [msgspec.json.decode(line, type=Event) for line in lines]
    kinds = "daemon_started", "node_added", "node_built", "started", "stopped"
    assert tuple(event.kind for event in events) == kinds
    listed = re.findall(r"^\| (`.*`) \| ", (ROOT / "docs/events.md").read_text(), re.MULTILINE)
    named = {kind for row in listed for kind in re.findall(r"`(\w+)`", row)}
    assert {kind.value for kind in EventKind} <= named


def test_the_settings_page_shows_the_file_that_a_first_start_makes(peppy: Peppy) -> None:
    (listing,) = [block for block in blocks("docs/configuration.md") if block.file is not None]
    assert listing.text == fresh()
    ran = list(walk("docs/configuration.md", peppy))
    assert len(ran) == 1
    text = (peppy.home / "conf" / "peppy_config.json5").read_text()
    assert "shutdown_grace_secs: 8, /* the arm parks slowly */" in text
    assert "daemon_grace_secs: 180," in text


def test_the_daemon_page_installs_and_renews_it_and_takes_it_down(
    peppy: Peppy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    systemctl = tmp_path / "bin" / "systemctl"
    systemctl.parent.mkdir()
    systemctl.write_text(f'#!/bin/sh\necho "$*" >> "{told}"\n')
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{systemctl.parent}:{os.environ['PATH']}")
    peppy.environment["XDG_CONFIG_HOME"] = str(tmp_path / "config")
    peppy.environment["HOME"] = str(tmp_path)
    first = peppy.json("info")["pid"]
    unit = tmp_path / "config" / "systemd" / "user" / "peppy.service"
    for text in walk("docs/daemon.md", peppy):
        if text == "peppy service restart --keep-nodes\n":
            assert peppy.json("info")["pid"] != first
        if text == "peppy service install\n":
            assert unit.exists()
    assert not unit.exists()
    assert told.read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable peppy.service",
        "--user disable peppy.service",
        "--user daemon-reload",
    ]
    assert peppy.try_("service", "status").returncode == 1


def test_the_shutdown_page_ends_with_what_its_hooks_have_printed(peppy: Peppy) -> None:
    endings = {
        "left_gripper": ["the gripper is open", "the lock is released"],
        "desk_lamp": ["at 60 %", "at 30 %", "at 0 %", "nothing shines any more"],
    }
    ran = 0
    for text in walk("docs/shutdown.md", peppy):
        ran += 1
        for instance, ending in endings.items():
            if f"node stop {instance}" in text:
                lines = peppy.log_of(instance).splitlines()
                printed = [line.partition("[stdout] ")[2] for line in lines]
                said = [line for line in printed if line and line != "no more work"]
                assert said[-len(ending) :] == ending
    assert ran == 5


def test_the_robot_page_launches_three_stacks_and_takes_them_down(
    peppy: Peppy, tmp_path: Path
) -> None:
    peppy.environment["TMPDIR"] = str(tmp_path)
    copy_examples(peppy)
    heard = {
        "robot/peppy_launcher.json5 --yes": ("the_brain", "pointing at +0.00: the arm is at"),
        "move_arm": ("the_nervous_system", "refused: [2.0, 0.0, 0.0] is out of reach"),
        "stop the_memory": ("the_memory", "frames saved to: "),
        "short_memory": ("short_memory", "Recording camera_front; kept are 1 seconds"),
        "fleet/": ("the_watcher", "camera_rear is /dev/video1: 48x32 at 5 frames/s"),
        "mock_launcher": ("the_bumper", "the_eye: stop"),
    }
    ran = 0
    for text in walk("docs/robot.md", peppy):
        ran += 1
        for words, (instance, line) in heard.items():
            if words in text:
                wait_until(lambda i=instance, said=line: said in peppy.log_of(i), line, 60)
        if text == "peppy stack down --yes\n":
            assert "parked at [0.0, 0.0, 0.0]" in peppy.log_of("the_arm")
    assert ran == 9
    assert len(peppy.json("stack", "list")["nodes"]) == 1


def test_the_variants_page_swaps_a_camera_for_its_mock(peppy: Peppy) -> None:
    ran = 0
    for text in walk("docs/variants.md", peppy):
        ran += 1
        if "stack list" in text:
            row = peppy.json("stack", "list")["nodes"][1]
            assert (row["node"]["name"], row["variant"]) == ("depth_camera", "mock")
            wait_until(lambda: "a wall at 2.0 m" in peppy.log_of("eye"), "the mock")
        if "uv run mock" in text:
            assert peppy.json("stack", "list")["nodes"][1]["variant"] == "mock"
    assert ran == 4


def test_the_launch_page_shows_two_cameras_on_one_screen(peppy: Peppy) -> None:
    ran = 0
    for text in walk("docs/launch_files.md", peppy):
        ran += 1
        if "stack list" in text:
            wait_until(lambda: "front: a frame of /dev/video0" in peppy.log_of("screen"), "front")
            wait_until(lambda: "rear: a frame of /dev/video1" in peppy.log_of("screen"), "rear")
        if "--bind" in text:
            wait_until(lambda: "rear: a frame" in peppy.log_of("rear_screen"), "the rear alone")
            assert "front: a frame" not in peppy.log_of("rear_screen")
    assert ran == 4
    assert len(peppy.json("stack", "list")["nodes"]) == 1


def test_the_lock_page_notices_a_branch_that_has_moved(peppy: Peppy) -> None:
    lock = peppy.work / "robot.lock.json5"
    ran, locked = 0, list[str]()
    for text in walk("docs/lock_files.md", peppy):
        ran += 1
        if "peppy stack lock" in text:
            locked.append(lock.read_text())
        if "--locked" in text:
            done = peppy.try_("stack", "launch", "robot.json5", "--locked", "--dry-run")
            assert "the commit of 'lamp:v1': locked is" in done.stderr
    assert ran == 4
    assert locked[0] != locked[1]


def test_the_dependencies_page_refuses_what_does_not_fit(peppy: Peppy) -> None:
    expected = {
        "not yet": ["lidar", "pilot"],  # in the order in which they were taken
        "others depend on it": ["lidar", "pilot"],
        "built against the other one": ["pilot"],
        "node remove pilot:v1": ["lidar"],
        "its bindings are old": ["lidar"],
        "node sync pilot": ["lidar", "pilot"],
    }
    ran = 0
    for text in walk("docs/dependencies.md", peppy):
        ran += 1
        if "--output stack.dot" in text:
            assert '"pilot:v1" -> "lidar:v1"' in (peppy.work / "stack.dot").read_text()
        for words, nodes in expected.items():
            if words in text:
                rows = peppy.json("stack", "list")["nodes"]
                assert [row["node"]["name"] for row in rows[1:]] == nodes
        if "others depend on it" in text:
            assert "range: f32" in peppy("topic", "info", "scan")
    assert ran == 8


PAGES = ["README.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_that_a_page_points_at_is_there(page: str) -> None:
    links = re.findall(r"\]\((?!https:)([^)#]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []
