"""Nodes that need one another, with the real command: refusals, warnings, and what runs anyway."""

import json
import subprocess
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.e2e.harness import Peppy, wait_until
from tests.e2e.test_first_node import document, make_node
from tests.schema.graph_languages import read_dot

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

TALKER = """
import asyncio

from peppygen import NodeBuilder, NodeRunner
from peppygen.emitted_topics import status
from peppygen.parameters import Parameters


async def talk(node_runner: NodeRunner) -> None:
    while True:
        await status.emit(node_runner, 7)
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
from peppygen.consumed_topics import talker_status
from peppygen.parameters import Parameters


async def listen(node_runner: NodeRunner) -> None:
    while True:
        heard = await talker_status.on_next_message_received(node_runner)
        print(f"heard {heard}", flush=True)


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(listen(node_runner))]


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
"""

WHOLE = 'topics: { emits: [{ name: "status", message_format: { level: "u32" } }] }'
BROKEN = 'topics: { emits: [{ name: "status", message_format: { level: "f32" } }] }'
CONSUMES = 'topics: { consumes: [{ local_node_id: "talker", name: "status" }] }'
NEEDS = 'depends_on: { nodes: [{ name: "talker", tag: "v1", local_id: "talker" }] }'

DIFFERENCE = "topic 'status': field 'level' is 'u32'"


def refused(peppy: Peppy, *words: str, cwd: Path | None = None) -> str:
    """Run a command that has to fail; return what it says."""
    done = peppy.try_(*words, cwd=cwd)
    assert done.returncode == 1, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stderr


def test_a_program_built_against_other_interfaces_is_refused_and_seen_where_it_runs(
    peppy: Peppy,
) -> None:
    talker = make_node(peppy, "talker", document("talker", WHOLE), TALKER)
    peppy("node", "add", "-s", ".", cwd=talker)
    listener = make_node(peppy, "listener", document("listener", CONSUMES, more=NEEDS), LISTENER)
    peppy("node", "sync", ".", cwd=listener)
    subprocess.run([find_uv_bin(), "sync", "-q"], cwd=listener, env=peppy.environment, check=True)

    (talker / "peppy.json5").write_text(document("talker", BROKEN))
    peppy("node", "add", "-sr", ".", "-i", "speaks", cwd=talker)
    said = refused(peppy, "node", "add", ".", cwd=listener)
    assert f"'talker:v1': {DIFFERENCE} in the bindings and 'f32' in the stack" in said
    assert "run 'peppy node sync', or add with '--sync'" in said

    # What nobody can refuse: the program that was built before, run by hand.
    with subprocess.Popen(
        [find_uv_bin(), "run", "--no-sync", "listener"],
        cwd=listener,
        env=peppy.environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stderr is not None
        try:
            lines = iter(program.stderr.readline, "")
            line = next(each for each in lines if "FormatMismatch" in each)
        finally:
            program.terminate()
            out, _ = program.communicate(timeout=30)
    assert "topic 'status': 'speaks' sends another message format" in line
    assert "field 'level' is 'u32' here and 'f32' there" in line
    assert "heard" not in out

    peppy("node", "add", "-sr", ".", "-i", "hears", cwd=listener)
    wait_until(lambda: "heard" in peppy.log_of("hears"), "a message of the new format")


def test_a_stack_holds_what_fits_and_says_what_it_lacks(peppy: Peppy) -> None:
    talker = make_node(peppy, "talker", document("talker", WHOLE), TALKER)
    listener = make_node(peppy, "listener", document("listener", CONSUMES, more=NEEDS), LISTENER)
    said = refused(peppy, "node", "add", "-s", ".", cwd=listener)
    assert "`listener:v1` depends on `talker:v1`, but it does not exist in the stack" in said
    peppy("node", "add", "-sb", ".", cwd=talker)
    peppy("node", "add", "-sb", ".", cwd=listener)
    peppy("node", "add", "-s", ".", cwd=talker)

    (talker / "peppy.json5").write_text(document("talker", BROKEN))
    said = refused(peppy, "node", "add", "-s", ".", cwd=talker)
    assert "other nodes depend on it: 'listener:v1'" in said
    assert f"{DIFFERENCE} in the stack and 'f32' in the new document" in said

    done = peppy.try_("node", "remove", "talker:v1")
    assert done.returncode == 0
    assert "Warning: `listener:v1` depends on `talker:v1`" in done.stderr
    assert "listener:v1 -> talker:v1 (not in the stack)" in peppy("stack", "list")
    done = peppy.try_("node", "run", "listener:v1", "-i", "lonely")
    assert done.returncode == 0
    assert "Warning: `listener:v1` depends on `talker:v1`, which is not in the stack" in done.stderr

    peppy("service", "restart", "--keep-nodes")
    said = refused(peppy, "node", "add", "-s", ".", cwd=talker)
    assert "built against other interfaces of it: 'listener:v1'" in said
    (talker / "peppy.json5").write_text(document("talker", WHOLE))
    peppy("node", "add", "-s", ".", cwd=talker)


def test_the_graph_is_drawn_in_each_way(peppy: Peppy) -> None:
    talker = make_node(peppy, "talker", document("talker", WHOLE), TALKER)
    listener = make_node(peppy, "listener", document("listener", CONSUMES, more=NEEDS), LISTENER)
    peppy("node", "add", "-s", ".", cwd=talker)
    peppy("node", "add", "-s", ".", cwd=listener)
    assert "│ listener:v1 │ topic status │ talker:v1 │" in peppy("stack", "graph")
    peppy("stack", "graph", "--output", "stack.dot")
    drawn = read_dot((peppy.work / "stack.dot").read_text())
    assert drawn.arrows == [("listener:v1", "talker:v1", {"label": "topic status"})]
    assert 'n2 -->|"topic status"| n1' in peppy("stack", "graph", "--format", "mermaid")
    (link,) = json.loads(peppy("stack", "graph", "--format", "json"))["links"]
    assert link["takes"] == [{"kind": "topic", "name": "status"}]
