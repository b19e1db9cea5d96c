"""Nodes as processes of their own: signals, exit codes, and life without a daemon."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import trio

from peppy.runtime.signals import ECHO
from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.ports import free_port
from peppy.runtime.transport.zenoh import open_router
from peppy.schema import keys
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name

pytestmark = pytest.mark.e2e

PREAMBLE = """
import asyncio, os, sys, time
from dataclasses import dataclass
from peppylib import NodeRunner, StandaloneConfig
from peppylib.bindings import Binding, NodeBuilder as BaseNodeBuilder

@dataclass
class Parameters:
    @classmethod
    def from_dict(cls, values):
        return cls()

class NodeBuilder(BaseNodeBuilder[Parameters]):
    binding = Binding(
        name="camera", tag="v1", parameters=Parameters, schema={}, config_sha256="0" * 64
    )
"""

ASYNCIO = """
async def work():
    print("working")
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0.01)
        print("cleaned")

async def setup(params, node_runner):
    return [asyncio.create_task(work())]

NodeBuilder().run(setup)
print("returned, with trio" if "trio" in sys.modules else "returned")
"""

TRIO = """
import trio

async def work():
    print("working")
    try:
        await trio.sleep_forever()
    finally:
        print("cleaned")

async def setup(params, node_runner, nursery: trio.Nursery) -> None:
    nursery.start_soon(work)

NodeBuilder().run(setup)
print("returned")
"""

STUBBORN = """
async def work():
    print("working")
    try:
        await asyncio.Event().wait()
    finally:
        print("stuck")
        time.sleep(60)

async def setup(params, node_runner):
    return [asyncio.create_task(work())]

NodeBuilder().run(setup)
"""

BLOCKED = """
def setup(params, node_runner):
    print("working")
    while True:
        time.sleep(0.01)
        if node_runner.cancellation_token().is_cancelled():
            print("stuck")
            time.sleep(60)

NodeBuilder().run(setup)
"""

WAITING = """
async def setup(params, node_runner):
    print("working")
    try:
        await asyncio.Event().wait()
    finally:
        print("cleaned")

NodeBuilder().run(setup)
print("returned")
"""

FAILING = """
async def work():
    raise ValueError("the motor is hot")

async def setup(params, node_runner):
    return [asyncio.create_task(work())]

NodeBuilder().run(setup)
print("returned")
"""

FAILING_IN_TRIO = """
async def work():
    raise ValueError("the motor is hot")

async def setup(params, node_runner, nursery):
    nursery.start_soon(work)

NodeBuilder().run(setup)
"""

TALKING = """
async def work():
    print("working")
    for number in range(1000):
        await asyncio.sleep(0.02)
        print(number)
        open("progress", "w").write(str(number))

async def setup(params, node_runner):
    return [asyncio.create_task(work())]

NodeBuilder().run(setup)
open("progress", "w").write("ended in order")
"""


EMITTING = """
from peppylib.bindings import EmittedTopic

@dataclass(slots=True)
class Message:
    message: str

TOPIC = EmittedTopic(
    name="message_stream", qos="reliable", format={"message": "string"}, message=Message
)

async def work(node_runner):
    for number in range(100_000):
        await TOPIC.emit(node_runner, f"hello {number}")
        await asyncio.sleep(0.01)

async def setup(params, node_runner):
    return [asyncio.create_task(work(node_runner))]

NodeBuilder().run(setup)
"""

CONSUMING = """
from peppylib.bindings import ConsumedTopic

@dataclass(slots=True)
class Message:
    message: str

TOPIC = ConsumedTopic(
    node="camera",
    name="message_stream",
    qos="reliable",
    format={"message": "string"},
    message=Message,
)

async def work(node_runner):
    while True:
        sender, message = await TOPIC.next_message(node_runner)
        print(sender, message.message)

async def setup(params, node_runner, nursery):
    nursery.start_soon(work, node_runner)

NodeBuilder().standalone(StandaloneConfig().with_instance_id("listener")).run(setup)
"""


class Node:
    """One running program; killed at the end of its test whatever happens."""

    def __init__(self, directory: Path, program: str, **environment: str) -> None:
        # A port on which nobody listens: none of these nodes has a daemon.
        settings = {"PEPPY_HOME": str(directory), "PEPPY_MESSAGING_PORT": str(free_port())}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + program],
            cwd=directory,
            env=os.environ | settings | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Return exit code, what was left of standard output, and standard error."""
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


class Nodes:
    """Starts programs in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.started: list[Node] = []

    def start(self, program: str, **environment: str) -> Node:
        node = Node(self.directory, program, **environment)
        self.started.append(node)
        return node


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    started = Nodes(tmp_path)
    yield started
    for node in started.started:
        if node.process.poll() is None:
            node.process.kill()
        node.process.communicate(timeout=10)


@pytest.mark.parametrize("program", [ASYNCIO, TRIO])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_node_in_order_without_any_daemon(
    nodes: Nodes, program: str, number: signal.Signals
) -> None:
    node = nodes.start(program)
    assert node.line() == "working"
    node.send(number)
    assert node.end() == (0, "cleaned\nreturned\n", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("program", [STUBBORN, BLOCKED])
def test_a_second_signal_ends_a_stuck_node_at_once(
    nodes: Nodes, program: str, number: signal.Signals, code: int
) -> None:
    node = nodes.start(program)
    assert node.line() == "working"
    node.send(number)
    assert node.line() == "stuck"
    time.sleep(3 * ECHO)  # sooner it is taken for the same SIGTERM, handed on by a parent
    node.send(number)
    assert node.end()[0] == code


def test_a_signal_breaks_off_a_setup_that_waits(nodes: Nodes) -> None:
    node = nodes.start(WAITING)
    assert node.line() == "working"
    node.send(signal.SIGTERM)
    assert node.end() == (0, "cleaned\nreturned\n", "")


def test_a_task_that_fails_ends_an_asyncio_node_in_order(nodes: Nodes) -> None:
    code, out, err = nodes.start(FAILING).end()
    assert (code, out) == (0, "returned\n")
    assert "task 'work' failed; the node shuts down" in err
    assert "ValueError: the motor is hot" in err


def test_a_task_that_fails_ends_a_trio_node_with_an_error(nodes: Nodes) -> None:
    code, _, err = nodes.start(FAILING_IN_TRIO).end()
    assert code == 1
    assert "ValueError: the motor is hot" in err


def test_a_supervised_node_outlives_whoever_reads_its_output(nodes: Nodes) -> None:
    config = {
        "messaging_host": "127.0.0.1",
        "messaging_port": free_port(),
        "node_name": "camera",
        "node_tag": "v1",
        "bound_core_node": "core-node-gone",
        "node_instance": {"instance_id": "front"},
    }
    path = nodes.directory / "runtime_config.json5"
    path.write_text(json.dumps(config))
    node = nodes.start(TALKING, PEPPY_RUNTIME_CONFIG=str(path))
    assert node.line() == "working"
    assert node.process.stdout is not None
    node.process.stdout.close()
    progress = nodes.directory / "progress"
    deadline = time.monotonic() + 20
    while not progress.exists() or int(progress.read_text() or "0") < 5:
        assert node.process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    node.send(signal.SIGTERM)
    assert node.process.wait(20) == 0
    assert progress.read_text() == "ended in order"


async def test_two_nodes_find_each_other_and_end_when_they_are_asked(nodes: Nodes) -> None:
    port = free_port()
    router = await open_router(port)
    environment = {"PEPPY_MESSAGING_PORT": str(port)}
    listener = nodes.start(CONSUMING, **environment)
    speaker = nodes.start(EMITTING, **environment)
    with trio.fail_after(30):
        first = await trio.to_thread.run_sync(listener.line)
        second = await trio.to_thread.run_sync(listener.line)
    numbers = [int(line.removeprefix("standalone hello ")) for line in (first, second)]
    assert numbers[1] == numbers[0] + 1
    with closing(Exchange(router)) as exchange:
        for node, instance in ((speaker, "standalone"), (listener, "listener")):
            address = Address("standalone-core", Name("camera"), InstanceId(instance))
            for service in (keys.HEALTH_SERVICE, keys.SHUTDOWN_SERVICE):
                key = keys.instance_service(address, service)
                assert (await exchange.ask(key, b"", timeout=10)).payload == b""
            code, _, err = await trio.to_thread.run_sync(node.end)
            assert (code, err) == (0, "")
    await router.close()
