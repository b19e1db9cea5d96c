"""The walk of the first pages, typed as a newcomer types it."""

import re
from pathlib import Path

import pytest

from tests.e2e.harness import Peppy, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

TALKER = """
import asyncio
from peppygen import NodeBuilder, NodeRunner
from peppygen.parameters import Parameters
from peppygen.emitted_topics import message_stream


async def talk(node_runner: NodeRunner, name: str):
    count = 0
    while True:
        count += 1
        text = f"hello {name} count {count}"
        print(text, flush=True)
        await message_stream.emit(node_runner, text)
        await asyncio.sleep(0.2)


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task]:
    return [asyncio.create_task(talk(node_runner, NAME))]


def main():
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
"""

TRIO_TALKER = """
import trio
from peppygen import NodeBuilder, NodeRunner
from peppygen.parameters import Parameters
from peppygen.emitted_topics import message_stream


async def talk(node_runner: NodeRunner):
    count = 0
    while True:
        count += 1
        text = f"hello trio count {count}"
        print(text, flush=True)
        await message_stream.emit(node_runner, text)
        await trio.sleep(0.2)


async def setup(params: Parameters, node_runner: NodeRunner, nursery: trio.Nursery) -> None:
    nursery.start_soon(talk, node_runner)


def main():
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
"""

LISTENER = """
import asyncio
from peppygen import NodeBuilder, NodeRunner
from peppygen.parameters import Parameters
from peppygen.consumed_topics import hello_world_param_message_stream


async def setup(_params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task]:
    return [asyncio.create_task(receive_messages(node_runner))]


async def receive_messages(node_runner: NodeRunner):
    while True:
        (
            instance_id,
            message,
        ) = await hello_world_param_message_stream.on_next_message_received(node_runner)
        print(f"Received from {instance_id}: {message.message}")


def main():
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
"""

TOPIC = """topics: { emits: [ {
    name: "message_stream", qos_profile: "sensor_data", message_format: { message: "string" },
} ] }"""


def document(name: str, interfaces: str, *, tag: str = "v1", more: str = "") -> str:
    return f"""{{
    peppy_schema: "node_v1",
    manifest: {{ name: "{name}", tag: "{tag}", {more} }},
    interfaces: {{ {interfaces} }},
    execution: {{
        language: "python",
        {'parameters: { name: "string" },' if name == "hello_world_param" else ""}
        build_cmd: ["uv", "sync"],
        run_cmd: ["uv", "run", "{name}"],
    }},
}}"""


def make_node(peppy: Peppy, name: str, text: str, source: str) -> Path:
    peppy("node", "init", "--toolchain", "uv", name)
    directory = peppy.work / name
    peppy.write_node(directory, text, source)
    return directory


def started_instance(output: str) -> str:
    found = re.search(r"Started node instance '([^']+)' \(pid: \d+\)", output)
    assert found is not None, output
    return found[1]


def test_a_newcomer_creates_builds_runs_and_removes_a_first_node(peppy: Peppy) -> None:
    talker = TALKER.replace("NAME", '"world"')
    directory = make_node(peppy, "hello_world", document("hello_world", TOPIC), talker)

    stale = peppy.try_("node", "add", ".", cwd=directory)
    assert stale.returncode == 1
    assert "fingerprint mismatch" in stale.stderr
    assert "peppy node sync" in stale.stderr

    peppy("node", "sync", cwd=directory)
    added = peppy.try_("node", "add", ".", cwd=directory)
    assert "Added node hello_world:v1 to the node stack" in added.stdout + added.stderr
    early = peppy.try_("node", "run", "hello_world:v1")
    assert early.returncode == 1
    assert "Added stage" in early.stderr
    built = peppy.try_("node", "build", "hello_world:v1")
    assert built.returncode == 0, built.stderr
    assert "hello_world_v1.tar.zst" in built.stdout + built.stderr

    ran = peppy.try_("node", "run", "hello_world:v1")
    assert ran.returncode == 0, ran.stderr
    instance = started_instance(ran.stdout + ran.stderr)
    wait_until(lambda: "[stdout] hello world count 3" in peppy.log_of(instance), "three messages")
    assert "Executing run_cmd: uv run hello_world (working_dir: " in peppy.log_of(instance)

    listing = peppy("stack", "list")
    assert re.search(r"│ hello_world:v1 +│ Ready +│ default +│ 1 running", listing)
    info = peppy("node", "info", "hello_world:v1")
    assert f"- {instance} [running]" in info
    assert "message_stream (qos: SensorData)" in info

    stopped = peppy.json("node", "stop", instance)
    assert stopped["forced"] is False
    peppy("node", "remove", "hello_world:v1")
    assert [row["stage"] for row in peppy.json("stack", "list")["nodes"]] == ["Root"]
    assert not list((peppy.home / "built_nodes").iterdir())
    assert not list((peppy.home / "instances").iterdir())


@pytest.mark.thorough
def test_two_receivers_hear_two_senders_with_different_parameters(peppy: Peppy) -> None:
    sender = make_node(
        peppy,
        "hello_world_param",
        document("hello_world_param", TOPIC),
        TALKER.replace("NAME", "params.name"),
    )
    consumes = 'topics: { consumes: [ { local_node_id: "hello_world_param",'
    consumes += ' name: "message_stream" } ] }'
    depends = 'depends_on: { nodes: [ { name: "hello_world_param", tag: "v1",'
    depends += ' local_id: "hello_world_param" } ] },'
    receiver = make_node(
        peppy, "hello_receiver", document("hello_receiver", consumes, more=depends), LISTENER
    )
    missing = peppy.try_("node", "add", "-s", ".", cwd=receiver)
    assert missing.returncode == 1
    assert (
        "`hello_receiver:v1` depends on `hello_world_param:v1`, but it does not exist in the stack"
    ) in missing.stderr

    peppy("node", "add", "-sb", ".", cwd=sender)
    first = peppy.try_("node", "add", "-sr", ".", cwd=receiver)
    second = peppy.try_("node", "run", "hello_receiver:v1", "-i", "second_receiver")
    assert second.returncode == 0, second.stderr
    receivers = [started_instance(first.stdout + first.stderr), "second_receiver"]
    for name in ("planet", "you"):
        peppy("node", "run", "hello_world_param:v1", f"name={name}", "-i", f"says_{name}")
    for instance in receivers:
        for name in ("planet", "you"):
            line = f"Received from says_{name}: hello {name} count"
            wait_until(lambda i=instance, t=line: t in peppy.log_of(i), line)
    edges = peppy.json("stack", "list")["dependencies"]
    assert len(edges) == 1
    refused = peppy.try_("node", "run", "hello_world_param:v1")
    assert refused.returncode == 1
    assert "name" in refused.stderr


def test_the_same_node_runs_on_trio(peppy: Peppy) -> None:
    directory = make_node(peppy, "hello_world", document("hello_world", TOPIC), TRIO_TALKER)
    project = directory / "pyproject.toml"
    project.write_text(
        project.read_text().replace("dependencies = [", 'dependencies = [\n    "trio",', 1)
    )
    ran = peppy.try_("node", "add", "-sr", ".", cwd=directory)
    assert ran.returncode == 0, ran.stderr
    instance = started_instance(ran.stdout + ran.stderr)
    wait_until(lambda: "[stdout] hello trio count 2" in peppy.log_of(instance), "two messages")
    assert peppy.json("node", "stop", instance)["forced"] is False
