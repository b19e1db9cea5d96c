"""Every example, launched as its launch file says, and judged by what its nodes say."""

import os
import re
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.example_nodes import EXAMPLES
from tests.e2e.harness import Peppy, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

LONGEST = 60.0
"""Seconds for anything that a running node does sooner or later."""


@pytest.fixture
def examples(peppy: Peppy, tmp_path: Path) -> Path:
    """Return a copy of the examples; what its nodes put among the temporary files lies near it."""
    peppy.environment["TMPDIR"] = str(tmp_path)
    directory = peppy.work / "examples"
    shutil.copytree(EXAMPLES, directory, ignore=shutil.ignore_patterns(".peppy", ".venv"))
    return directory


def printed(peppy: Peppy, instance_id: str) -> list[str]:
    """Return the lines that an instance has printed."""
    lines = peppy.log_of(instance_id).splitlines()
    return [text for line in lines if (text := line.partition("[stdout] ")[2])]


def wait_for(peppy: Peppy, instance_id: str, line: str) -> re.Match[str]:
    """Wait until an instance prints a line that matches, and return how."""

    def found() -> re.Match[str] | None:
        matches = (re.fullmatch(line, each) for each in printed(peppy, instance_id))
        return next((each for each in matches if each is not None), None)

    match: re.Match[str] = wait_until(found, f"{line!r} of {instance_id}", LONGEST)
    return match


def running(peppy: Peppy) -> dict[str, list[str]]:
    """Return the instances of each node whose instances all run, by name: they start at once."""
    return {
        row["node"]["name"]: sorted(each["instance_id"] for each in row["instances"])
        for row in rows(peppy)
        if all(each["state"] == "running" for each in row["instances"])
    }


def rows(peppy: Peppy) -> list[dict[str, Any]]:
    """Return what the stack's list says of every node but the daemon itself, which is the first."""
    listed: list[dict[str, Any]] = peppy.json("stack", "list")["nodes"]
    return listed[1:]


def take_down(peppy: Peppy) -> list[str]:
    """Take the stack down; return its instances in the order in which they were stopped."""
    stopped: list[str] = peppy.json("stack", "down", "--yes")["stopped"]
    assert running(peppy) == {}
    return stopped


@pytest.mark.thorough
def test_the_watcher_of_a_fleet_tells_its_cameras_apart(peppy: Peppy, examples: Path) -> None:
    peppy("stack", "launch", "examples/fleet/peppy_launcher.json5")
    assert running(peppy) == {
        "uvc_camera": ["camera_front", "camera_rear"],
        "watcher": ["the_watcher"],
    }
    wait_for(peppy, "the_watcher", "camera_front is /dev/video0: 96x64 at 20 frames/s")
    wait_for(peppy, "the_watcher", "camera_rear is /dev/video1: 48x32 at 5 frames/s")
    rates = wait_for(peppy, "the_watcher", r"camera_front ([\d.]+)/s, camera_rear ([\d.]+)/s")
    assert float(rates[2]) > 0
    whole = printed(peppy, "the_watcher").index(rates[0]) + 1
    wait_until(lambda: len(printed(peppy, "the_watcher")) > whole, "two whole seconds")
    front, rear = re.findall(r"([\d.]+)/s", printed(peppy, "the_watcher")[whole])
    assert 15 < float(front) < 25
    assert 3 < float(rear) < 7
    assert take_down(peppy)[0] == "the_watcher"


def variant_of(peppy: Peppy, name: str) -> str:
    """Return which variant of a node is in the stack."""
    (variant,) = (row["variant"] for row in rows(peppy) if row["node"]["name"] == name)
    return str(variant)


def test_a_mock_stands_in_for_the_camera(peppy: Peppy, examples: Path) -> None:
    peppy("stack", "launch", "examples/variants/mock_launcher.json5")
    assert variant_of(peppy, "depth_camera") == "mock"
    assert printed(peppy, "the_eye") == ["a wall at 3.0 m"]
    wait_for(peppy, "the_bumper", r"the_eye: go, [123].\d m")
    wait_for(peppy, "the_bumper", r"the_eye: stop, 1.0 m")
    assert take_down(peppy) == ["the_bumper", "the_eye"]


@pytest.mark.thorough
def test_a_launch_without_the_camera_fails_and_leaves_the_mock_at_work(
    peppy: Peppy, examples: Path
) -> None:
    peppy("stack", "launch", "examples/variants/mock_launcher.json5")
    before = running(peppy)
    launch = ("stack", "launch", "examples/variants/peppy_launcher.json5", "--yes")
    failed = peppy.try_(*launch)
    assert failed.returncode == 1
    assert "No such file or directory: '/dev/depth0'" in failed.stderr
    wait_until(lambda: running(peppy) == before, "the former stack")
    assert variant_of(peppy, "depth_camera") == "mock"


def test_frames_of_a_device_reach_the_bumper(peppy: Peppy, examples: Path) -> None:
    device = peppy.work / "depth0"
    os.mkfifo(device)
    camera = os.open(device, os.O_RDWR)
    launcher = examples / "variants" / "peppy_launcher.json5"
    arguments = f'instance_id: "the_eye", arguments: {{ device_path: "{device}" }}'
    launcher.write_text(launcher.read_text().replace('instance_id: "the_eye"', arguments))
    try:
        peppy("stack", "launch", str(launcher))
        assert variant_of(peppy, "depth_camera") == "default"
        for depth in (2.5, 0.5):
            os.write(camera, struct.pack("f", depth) * 48)
        wait_for(peppy, "the_bumper", "the_eye: go, 2.5 m")
        wait_for(peppy, "the_bumper", "the_eye: stop, 0.5 m")
    finally:
        os.close(camera)
    wait_for(peppy, "the_eye", "no more frames")
    wait_until(lambda: "depth_camera" not in running(peppy), "the end of the camera")


def test_greetings_of_both_senders_are_heard(peppy: Peppy, examples: Path) -> None:
    peppy("stack", "launch", "examples/hello/peppy_launcher.json5")
    wait_for(peppy, "everybody", "hello world count 2")
    wait_for(peppy, "ear", r"Received from to_planet: hello planet count \d")
    wait_for(peppy, "ear", r"Received from to_you: hello you count \d")
    order = take_down(peppy)
    assert order.index("ear") < min(order.index("to_planet"), order.index("to_you"))


def test_the_talker_in_trio_says_good_bye(peppy: Peppy, examples: Path) -> None:
    peppy("node", "add", "-sr", "examples/trio_talker", "-i", "talker")
    wait_for(peppy, "talker", "hello from trio count 2")
    peppy("node", "stop", "talker")
    assert printed(peppy, "talker")[-1] == "good bye"
