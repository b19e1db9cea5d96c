"""The datastore between processes: its page, nodes on both loops, on their own, and its limits."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from peppy.schema.datastore import LARGEST_VALUE
from tests.e2e.harness import Peppy, wait_until
from tests.e2e.node_programs import PREAMBLE
from tests.e2e.test_documentation import walk
from tests.e2e.test_first_node import document, make_node

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

STEPS = """
import peppylib
from peppylib import ServiceError
from peppylib.datastore import DatastoreError, Encoding, get, list, remove, store

async def leave(node_runner):
    await store(node_runner, "left", b"by a hook", "text/plain")

async def walk(node_runner):
    await store(node_runner, "camera", bytes(8 * 1024 * 1024), Encoding.IMAGE_PNG)
    stored = await get(node_runner, "camera")
    print("got", len(stored.value), stored.encoding, stored.last_modified_by)
    try:
        await store(node_runner, "camera", bytes(8 * 1024 * 1024 + 1), "image/png")
    except DatastoreError as error:
        print(error.kind)
    print("listed", [(each.key, each.size) for each in await list(node_runner)])
    print("removed", await remove(node_runner, "camera"), await remove(node_runner, "camera"))
    facts = await peppylib.info(node_runner)
    stack = await peppylib.stack.list(node_runner, False)
    print("core", facts.core_node_name, stack.graph["nodes"][0]["name"])
    node_runner.cancellation_token().cancel()
"""

ASYNCIO = """
async def setup(params, node_runner):
    node_runner.on_shutdown(lambda: leave(node_runner))
    return [asyncio.create_task(walk(node_runner))]

NodeBuilder().run(setup)
"""

TRIO = """
import trio

async def setup(params, node_runner, nursery: trio.Nursery) -> None:
    node_runner.on_shutdown(lambda: leave(node_runner))
    nursery.start_soon(walk, node_runner)

NodeBuilder().run(setup)
"""


def test_the_datastore_page_locks_an_arm_and_looks_around(peppy: Peppy) -> None:
    ran = 0
    for text in walk("docs/datastore.md", peppy):
        ran += 1
        if "map.bin" in text:
            assert (peppy.work / "map.bin").read_bytes() == b"0123456789\n"
            listed = peppy.json("datastore", "list")["entries"]
            assert [entry["key"] for entry in listed] == ["greeting", "limits"]
        if "-i left" in text:
            held = peppy.json("datastore", "get", "arm_lock")
            assert (held["text"], held["last_modified_by"]) == ("locked", "left")
            wait_until(lambda: "good morning from cli" in peppy.log_of("left"), "the greeting")
        if "stop left" in text:
            listed = peppy.json("datastore", "list")["entries"]
            assert [entry["key"] for entry in listed] == ["greeting", "limits"]
        if "-i ada" in text:
            wait_until(lambda: "digraph stack" in peppy.log_of("ada"), "the graph")
            log = peppy.log_of("ada")
            assert re.search(r"core-node-\S+ has 2 nodes", log)
            assert "running: ada" in log
    assert ran == 7


@pytest.mark.parametrize(("loop", "end"), [("asyncio", ASYNCIO), ("trio", TRIO)])
def test_a_node_on_its_own_uses_the_daemon_that_is_there(peppy: Peppy, loop: str, end: str) -> None:
    core = peppy.json("info")["core_node"]
    (peppy.work / "peppy.json5").unlink(missing_ok=True)
    run = subprocess.run(
        [sys.executable, "-c", PREAMBLE + STEPS + end],
        cwd=peppy.work,
        env=peppy.environment | {"PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [
        f"got {LARGEST_VALUE} image/png standalone",
        "value_too_large",
        f"listed [('camera', {LARGEST_VALUE})]",
        "removed True False",
        f"core {core} {core}",
    ], loop
    assert peppy("datastore", "get", "left") == "by a hook"


def test_what_is_stored_is_gone_with_the_daemon(peppy: Peppy) -> None:
    peppy("datastore", "set", "arm", "locked")
    peppy("service", "stop")
    done = peppy.try_("datastore", "get", "arm")
    assert done.returncode == 1
    assert "the datastore has nothing under 'arm'" in done.stderr


def test_the_datastore_is_full_with_a_sentence_and_goes_on(peppy: Peppy, tmp_path: Path) -> None:
    file = tmp_path / "large"
    with file.open("wb") as opened:
        opened.truncate(LARGEST_VALUE)
    for number in range(31):
        peppy("datastore", "set", str(number), "--file", str(file))
    done = peppy.try_("datastore", "set", "one more", "--file", str(file), "--json")
    assert done.returncode == 1
    assert '"datastore_full"' in done.stdout
    peppy("datastore", "remove", "0")
    peppy("datastore", "set", "one more", "--file", str(file))
    assert len(peppy.json("datastore", "list")["entries"]) == 31


BEATING = """
import asyncio

from peppygen import NodeBuilder, NodeRunner
from peppygen.parameters import Parameters
from peppylib.datastore import CoreNodeUnreachable, Encoding, remove, store


async def beat(node_runner: NodeRunner) -> None:
    while True:
        try:
            await store(node_runner, "beat", b"", Encoding.TEXT_PLAIN)
        except CoreNodeUnreachable as error:
            print("not stored:", error)
        await asyncio.sleep(0.1)


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    await store(node_runner, "lock", b"", Encoding.TEXT_PLAIN)

    async def release() -> None:
        print("released:", await remove(node_runner, "lock"))

    node_runner.on_shutdown(release)
    return [asyncio.create_task(beat(node_runner))]


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
"""


def keys(peppy: Peppy) -> set[str]:
    return {entry["key"] for entry in peppy.json("datastore", "list")["entries"]}


def test_hooks_reach_the_datastore_of_a_daemon_that_is_stopped(peppy: Peppy) -> None:
    make_node(peppy, "heart", document("heart", ""), BEATING)
    peppy("node", "add", "-sr", "heart", "-i", "left")
    assert "lock" in keys(peppy)
    peppy("service", "stop")
    assert "released: True" in peppy.log_of("left")


def test_a_node_uses_the_datastore_of_the_next_daemon(peppy: Peppy) -> None:
    make_node(peppy, "heart", document("heart", ""), BEATING)
    peppy("node", "add", "-sr", "heart", "-i", "left")
    wait_until(lambda: {"lock", "beat"} <= keys(peppy), "the first beat")
    os.kill(peppy.json("info")["pid"], signal.SIGKILL)
    wait_until(lambda: "not stored:" in peppy.log_of("left"), "a beat without a daemon", 30)
    assert "lock" not in keys(peppy)
    wait_until(lambda: "beat" in keys(peppy), "a beat in the next daemon")
