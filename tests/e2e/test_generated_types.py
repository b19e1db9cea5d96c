"""Whole projects of bindings under the strictest type checkers."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from peppy.codegen.bindings import generate
from peppy.codegen.templates import node_template
from tests.codegen.codegen_documents import BRAIN, CAMERA, RELAY, document, samples, stack, written

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

RELAYED = """
from typing import assert_type

from peppygen.consumed_actions import brain_move_arm as arm
from peppygen.emitted_topics import seen
from peppygen.exposed_actions import wave
from peppygen.exposed_services import count
from peppygen.parameters import Parameters
from peppygen.testing import Boot, Node


def setup(params: Parameters, runner: object) -> None: ...


async def uses(boot: Boot) -> None:
    node = boot(setup, Parameters(rate=1.0), instance_id="it", supervised=True)
    node.consumed_services.eye_zoom.answer_with(None)
    async with node as started:
        assert_type(started, Node)
        assert_type(await node.emitted_topics.seen.next(), seen.Message)
        answer = await node.exposed_services.count.call(count.RequestData(since=0.0))
        assert_type(answer, count.Response)
        goal = await node.consumed_actions.brain_move_arm.next_goal()
        assert_type(goal.data, arm.GoalRequest)
        await goal.accept(arm.GoalResponseData(accepted=True))
        await goal.succeed(arm.ResultResponseData(True, None, [1, 2, 3]))
        waved = await node.exposed_actions.wave.fire()
        assert_type(await waved.next_feedback(), wave.Feedback)
        await node.consumed_topics.eye_video_stream.publish(1)  # refused
        await node.exposed_services.count.call()  # refused
        boot(setup, nothing=True)  # refused
"""

MYPY = ("--strict", "--cache-dir")


def found(directory: Path, tool: str, *options: str) -> str:
    """Return what a type checker finds below a directory; nothing if it is content."""
    command = [sys.executable, "-m", tool, *options]
    done = subprocess.run(command, cwd=directory, check=False, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a directory in which mypy keeps what all projects have in common."""
    return str(tmp_path_factory.mktemp("mypy_cache"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    settings = '{ "typeCheckingMode": "strict", "include": ["peppygen", "peppylib"] }'
    return written(tmp_path, {"pyrightconfig.json": settings})


def test_bindings_pass_the_strict_type_checkers(tmp_path: Path, cache: str) -> None:
    nodes = {f"node_{number}": node for number, node in enumerate(samples())}
    for name, node in nodes.items():
        texts = generate(node, stack(CAMERA, BRAIN))
        written(tmp_path / name, {p: text for p, text in texts.items() if p.startswith("pep")})
    settings = {
        "typeCheckingMode": "strict",
        "include": [f"{name}/{package}" for name in nodes for package in ("peppygen", "peppylib")],
        "executionEnvironments": [{"root": name} for name in nodes],
    }
    written(tmp_path, {"pyrightconfig.json": json.dumps(settings)})
    assert found(tmp_path, "pyright", "--pythonpath", sys.executable) == ""
    for name in nodes:
        packages = ("-p", "peppygen", "-p", "peppylib")
        assert found(tmp_path / name, "mypy", *MYPY, cache, *packages) == ""


def test_a_fresh_node_passes_the_strict_type_checkers(project: Path, cache: str) -> None:
    template = node_template("my-node", "uv", container=False)
    sources = {p: text for p, text in template.items() if p.endswith(".py")}
    names = [p.removeprefix("src/") for p in sources]
    written(project, dict(zip(names, sources.values(), strict=True)))
    texts = generate(samples()[0], {})
    written(project, {p: text for p, text in texts.items() if p.startswith("pep")})
    assert "tests/test_my_node.py" in names
    assert found(project, "pyright", "--pythonpath", sys.executable, *names) == ""
    assert found(project, "mypy", *MYPY, cache, *names) == ""


def test_a_test_of_a_node_is_typed_by_the_nodes_interfaces(project: Path) -> None:
    texts = generate(document(RELAY), stack(CAMERA, BRAIN))
    written(project, {p: text for p, text in texts.items() if p.startswith("pep")})
    written(project, {"relayed.py": RELAYED})
    complaints = found(project, "pyright", "--pythonpath", sys.executable, "relayed.py")
    places = {int(place) for place in re.findall(r"relayed\.py:(\d+):.* error: ", complaints)}
    wrong = {n for n, line in enumerate(RELAYED.splitlines(), 1) if line.endswith("# refused")}
    assert places == wrong, complaints
