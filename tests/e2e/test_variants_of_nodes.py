"""Variants with the real command, real uv and real processes."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.e2e.harness import COMMAND_LIMIT, Peppy, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

INTERFACES = """interfaces: { topics: { emits: [
    { name: "depth", qos_profile: "sensor_data",
      message_format: { metres: "f32", frame: "u32" } } ] } },"""
TURNED = """interfaces: { topics: { emits: [
    { message_format: { frame: "u32", metres: "f32" },
      qos_profile: "sensor_data", name: "depth" } ], consumes: [] } },"""

PROGRAM = """
import asyncio
from peppygen import NodeBuilder, NodeRunner, StandaloneConfig
from peppygen.emitted_topics import depth
from peppygen.parameters import Parameters


async def emit(params: Parameters, node_runner: NodeRunner) -> None:
    frame = 0
    while True:
        await depth.emit(node_runner, METRES, frame)
        frame += 1
        await asyncio.sleep(0.1)


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task]:
    print(f"{node_runner.node_name()} at {METRES} m", flush=True)
    return [asyncio.create_task(emit(params, node_runner))]


def main():
    alone = StandaloneConfig().with_parameters(ALONE)
    NodeBuilder().standalone(alone).run(setup)


if __name__ == "__main__":
    main()
"""

LISTENER = """
import asyncio
from peppygen import NodeBuilder, NodeRunner
from peppygen.consumed_topics import eye_depth
from peppygen.parameters import Parameters


async def listen(node_runner: NodeRunner) -> None:
    while True:
        sender, message = await eye_depth.on_next_message_received(node_runner)
        print(f"{sender}: {message.metres} m", flush=True)


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task]:
    return [asyncio.create_task(listen(node_runner))]


def main():
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
"""


def execution(name: str, parameters: str = "") -> str:
    return (
        f'execution: {{ language: "python", parameters: {{ {parameters} }},'
        f' build_cmd: ["uv", "sync"], run_cmd: ["uv", "run", "{name}"] }},'
    )


MANIFEST = 'manifest: { name: "camera", tag: "v1", variants: [VARIANTS] },'
MOCK_EXECUTION = execution("mock", 'metres: "f32"')


def document(*parts: str) -> str:
    return f'{{ peppy_schema: "node_v1", {" ".join(parts)} }}'


class Cameras:
    """A root, and variants where a test wants them."""

    def __init__(self, peppy: Peppy) -> None:
        self.peppy = peppy
        self.root = self.node("camera", peppy.work)
        program = PROGRAM.replace("METRES", "9.0").replace("ALONE", "{}")
        own = document(MANIFEST.replace("VARIANTS", ""), INTERFACES, execution("camera"))
        peppy.write_node(self.root, own, program)

    def node(self, name: str, where: Path) -> Path:
        self.peppy("node", "init", name, "--to-dir", str(where))
        return where / name

    def declare(self, *variants: str, own: str = "") -> None:
        """Write the root's document with these variants, and its own execution if it has one."""
        manifest = MANIFEST.replace("VARIANTS", ", ".join(variants))
        (self.root / "peppy.json5").write_text(document(manifest, INTERFACES, own))

    def mock(self, *, where: Path | None = None, manifest: str = "", interfaces: str = "") -> Path:
        directory = self.node("mock", where or self.root / "variants")
        program = PROGRAM.replace("METRES", "params.metres").replace("ALONE", '{"metres": 1.5}')
        text = document(manifest, interfaces, MOCK_EXECUTION)
        self.peppy.write_node(directory, text, program)
        return directory

    def add(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = self.peppy.try_("node", "add", *words)
        assert done.returncode == 0, done.stderr
        return done

    def shown(self) -> tuple[str, str]:
        """Return the variant of the one node of the stack, and where it came from."""
        _, row = self.peppy.json("stack", "list")["nodes"]
        assert (row["node"]["name"], row["node"]["tag"]) == ("camera", "v1")
        return row["variant"], row["origin"]


DECLARED = '{ name: "mock", source: { local: "./variants/mock" } }'


@pytest.fixture
def cameras(peppy: Peppy) -> Cameras:
    return Cameras(peppy)


@pytest.mark.thorough
def test_a_mock_takes_the_place_of_the_camera_and_its_listener_hears_no_difference(
    cameras: Cameras, peppy: Peppy
) -> None:
    cameras.declare(DECLARED, own=execution("camera"))
    cameras.mock(interfaces=TURNED)
    cameras.add("-sr", "camera", "-i", "eye")
    assert cameras.shown() == ("default", str(cameras.root))
    listener = cameras.node("viewer", peppy.work)
    depends = 'depends_on: { nodes: [ { name: "camera", tag: "v1", local_id: "eye" } ] }'
    consumes = 'interfaces: { topics: { consumes: [ { local_node_id: "eye", name: "depth" } ] } },'
    manifest = f'manifest: {{ name: "viewer", tag: "v1", {depends} }},'
    peppy.write_node(listener, document(manifest, consumes, execution("viewer")), LISTENER)
    cameras.add("-sr", "viewer", "-i", "viewer_one")
    wait_until(lambda: "eye: 9.0 m" in peppy.log_of("viewer_one"), "a frame of the camera")

    refused = peppy.try_("node", "add", "camera", "--variant", "mock", "-s")
    assert refused.returncode == 1
    assert "'eye'" in refused.stderr
    cameras.add("-sr", "camera", "--variant", "mock", "--stop-instances", "-i", "eye", "metres=2")
    wait_until(lambda: "eye: 2.0 m" in peppy.log_of("viewer_one"), "a frame of the mock")
    assert re.search(r"│ camera:v1 +│ Ready +│ mock +│ 1 running", peppy("stack", "list"))
    info = peppy("node", "info", "camera:v1")
    assert "Variant: mock" in info
    assert f"Origin: {cameras.root}/variants/mock" in info
    assert "Run cmd: uv run mock" in info
    missing = peppy.try_("node", "run", "camera:v1")
    assert missing.returncode == 1
    assert "metres" in missing.stderr

    peppy("service", "restart", "--keep-nodes")
    rows = {row["node"]["name"]: row for row in peppy.json("stack", "list")["nodes"]}
    assert rows["camera"]["variant"] == "mock"
    assert rows["camera"]["origin"] == str(cameras.root / "variants/mock")
    assert [each["state"] for each in rows["camera"]["instances"]] == ["running"]
    cameras.add("-s", "camera", "--stop-instances")
    rows = {row["node"]["name"]: row for row in peppy.json("stack", "list")["nodes"]}
    assert (rows["camera"]["variant"], rows["camera"]["instances"]) == ("default", [])


def test_a_root_without_execution_runs_its_default_variant(cameras: Cameras, peppy: Peppy) -> None:
    cameras.declare('{ name: "default", source: { local: "variants/mock" } }')
    directory = cameras.mock()
    synced = peppy("node", "sync", str(cameras.root))
    assert str(directory) in synced
    cameras.add("-r", "camera", "-i", "eye", "metres=4")
    assert cameras.shown() == ("default", str(directory))
    wait_until(lambda: "camera at 4.0 m" in peppy.log_of("eye"), "the default variant")


def test_another_variant_or_other_interfaces_are_refused(cameras: Cameras, peppy: Peppy) -> None:
    cameras.declare(DECLARED, own=execution("camera"))
    cameras.mock(interfaces=TURNED.replace('"f32"', '"f64"'))
    unknown = peppy.try_("node", "add", "-s", "camera", "--variant", "mok")
    assert unknown.returncode == 1
    assert "node 'camera:v1' declares no variant 'mok'" in unknown.stderr
    assert "did you mean 'mock'?" in unknown.stderr
    other = peppy.try_("node", "add", "-s", "camera", "--variant", "mock")
    assert other.returncode == 1
    assert "VariantInterfaceMismatch: variant 'mock' of 'camera:v1'" in other.stderr
    assert "field 'metres' is 'f32' in the root and 'f64' in the variant" in other.stderr
    twice = peppy.try_("node", "add", "camera", "--variant", "mock", "--variant", "zed")
    assert twice.returncode == 2
    assert "specified multiple times" in twice.stderr
    assert len(peppy.json("stack", "list")["nodes"]) == 1


def alone(directory: Path, environment: dict[str, str]) -> tuple[int, str, str]:
    """Run a variant as a plain program until it has printed a line; return how it ended."""
    process = subprocess.Popen(
        [directory / ".venv/bin/mock"],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if line:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    return process.returncode, line + out, err


def test_a_variant_on_its_own_is_its_roots_node_and_wants_its_root(
    cameras: Cameras, peppy: Peppy
) -> None:
    cameras.declare(DECLARED, own=execution("camera"))
    directory = cameras.mock()
    peppy("node", "sync", cwd=directory)
    subprocess.run(
        [find_uv_bin(), "sync", "--quiet"],
        cwd=directory,
        env=peppy.environment,
        check=True,
        timeout=COMMAND_LIMIT,
    )
    code, out, err = alone(directory, peppy.environment)
    assert (code, out, err) == (0, "camera at 1.5 m\n", "")

    cameras.declare(DECLARED + ",", own=execution("camera"))
    code, out, err = alone(directory, peppy.environment)
    assert (code, out) == (0, "camera at 1.5 m\n")
    assert f"'{cameras.root / 'peppy.json5'}' has changed" in err
    assert "run 'peppy node sync'" in err

    copied = peppy.work / "copied"
    shutil.copytree(directory, copied, symlinks=True)
    code, out, err = alone(copied, peppy.environment)
    assert (code, out) == (1, "")
    assert "its root was not found" in err
    refused = peppy.try_("node", "add", str(copied))
    assert refused.returncode == 1
    assert "its root was not found" in refused.stderr
    assert "'manifest' and 'interfaces' of its own" in refused.stderr


def test_a_whole_node_is_a_flavor_of_another_one_and_stays_itself(
    cameras: Cameras, peppy: Peppy
) -> None:
    cameras.declare('{ name: "other", source: { local: "../mock" } }', own=execution("camera"))
    manifest = 'manifest: { name: "mock", tag: "v7" },'
    directory = cameras.mock(where=peppy.work, manifest=manifest, interfaces=TURNED)
    peppy("node", "sync", str(directory))
    done = cameras.add("-r", "camera", "--variant", "other", "-i", "eye", "metres=3")
    assert "'manifest' of variant 'other' is ignored" in done.stderr
    assert cameras.shown() == ("other", str(directory))
    wait_until(lambda: "camera at 3.0 m" in peppy.log_of("eye"), "the flavor")
    cameras.add("-r", "mock", "-i", "itself", "metres=5")
    wait_until(lambda: "mock at 5.0 m" in peppy.log_of("itself"), "the node itself")


def committed(directory: Path, environment: dict[str, str]) -> None:
    """Make a git repository of a directory."""
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.com")
    for words in (("init", "-q", "-b", "main"), ("add", "."), (*who, "commit", "-q", "-m", "all")):
        subprocess.run(
            ["git", *words], cwd=directory, env=environment, check=True, timeout=COMMAND_LIMIT
        )


def test_a_root_and_its_variant_come_from_one_commit_of_a_repository(
    cameras: Cameras, peppy: Peppy
) -> None:
    cameras.declare(DECLARED, own=execution("camera"))
    mock = cameras.mock()
    repository = peppy.work / "nodes.git"
    repository.mkdir()
    for directory in (cameras.root, mock):
        shutil.rmtree(directory / ".peppy")
    cameras.root.rename(repository / "camera")
    committed(repository, dict(os.environ))
    source = f"file://{repository}/camera"
    cameras.add("-r", source, "--variant", "mock", "--ref", "main", "-i", "eye", "metres=7")
    variant, origin = cameras.shown()
    assert variant == "mock"
    assert re.search(r"nodes\.git/camera/variants/mock@[0-9a-f]{40}", origin)
    wait_until(lambda: "camera at 7.0 m" in peppy.log_of("eye"), "the mock of the repository")
    refused = peppy.try_("node", "add", "-s", source)
    assert refused.returncode == 1
    assert "leave out '--sync'" in refused.stderr
