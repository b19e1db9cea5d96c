"""Nodes as people publish them for the documented system, taken as they are."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from uv import find_uv_bin

from tests.e2e.documented_nodes import launch_example, newer
from tests.e2e.documented_nodes.corpus import Published, publish, write
from tests.e2e.harness import Peppy, wait_until
from tests.e2e.test_archive_sources import ArchiveServer, address, serving
from tests.e2e.test_examples import printed, running, take_down, wait_for
from tests.e2e.test_robustness import refused

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

RECORDER = "fake_video_reconstruction-0.1.0.tar.zst"

SIZES = "video.resolution.width=128 video.resolution.height=72"


@pytest.fixture
def published(peppy: Peppy, tmp_path: Path) -> Published:
    peppy.environment["TMPDIR"] = str(tmp_path)
    return publish(tmp_path / "elsewhere")


@pytest.fixture
def server(published: Published) -> Iterator[ArchiveServer]:
    with serving() as server:
        server.files[f"/{RECORDER}"] = published.archive
        yield server


def test_one_launch_file_starts_nodes_from_everywhere_and_they_talk(
    peppy: Peppy, published: Published, server: ArchiveServer
) -> None:
    file = published.clone / "python" / "peppy_launcher.json5"
    text = launch_example.launcher(published.served, address(server, RECORDER), published.sha256)
    file.write_text(text)
    peppy("stack", "launch", "./python/peppy_launcher.json5", cwd=published.clone)
    assert running(peppy) == {
        "arm_controller": ["planner"],
        "brain": ["groot"],
        "fake_robot_brain": ["the_brain"],
        "fake_video_reconstruction": ["video_reconstruction_1"],
        "openarm01_controller": ["the_nervous_system"],
        "robot_arm": ["joints"],
        "uvc_camera": ["camera_front", "camera_rear"],
    }
    the_camera_is_seen_and_recorded(peppy)
    the_brain_moves_the_arm(peppy)
    both_ways(peppy)
    wait_for(peppy, "groot", "brain thinks with 6 joints")
    order = take_down(peppy)
    assert order.index("the_brain") < order.index("camera_front")
    assert order.index("planner") < order.index("joints")
    assert printed(peppy, "planner")[-1] == "controller stopped"
    assert "parked" in printed(peppy, "joints")


def the_camera_is_seen_and_recorded(peppy: Peppy) -> None:
    """Whether arguments, variables and frames came where they belong."""
    front = r"\[uvc_camera\] Video params: 16x8 @ 20 fps, encoding: mono8, device: /dev/video0"
    wait_for(peppy, "camera_front", f"{front}, exposure: low")
    wait_for(peppy, "camera_rear", r".+ 8x4 @ 10 fps, .+ device: /dev/video1, exposure: auto")
    wait_for(peppy, "the_brain", "got 16x8 frame encoded as mono8 from camera_front")
    wait_for(peppy, "the_brain", "got 8x4 frame encoded as mono8 from camera_rear")
    saved = wait_for(peppy, "video_reconstruction_1", "Video saved to: (.+)")
    counted = wait_for(peppy, "video_reconstruction_1", r"Recording (\d+) frames \(1 seconds .+")
    shape = re.search(rb"'shape': \((\d+), (\d+), (\d+)\)", Path(saved[1]).read_bytes())
    assert shape is not None
    assert [int(each) for each in shape.groups()] in ([20, 8, 16], [10, 4, 8])
    assert shape[1].decode() == counted[1]


def the_brain_moves_the_arm(peppy: Peppy) -> None:
    """Whether services and an action, carried through and given up, went as the pages say."""
    for camera in ("camera_front", "camera_rear"):
        wait_for(peppy, "the_brain", f"{camera} enabled=True error=None")
        wait_for(peppy, camera, "enable=True from the_brain")
    wait_for(peppy, "the_brain", "unreachable: service 'enable_camera' for instance .+")
    wait_for(peppy, "the_brain", "goal accepted=True")
    wait_for(peppy, "the_brain", r"new_position=\[0, 0, 0\]")
    position = r"final_position=\[10, 20, 30\] of the_nervous_system"
    wait_for(peppy, "the_brain", f"success=True error=None {position}")
    wait_for(peppy, "the_brain", "cancel accepted=True error=goal cancelled")
    wait_for(peppy, "the_nervous_system", "cancel request from the_brain")


def both_ways(peppy: Peppy) -> None:
    """Whether a linked and an external topic close a loop, and a file of the project is there."""
    wait_for(peppy, "planner", r"joints with shoulder 0.5, elbow 0.5 and b'\\x00\\x01' is at 0.3")
    wait_for(peppy, "joints", r"received 3 from planner: target=\[0.3.*, 0.0, 0.0\] max_vel=1.0")


@pytest.mark.thorough
def test_nodes_of_the_newer_generation_are_launched_whatever_the_shape_of_their_projects(
    peppy: Peppy,
) -> None:
    write(peppy.work, newer.FILES)
    peppy("stack", "launch", "hello.json5")
    for name in ("planet", "you"):
        wait_for(peppy, "ear", f"Received from {name}: hello {name} count")
    wait_for(peppy, "ear", "heard them all")

    def states() -> list[Any]:
        rows = peppy.json("stack", "list")["nodes"]
        return [each for row in rows for each in row["instances"] if each["state"] == "finished"]

    wait_until(states, "the end of the receiver")
    assert [each["instance_id"] for each in states()] == ["ear"]
    take_down(peppy)
    assert printed(peppy, "you")[-2:] == ["released", "flushed"]


@pytest.mark.thorough
def test_the_page_on_sharing_nodes_works_as_it_is_written(
    peppy: Peppy, published: Published, server: ArchiveServer
) -> None:
    hub = f"{published.served}/nodes_hub.git"
    peppy("node", "add", "--variant", "mock-python", f"{hub}/uvc_camera")
    peppy("node", "add", "--variant", "mock-python", "--ref", "main", f"{hub}/uvc_camera")
    said = refused(peppy.try_("node", "add", "--variant", "mock-rust", f"{hub}/uvc_camera"))
    assert "`uvc_camera:0.1.0` is written in 'rust'" in said
    assert "it has 'default', 'mock-rust', 'mock-python'" in said
    peppy("node", "build", "uvc_camera:0.1.0")
    peppy(
        *("node", "run", "uvc_camera:0.1.0", "-i", "camera", "device_path=/dev/video0"),
        *('video.camera_encoding="mjpeg"', 'video.topic_encoding="rgb8"', "video.frame_rate=25"),
        *SIZES.split(),
    )
    wait_for(peppy, "camera", r".+ Video params: 128x72 @ 25 fps, encoding: .?rgb8.?, .+")
    recorder = f"{published.served}/example_nodes.git/python/fake_video_reconstruction"
    peppy("node", "add", "-b", recorder)
    peppy(
        *("node", "run", "fake_video_reconstruction:0.1.0", "-i", "recorder"),
        "video_duration_seconds=1",
    )
    wait_for(peppy, "recorder", "Recorded 25/25 frames of camera")
    peppy("node", "add", address(server, RECORDER), "--force", "--stop-instances")
    assert "recorder" not in running(peppy).get("fake_video_reconstruction", [])


def test_a_variant_runs_alone_in_its_own_directory_with_its_parameters_from_a_file(
    peppy: Peppy, published: Published
) -> None:
    del published
    clone = peppy.work / "nodes_hub"
    shutil.copytree(peppy.work.parent / "elsewhere" / "hosted" / "nodes_hub", clone)
    variant = clone / "uvc_camera" / "variants" / "mock-python"
    peppy("node", "sync", cwd=variant)
    environment = {k: v for k, v in peppy.environment.items() if k != "PEPPY_RUNTIME_CONFIG"}
    uv = find_uv_bin()
    subprocess.run([uv, "sync", "--quiet"], cwd=variant, env=environment, check=True, timeout=120)
    process = subprocess.Popen(
        [uv, "run", "--no-sync", "python", "-m", "mock_uvc_camera"],
        cwd=variant,
        env=environment | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(3)]
    finally:
        os.killpg(process.pid, 15)
        process.communicate(timeout=30)
    assert said[0].startswith("[uvc_camera] Video params: 8x4 @ 10 fps, encoding: mono8")
    assert said[1:] == ["[uvc_camera] Starting video loop...\n", "[uvc_camera] Emitted frame 20\n"]


def launch_file(peppy: Peppy, *deployments: dict[str, Any]) -> str:
    """Write a launch file of the older generation, and return its name."""
    instances: list[dict[str, Any]] = [{}]
    listed = [{"source": each, "instances": instances} for each in deployments]
    (peppy.work / "peppy_launcher.json5").write_text(json.dumps({"deployments": listed}))
    return "peppy_launcher.json5"


OLD = """\
{{
  schema_version: 1,
  manifest: {{ name: "{name}", tag: "0.1.0"{manifest} }},
  {execution}
}}
"""

PYTHON = 'execution: { language: "python", build_cmd: ["uv", "sync"], run_cmd: ["uv", "run", "x"] }'

PROJECT = """\
[project]
name = "x"
version = "0.1.0"
requires-python = "{bound}"
dependencies = ["peppygen"{packages}]

[tool.uv.sources]
peppygen = {{ path = ".peppy/libs/peppygen" }}
{sources}
"""


def node(peppy: Peppy, name: str, manifest: str = "", execution: str = PYTHON) -> dict[str, Any]:
    """Write a node, and return its source."""
    text = OLD.format(name=name, manifest=manifest, execution=execution)
    write(peppy.work / name, {"peppy.json5": text})
    return {"local": f"./{name}"}


def test_what_cannot_be_launched_here_is_said_all_at_once(
    peppy: Peppy, published: Published, server: ArchiveServer
) -> None:
    hub = {"repo": f"{published.served}/nodes_hub.git", "path": "uvc_camera"}
    archive = address(server, RECORDER)
    closed = {"repo": "http://127.0.0.1:9/nodes_hub.git", "path": "uvc_camera", "ref": "main"}
    process = 'process: { add_cmd: ["uv", "sync"], start_cmd: ["uv", "run", "old"] }'
    expected: list[tuple[dict[str, Any], str]] = [
        (node(peppy, "old", ', language: "python"', process), "write 'language' into 'execution'"),
        (node(peppy, "v06", "", "runtime: {}"), "'runtime' is from an older generation"),
        ({"url": archive, "sha256": "0" * 64}, f"expected {'0' * 64}, computed {published.sha256}"),
        ({**hub, "ref": "v0.2.0"}, "no branch, tag or commit 'v0.2.0'; did you mean 'v0.1.0'?"),
        ({**hub, "path": "python/uvc_camera", "ref": "main"}, "did you mean 'uvc_camera'?"),
        (
            {**hub, "ref": "main", "variant": {"name": "mock_python"}},
            "declares no variant 'mock_python'; did you mean 'mock-python'?",
        ),
        (closed, "cannot reach 'http://127.0.0.1:9/nodes_hub.git'"),
    ]
    file = launch_file(peppy, *(source for source, _ in expected))
    said = refused(peppy.try_("stack", "launch", file, "--yes"))
    for number, (source, words) in enumerate(expected):
        assert any(f"deployments[{number}]" in x and words in x for x in said.splitlines()), source
    assert running(peppy) == {}


def test_nodes_that_do_not_fit_or_run_here_are_said_all_at_once(
    peppy: Peppy, published: Published, server: ArchiveServer
) -> None:
    boxed = 'execution: { language: "python", container: { def_file: "apptainer.def" } }'
    newer = {"local": "./uvc_camera"}
    node(peppy, "uvc_camera")
    document = peppy.work / "uvc_camera" / "peppy.json5"
    document.write_text(document.read_text().replace("0.1.0", "0.1.1"))
    hub = {"repo": f"{published.served}/nodes_hub.git", "ref": "main"}
    expected: list[tuple[dict[str, Any], str]] = [
        ({**hub, "path": "openarm01_controller"}, "written in 'rust'"),
        (node(peppy, "boxed", "", boxed), "runs in a container"),
        (newer, ""),
        (
            {"url": address(server, RECORDER), "sha256": published.sha256},
            "depends on `uvc_camera:0.1.0`, but it does not exist in the stack;"
            " did you mean 'uvc_camera:0.1.1'?",
        ),
    ]
    file = launch_file(peppy, *(source for source, _ in expected))
    said = refused(peppy.try_("stack", "launch", file, "--yes"))
    for number, (source, words) in enumerate(expected):
        assert words in said, (number, source)
    assert "1 parameter is missing: 'video_duration_seconds'" in said


@pytest.mark.parametrize(
    ("bound", "packages", "sources", "words"),
    [
        (">=3.99", "", "", "no Python of this machine suits the node's 'requires-python' or"),
        (">=3.10", "", "", "bindings need 3.11 or newer"),
        (">=3.11", ', "shared"', 'shared = { path = "../shared" }', "as in '../shared'"),
    ],
)
def test_a_build_that_fails_for_its_surroundings_says_what_to_do(
    peppy: Peppy, bound: str, packages: str, sources: str, words: str
) -> None:
    source = node(peppy, "arm")
    project = PROJECT.format(bound=bound, packages=packages, sources=sources)
    write(peppy.work / "arm", {"pyproject.toml": project})
    said = refused(peppy.try_("stack", "launch", launch_file(peppy, source), "--yes"))
    assert words in said, said
    assert "log file: " in said
