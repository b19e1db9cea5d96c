"""The package `peppygen.testing`: a mock or a probe for each interface, under its module's name."""

import ast
import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from peppy.codegen.bindings import generate
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name
from peppy.schema.node import NodeDocument
from peppy.testing.peers import Peers
from peppy.testing.virtual_time import run_virtually
from tests.codegen.codegen_documents import (
    BRAIN,
    CAMERA,
    HELLO,
    RELAY,
    document,
    hostile,
    samples,
    stack,
    viewer,
    written,
)
from tests.codegen.conftest import Importing

MOVED = [1, 2, 3]

BARE = """{
  peppy_schema: "node_v1",
  manifest: { name: "bare", tag: "v1" },
  execution: { language: "python", run_cmd: ["bare"] },
}"""

NAMED = """{
  peppy_schema: "node_v1",
  manifest: { name: "named", tag: "v1" },
  interfaces: {
    topics: { emits: [%s] },
    services: { exposes: [%s] },
    actions: { exposes: [%s] },
  },
  execution: { language: "python", run_cmd: ["named"] },
}"""

NAMES = (
    "self",
    "_self",
    "peers",
    "__secret",
    "class",
    "a10",
    "a2",
    "topic_probe",
    "mapping",
    "any",
)


def named() -> NodeDocument:
    """Return a node with interfaces of every kind under each name that could be in the way."""
    topics = ", ".join(f'{{ name: "{name}", message_format: {{}} }}' for name in NAMES)
    others = ", ".join(f'{{ name: "{name}" }}' for name in NAMES)
    return document(NAMED % (topics, others, others))


def of_testing(texts: dict[str, str]) -> dict[str, str]:
    return {p: text for p, text in texts.items() if p.startswith("peppygen/testing/")}


def attributes(text: str) -> list[str]:
    """Return what the only class of a module assigns to itself."""
    return [
        node.attr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    ]


@pytest.mark.parametrize("node", [*samples(), named()], ids=lambda node: node.manifest.name)
def test_each_module_of_an_interface_has_its_counterpart(node: NodeDocument) -> None:
    texts = generate(node, stack(CAMERA, BRAIN))
    for package in ("emitted_topics", "consumed_topics", "exposed_services", "consumed_services"):
        there = [p for p in texts if p.startswith(f"peppygen/{package}/")]
        modules = {Path(path).stem for path in there} - {"__init__"}
        found = attributes(texts.get(f"peppygen/testing/{package}.py", ""))
        assert len(found) == len(modules)
        plain = {each for each in modules if not each.startswith("__")}
        assert plain <= set(found)
        assert (f"self.{package} = " in texts["peppygen/testing/__init__.py"]) is bool(modules)


def test_a_node_without_interfaces_is_booted_all_the_same() -> None:
    assert list(of_testing(generate(document(BARE), {}))) == ["peppygen/testing/__init__.py"]


def test_a_message_without_a_format_is_none() -> None:
    camera = generate(document(CAMERA), {})
    assert "ServiceProbe[None, None](" in camera["peppygen/testing/exposed_services.py"]
    brain = generate(document(BRAIN), {})["peppygen/testing/exposed_actions.py"]
    (calibrate,) = (part for part in brain.split("self.") if part.startswith("calibrate"))
    assert "None, calibrate.GoalResponse, None, None" in " ".join(calibrate.split()).replace(
        "[ ", "["
    )


@pytest.mark.parametrize(
    "node", [named(), hostile(), document(viewer())], ids=lambda n: n.manifest.name
)
def test_the_formatter_and_the_linter_leave_every_name_alone(
    node: NodeDocument, tmp_path: Path
) -> None:
    texts = generate(node, stack(CAMERA, BRAIN))
    kept = {path: text for path, text in texts.items() if path.startswith("peppygen/")}
    project = written(tmp_path, kept)
    for command in (
        ("format", "--diff"),
        ("format", "--diff", "--line-length", "100"),
        ("check", "--select", "E,F,I,UP", "--ignore", "E501", "peppygen/testing"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache"],
            cwd=project,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_running_node_imports_nothing_of_its_tests(tmp_path: Path) -> None:
    texts = generate(document(HELLO), {})
    project = written(tmp_path, {p: text for p, text in texts.items() if p.startswith("pep")})
    code = (
        "import sys, peppygen, peppylib, peppygen.emitted_topics.greetings\n"
        "assert peppygen.__file__.startswith(sys.argv[1])\n"
        "sys.exit(any(m.startswith(('peppygen.testing', 'peppy.testing', 'pytest', 'trio'))"
        " for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(project)], cwd=project, check=False)
    assert done.returncode == 0


def test_a_node_has_the_testing_of_nodes_and_not_that_of_stacks() -> None:
    texts = generate(document(HELLO), {})
    assert "peppy/testing/trace.py" in texts
    assert not [path for path in texts if path.startswith("peppy/testing/stack")]


def test_a_node_does_all_that_its_document_says_with_a_test_at_the_other_ends(
    peppygen: Importing,
) -> None:
    testing: Any = peppygen(document(RELAY), "peppygen.testing")
    parameters: Any = sys.modules["peppygen.parameters"]
    eye: Any = sys.modules["peppygen.consumed_topics.eye_video_stream"]
    zoom: Any = sys.modules["peppygen.consumed_services.eye_zoom"]
    arm: Any = sys.modules["peppygen.consumed_actions.brain_move_arm"]
    seen: Any = sys.modules["peppygen.emitted_topics.seen"]
    count: Any = sys.modules["peppygen.exposed_services.count"]
    wave: Any = sys.modules["peppygen.exposed_actions.wave"]

    async def relay(runner: Any) -> None:
        await zoom.poll(runner, 1.0)
        await eye.on_next_message_received(runner)
        request = arm.GoalRequest(7, MOVED, arm.GoalRequestGrip(0.5))
        result = await (await arm.fire_goal(runner, request, 1.0)).get_result(1.0)
        await seen.emit(runner, result.data.final_position[0])

    def counted(asked: Any) -> Any:
        return count.Response(int(asked.data.since))

    def agree(_: Any) -> None:
        pass

    async def serve(runner: Any) -> None:
        await count.handle_requests(runner, counted)

    async def waves(runner: Any) -> None:
        handle = await wave.ActionHandle.expose(runner)
        await handle.handle_goal_next_request(agree)
        await handle.emit_feedback(0.5)
        await handle.handle_result_next_request(agree)

    async def setup(params: Any, runner: Any) -> list[asyncio.Task[None]]:
        assert params.rate == 2.0
        return [asyncio.create_task(work(runner)) for work in (relay, serve, waves)]

    async def main() -> None:
        node = testing.Boot()(setup, parameters.Parameters(rate=2.0))
        node.consumed_services.eye_zoom.answer_with(None)
        async with node:
            await node.consumed_topics.eye_video_stream.publish(
                eye.Message(eye.MessageHeader(1.0, "left"), None, [], [2, 3])
            )
            goal = await node.consumed_actions.brain_move_arm.next_goal()
            assert goal.data.desired_position == MOVED
            await goal.accept()
            await goal.succeed(arm.ResultResponseData(True, None, [9, 9, 9]))
            assert await node.emitted_topics.seen.next() == seen.Message(9)
            answer = await node.exposed_services.count.call(count.RequestData(3.0), timeout=1.0)
            assert answer == count.Response(3)
            waved = await node.exposed_actions.wave.fire()
            assert await waved.next_feedback() == wave.Feedback(0.5)
            await waved.result()

    run_virtually("asyncio", main)


@pytest.mark.parametrize("node", [named(), hostile()], ids=lambda node: node.manifest.name)
def test_every_name_has_its_own_interface(node: NodeDocument, peppygen: Importing) -> None:
    emitted: Any = peppygen(node, "peppygen.testing.emitted_topics")
    address = Address(Name("core"), Name("node"), InstanceId("it"))
    counterparts: object = emitted.EmittedTopics(Peers(address, {}))
    texts = [f"<TopicProbe of '{topic.name}'>" for topic in node.interfaces.emits]
    assert [repr(probe) for probe in vars(counterparts).values()] == texts
