"""The shutdown contract with real processes and real signals, under both loops."""

import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
import pytest
import trio

from peppy.runtime.signals import ECHO
from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.port import Transport
from peppy.runtime.transport.ports import free_port
from peppy.runtime.transport.zenoh import open_router
from peppy.schema import keys
from peppy.schema.daemon_config import Mode
from peppy.schema.keys import Address
from peppy.schema.leaving import Leaving, LeavingStep
from peppy.schema.names import InstanceId, Name
from tests.e2e.harness import Peppy, wait_until
from tests.e2e.node_programs import CORE, PREAMBLE, Node, Nodes

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

ADDRESS = Address(CORE, Name("camera"), InstanceId("front"))

ON_ASYNCIO = """
def spawn(work, *arguments):
    TASKS.append(asyncio.create_task(work(*arguments)))

TASKS = []
forever, sleep = asyncio.Event().wait, asyncio.sleep

async def setup(params, node_runner):
    await begin(node_runner, spawn)
    return TASKS
"""

ON_TRIO = """
import trio

forever, sleep = trio.sleep_forever, trio.sleep

async def setup(params, node_runner, nursery):
    await begin(node_runner, nursery.start_soon)
"""

RUN = """
try:
    NodeBuilder().run(setup)
finally:
    print("returned")
"""

ORDERLY = """
async def work(node_runner):
    try:
        await node_runner.cancellation_token().cancelled()
        print("token")
        await forever()
    finally:
        print("task")

async def begin(node_runner, spawn):
    async def second():
        await sleep(0.1)
        print("second hook")
    node_runner.on_shutdown(lambda: print("first hook"))
    node_runner.on_shutdown(second)
    spawn(work, node_runner)
    await sleep(0)
    print("set up")
    await extra(node_runner, spawn)
"""

NOTHING_MORE = """
async def extra(node_runner, spawn):
    pass
"""

FAILING_SETUP = """
async def extra(node_runner, spawn):
    raise LookupError("no camera")
"""

LEAVING_SETUP = """
async def extra(node_runner, spawn):
    sys.exit(3)
"""

WAITING_SETUP = """
async def extra(node_runner, spawn):
    try:
        await forever()
    finally:
        print("broken off")
"""

ONE_SHOT = """
async def extra(node_runner, spawn):
    async def finish():
        node_runner.cancellation_token().cancel()
        await forever()
    spawn(finish)
"""

STUCK_HOOK = """
async def begin(node_runner, spawn):
    async def park_arm():
        print("parking")
        await forever()
    node_runner.on_shutdown(lambda: print("never"))
    node_runner.on_shutdown(park_arm)
    print("set up")
"""

BLOCKING_HOOK = """
async def begin(node_runner, spawn):
    def park_arm():
        print("blocked")
        BLOCK
    node_runner.on_shutdown(park_arm)
    print("set up")
"""

LOCKING = """
import ctypes

def lock_twice():
    library, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(128)
    library.pthread_mutex_init(mutex, None)
    library.pthread_mutex_lock(mutex)
    library.pthread_mutex_lock(mutex)
"""

FORKING = """
import multiprocessing

async def begin(node_runner, spawn):
    forks = multiprocessing.get_context("fork")
    children = [forks.Process(target=time.sleep, args=(60,)) for _ in range(2)]
    for child in children:
        child.start()
    def end_children():
        time.sleep(0.1)
        for child in children:
            child.terminate()
            child.join(10)
        time.sleep(0.5)
        print("forks:", [child.exitcode for child in children])
    node_runner.on_shutdown(end_children)
    print("set up")
"""

THREAD_HOOK = """
async def begin(node_runner, spawn):
    async def park_arm():
        print("blocked")
        await asyncio.to_thread(time.sleep, 300)
    node_runner.on_shutdown(park_arm)
    print("set up")
"""

PLAIN_SETUP = """
async def release():
    await asyncio.sleep(0.1)
    print("released")

def setup(params, node_runner):
    node_runner.on_shutdown(release)
    node_runner.on_shutdown(lambda: print("parked"))
    print("set up")
"""

IN_ORDER = ["token", "second hook", "first hook", "task", "returned"]


@pytest.fixture(params=["asyncio", "trio"])
def on_loop(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Make a program of the parts that are the same on both loops."""
    loop = ON_TRIO if request.param == "trio" else ON_ASYNCIO
    return lambda parts: loop + parts + RUN


class Daemon:
    """What a node sees of a daemon: a router, and answers from a transport."""

    def __init__(self, port: int, router: Transport, exchange: Exchange) -> None:
        self.port = port
        self.told: list[Leaving] = []
        self._heartbeat = router.publisher(keys.heartbeat(CORE))
        self._exchange = exchange

    async def beat(self) -> None:
        while True:
            self._heartbeat.put(msgspec.msgpack.encode(4711))
            await trio.sleep(0.5)

    async def stop_node(self) -> None:
        key = keys.instance_service(ADDRESS, keys.SHUTDOWN_SERVICE)
        assert (await self._exchange.ask(key, b"", timeout=10)).payload == b""

    async def until_told(self, step: LeavingStep) -> Leaving:
        with trio.fail_after(20):
            while True:
                for told in self.told:
                    if told.step is step:
                        return told
                await trio.sleep(0.01)


@asynccontextmanager
async def a_daemon() -> AsyncGenerator[Daemon]:
    port = free_port()
    router = await open_router(port)
    with closing(Exchange(router)) as exchange:
        daemon = Daemon(port, router, exchange)
        router.listen(
            keys.leaving(ADDRESS),
            lambda sample: daemon.told.append(msgspec.msgpack.decode(sample.payload, type=Leaving)),
        )
        yield daemon
    await router.close()


async def line(node: Node) -> str:
    with trio.fail_after(30):
        return await trio.to_thread.run_sync(node.line)


async def end(node: Node) -> tuple[int, str, str]:
    return await trio.to_thread.run_sync(node.end)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leads_through_all_steps(
    nodes: Nodes, on_loop: Callable[[str], str], number: signal.Signals
) -> None:
    node = nodes.start(on_loop(ORDERLY + NOTHING_MORE))
    assert node.line() == "set up"
    node.send(number)
    code, out, err = node.end()
    assert (code, out.splitlines(), err) == (0, IN_ORDER, "")


async def test_an_in_band_request_leads_through_all_steps_and_each_is_told(
    nodes: Nodes, on_loop: Callable[[str], str]
) -> None:
    async with a_daemon() as daemon:
        node = nodes.start_supervised(on_loop(ORDERLY + NOTHING_MORE), daemon.port)
        assert await line(node) == "set up"
        await daemon.stop_node()
        code, out, err = await end(node)
        assert (code, out.splitlines(), err) == (0, IN_ORDER, "")
        await daemon.until_told(LeavingStep.EXIT)
    assert [(told.step, told.name, told.is_async) for told in daemon.told] == [
        (LeavingStep.HOOK, "second", True),
        (LeavingStep.HOOK, "<lambda>", False),
        (LeavingStep.TASKS, "", True),
        (LeavingStep.EXIT, "", True),
    ]


@pytest.mark.parametrize("mode", list(Mode))
async def test_a_node_whose_daemon_has_fallen_silent_leads_itself_through_all_steps(
    nodes: Nodes, on_loop: Callable[[str], str], mode: Mode
) -> None:
    async with a_daemon() as daemon:
        node = nodes.start_supervised(
            on_loop(ORDERLY + NOTHING_MORE),
            daemon.port,
            lifecycle={"daemon_grace_secs": 1},
            mode=mode.value,
        )
        assert await line(node) == "set up"
        code, out, err = await end(node)
    assert (code, out.splitlines()) == (0, IN_ORDER)
    assert "no sign of life of the daemon for 1 s" in err


@pytest.mark.parametrize("mode", list(Mode))
async def test_a_node_whose_daemon_is_heard_stays(
    nodes: Nodes, on_loop: Callable[[str], str], mode: Mode
) -> None:
    async with a_daemon() as daemon:
        node = nodes.start_supervised(
            on_loop(ORDERLY + NOTHING_MORE),
            daemon.port,
            lifecycle={"daemon_grace_secs": 2},
            mode=mode.value,
        )
        async with trio.open_nursery() as beating:
            beating.start_soon(daemon.beat)
            assert await line(node) == "set up"
            await trio.sleep(5)
            assert node.process.poll() is None
            await daemon.stop_node()
            assert (await end(node))[2] == ""
            beating.cancel_scope.cancel()


def test_an_error_of_setup_leads_through_all_steps_and_is_printed(
    nodes: Nodes, on_loop: Callable[[str], str]
) -> None:
    code, out, err = nodes.start(on_loop(ORDERLY + FAILING_SETUP)).end()
    assert (code, out.splitlines()) == (1, ["set up", *IN_ORDER])
    assert err.startswith("Traceback")
    assert err.endswith("LookupError: no camera\n")


def test_leaving_the_program_in_setup_leads_through_all_steps_and_keeps_the_code(
    nodes: Nodes, on_loop: Callable[[str], str]
) -> None:
    code, out, err = nodes.start(on_loop(ORDERLY + LEAVING_SETUP)).end()
    assert (code, out.splitlines(), err) == (3, ["set up", *IN_ORDER], "")


def test_a_node_that_cancels_its_own_token_ends_well(
    nodes: Nodes, on_loop: Callable[[str], str]
) -> None:
    code, out, err = nodes.start(on_loop(ORDERLY + ONE_SHOT)).end()
    assert (code, out.splitlines(), err) == (0, ["set up", *IN_ORDER], "")


async def test_an_in_band_request_breaks_off_a_setup_that_waits(
    nodes: Nodes, on_loop: Callable[[str], str]
) -> None:
    async with a_daemon() as daemon:
        node = nodes.start_supervised(on_loop(ORDERLY + WAITING_SETUP), daemon.port)
        assert await line(node) == "set up"
        await daemon.stop_node()
        code, out, err = await end(node)
    assert (code, err) == (0, "")
    assert sorted(out.splitlines()[:2]) == ["broken off", "token"]
    assert out.splitlines()[2:] == IN_ORDER[1:]
    assert daemon.told[0].step is LeavingStep.SETUP


def test_a_hook_that_waits_forever_is_abandoned_and_the_node_ends_itself(
    nodes: Nodes, on_loop: Callable[[str], str]
) -> None:
    node = nodes.start_supervised(on_loop(STUCK_HOOK), lifecycle={"shutdown_grace_secs": 1})
    assert node.line() == "set up"
    began = time.monotonic()
    node.send(signal.SIGTERM)
    code, out, err = node.end()
    assert (code, out) == (0, "parking\nreturned\n")
    assert 1 <= time.monotonic() - began < 6
    assert "shutdown hook 'park_arm' is abandoned" in err
    assert "not run for want of time: shutdown hook '<lambda>'" in err


def test_a_hook_that_waits_for_a_thread_does_not_keep_the_process(nodes: Nodes) -> None:
    program = ON_ASYNCIO + THREAD_HOOK + RUN
    node = nodes.start_supervised(program, lifecycle={"shutdown_grace_secs": 1})
    assert node.line() == "set up"
    node.send(signal.SIGTERM)
    code, out, err = node.end()
    assert (code, out) == (0, "blocked\nreturned\n")
    assert "shutdown hook 'park_arm' is abandoned" in err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("block", ["time.sleep(60)", "while True: pass"])
def test_a_second_signal_ends_a_hook_that_blocks_at_once(
    nodes: Nodes, on_loop: Callable[[str], str], number: signal.Signals, code: int, block: str
) -> None:
    node = nodes.start(on_loop(BLOCKING_HOOK.replace("BLOCK", block)))
    assert node.line() == "set up"
    node.send(number)
    assert node.line() == "blocked"
    time.sleep(3 * ECHO)  # sooner it is taken for the same SIGTERM, handed on by a parent
    node.send(number)
    assert node.end() == (code, "", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_ends_a_hook_that_waits_at_once(
    nodes: Nodes, on_loop: Callable[[str], str], number: signal.Signals, code: int
) -> None:
    node = nodes.start(on_loop(STUCK_HOOK))
    assert node.line() == "set up"
    node.send(signal.SIGTERM)
    assert node.line() == "parking"
    time.sleep(3 * ECHO)
    node.send(number)
    assert node.end() == (code, "", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_ends_a_hook_that_is_deep_in_a_library_at_once(
    nodes: Nodes, on_loop: Callable[[str], str], number: signal.Signals, code: int
) -> None:
    node = nodes.start(LOCKING + on_loop(BLOCKING_HOOK.replace("BLOCK", "lock_twice()")))
    assert node.line() == "set up"
    node.send(number)
    assert node.line() == "blocked"
    time.sleep(3 * ECHO)
    node.send(number)
    assert node.end() == (code, "", "")


def test_a_hook_can_end_the_forks_of_its_node_and_nothing_else(
    nodes: Nodes, on_loop: Callable[[str], str]
) -> None:
    node = nodes.start(on_loop(FORKING))
    assert node.line() == "set up"
    node.send(signal.SIGTERM)
    assert node.end() == (0, "forks: [-15, -15]\nreturned\n", "")


@pytest.mark.parametrize("block", ["time.sleep(60)", "while True: pass"])
async def test_a_hook_that_blocks_is_told_before_it_does(
    nodes: Nodes, on_loop: Callable[[str], str], block: str
) -> None:
    async with a_daemon() as daemon:
        program = on_loop(BLOCKING_HOOK.replace("BLOCK", block))
        node = nodes.start_supervised(program, daemon.port)
        assert await line(node) == "set up"
        await daemon.stop_node()
        told = await daemon.until_told(LeavingStep.HOOK)
        assert (told.name, told.is_async) == ("park_arm", False)
        assert 4 < told.budget <= 5
        node.process.kill()


def test_the_hooks_of_a_plain_setup_run_on_its_loop(nodes: Nodes) -> None:
    node = nodes.start(PLAIN_SETUP + RUN)
    assert node.line() == "set up"
    node.send(signal.SIGTERM)
    assert node.end() == (0, "parked\nreleased\nreturned\n", "")


DOCUMENT = """{
  peppy_schema: "node_v1",
  manifest: { name: "camera", tag: "v1" },
  execution: { language: "python", build_cmd: ["true"], run_cmd: ["%s", "main.py"] },
}
"""


def write_node(directory: Path, program: str) -> Path:
    """Write a node that needs no building: it runs in the environment of this test."""
    directory.mkdir()
    (directory / "peppy.json5").write_text(DOCUMENT % sys.executable)
    (directory / "main.py").write_text(PREAMBLE + program)
    return directory


@pytest.mark.parametrize(
    "words",
    [
        ("node", "stop", "front"),
        ("node", "remove", "camera:v1", "--stop-instances"),
        ("service", "stop"),
    ],
    ids=["stop", "remove", "daemon"],
)
def test_whatever_the_daemon_does_leads_through_all_steps(
    peppy: Peppy, on_loop: Callable[[str], str], words: tuple[str, ...]
) -> None:
    node = write_node(peppy.work / "camera", on_loop(ORDERLY + NOTHING_MORE))
    peppy("node", "add", "-sr", str(node), "-i", "front")
    wait_until(lambda: "set up" in peppy.log_of("front"), "the end of setup")
    peppy(*words)
    printed = [text.partition("[stdout] ")[2] for text in peppy.log_of("front").splitlines()]
    assert [text for text in printed if text] == ["set up", *IN_ORDER]
