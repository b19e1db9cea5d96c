"""Nodes as processes of their own: signals, exit codes, and life without a daemon."""

import signal
import time
from contextlib import closing

import pytest
import trio

from peppy.runtime.signals import ECHO
from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.ports import free_port
from peppy.runtime.transport.zenoh import open_router
from peppy.schema import keys
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name
from tests.e2e.node_programs import Nodes

pytestmark = pytest.mark.e2e

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
    node = nodes.start_supervised(TALKING)
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
