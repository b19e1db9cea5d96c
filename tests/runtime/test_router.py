"""A router for a while, and handles of their own that meet there."""

import gc
import subprocess
import sys
from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel
import pytest

from peppy.runtime.messenger import MessengerHandle, TopicMessage
from peppy.runtime.messenger_services import ServiceMessenger, ServiceRequestContext
from peppy.runtime.messenger_topics import TopicMessenger
from peppy.runtime.qos import QoSProfile
from peppy.runtime.router import RouterError, ZenohdInstance
from peppy.runtime.transport.memory import MemoryNetwork
from peppy.runtime.transport.port import Closed
from peppy.runtime.transport.ports import free_port
from tests.runtime.memory_nodes import runner_on
from tests.runtime.messenger_nodes import first
from tests.runtime.topic_ends import run_on
from tests.runtime.transport.wires import LOOPS, until

HOST = "127.0.0.1"
QOS = QoSProfile.Standard

OnLoop = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture(params=LOOPS)
def on_loop(request: pytest.FixtureRequest) -> OnLoop:
    def run(main: Callable[[], Awaitable[None]]) -> None:
        run_on(request.param, main)
        gc.collect()  # what was not closed says so now

    return run


def test_handles_of_their_own_meet_at_a_router(on_loop: OnLoop) -> None:
    async def main() -> None:
        async with (
            await ZenohdInstance.start_ephemeral(HOST) as router,
            await MessengerHandle.from_host_port(router.host, router.port) as one,
            await MessengerHandle.from_host_port(router.host, router.port) as other,
        ):
            assert other.messaging_endpoint() == (HOST, router.port)
            assert other.messaging_port() == router.port
            taken = await TopicMessenger.subscribe(
                other, "core", "ada", "camera", "t", None, None, QOS
            )
            front = (one, "core", "front", "camera")
            message = await first(
                taken, lambda: TopicMessenger.emit(*front, "t", QOS, bytes(300_000))
            )
            assert message == TopicMessage(
                "core", "front", "peppy/topic/t/camera/core/front", bytes(300_000)
            )
            endpoint = await ServiceMessenger.listen(*front, "ask")

            def repeat(context: ServiceRequestContext) -> bytes:
                return context.payload

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(endpoint.handle_next_request, repeat)
                answer = await ServiceMessenger.poll(
                    other, "core", "ada", "camera", "ask", None, None, b"well?", 10
                )
                assert answer.payload == b"well?"

    on_loop(main)


def test_a_handle_that_is_closed_lets_go_who_waits_and_sends_no_more(on_loop: OnLoop) -> None:
    async def main() -> None:
        async with await ZenohdInstance.start_ephemeral(HOST) as router:
            handle = await MessengerHandle.from_host_port(HOST, router.port)
            taken = await TopicMessenger.consume_external(
                handle, "core", "ada", "t", None, None, QOS
            )
            heard: list[object] = []

            async def take() -> None:
                heard.append(await taken.on_next_message())

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(take)
                await anyio.lowlevel.checkpoint()
                await handle.close()
                await handle.close()
                await until(lambda: heard == [None])
            with pytest.raises(Closed):
                await TopicMessenger.emit(handle, "core", "ada", "viewer", "t", QOS, b"")

    on_loop(main)


def test_a_router_listens_on_the_port_that_is_named_until_it_is_stopped(on_loop: OnLoop) -> None:
    async def main() -> None:
        port = free_port()
        router = await ZenohdInstance.start_ephemeral(HOST, port)
        assert (router.host, router.port) == (HOST, port)
        with pytest.raises(RouterError, match=f"port {port} is taken"):
            await ZenohdInstance.start_ephemeral(HOST, port)
        await router.stop()
        await router.stop()
        with pytest.raises(RuntimeError, match=f"no router can be reached at {HOST}:{port}"):
            await MessengerHandle.from_host_port(HOST, port)

    on_loop(main)


@pytest.mark.parametrize("port", [0, -1, 65536])
async def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 65535"):
        await MessengerHandle.from_host_port(HOST, port)


async def test_a_router_is_for_this_machine_alone() -> None:
    with pytest.raises(ValueError, match=r"not on '0\.0\.0\.0'"):
        await ZenohdInstance.start_ephemeral("0.0.0.0")


async def test_a_nodes_messenger_is_the_nodes_and_ends_with_it() -> None:
    runner = runner_on(MemoryNetwork())
    messenger = runner.messenger()
    assert messenger is runner.messenger()
    assert messenger.messaging_endpoint() is None
    with pytest.raises(RuntimeError, match="nobody has told"):
        messenger.messaging_port()
    runner.endpoint = (HOST, 7448)
    await messenger.close()
    who = (runner.bound_core_node(), runner.bound_instance_id(), runner.node_name())
    await TopicMessenger.emit(messenger, *who, "t", QOS, b"")
    assert messenger.speaker(*who) is runner
    assert messenger.speaker("core", "ada").bound_instance_id() == "ada"


def test_a_program_that_closes_nothing_ends_without_a_word() -> None:
    program = (
        "import asyncio\n"
        "from peppylib import MessengerHandle, QoSProfile, TopicMessenger, ZenohdInstance\n"
        "async def main():\n"
        "    router = await ZenohdInstance.start_ephemeral('127.0.0.1')\n"
        "    handle = await MessengerHandle.from_host_port(router.host, router.port)\n"
        "    who = (handle, 'core', 'ada')\n"
        "    taken = await TopicMessenger.subscribe("
        "*who, 'camera', 't', None, None, QoSProfile.Reliable)\n"
        "    await TopicMessenger.emit(*who, 'camera', 't', QoSProfile.Reliable, b'over')\n"
        "    print((await taken.on_next_message()).payload.decode())\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (run.stdout, run.stderr, run.returncode) == ("over\n", "", 0)
