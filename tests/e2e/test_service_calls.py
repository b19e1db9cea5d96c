"""Services between processes: the page of docs/, and a server that stands still or is killed."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import trio

from peppy.runtime.service_errors import ServiceError, ServiceTimeout, ServiceUnreachable
from peppy.runtime.transport.port import Transport
from peppy.runtime.transport.ports import free_port
from peppy.runtime.transport.zenoh import open_peer, open_router
from tests.e2e.harness import Peppy, wait_until
from tests.e2e.test_documentation import walk
from tests.runtime.service_nodes import CALL, RequestData, alive

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parent.parent.parent

NOT_THERE = (
    "service 'reset' for instance 'frnt' is unreachable: no instance 'frnt' of node 'camera' is"
    " running; did you mean 'front'? (running: 'front')"
)

SERVER = """
import sys, time
import anyio
from peppy.runtime.transport.zenoh import open_peer
from tests.runtime.service_nodes import REPEAT, Response, alive, repeat

def answer(request):
    if request.data.text == "hold":
        time.sleep(3)
    if request.data.text == "fail":
        raise LookupError("nothing")
    return repeat(request)

async def main():
    runner = alive(await open_peer("127.0.0.1", int(sys.argv[1])), "front")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(REPEAT.handle_requests, runner, answer)
        await anyio.sleep(0.2)
        print("ready", flush=True)

anyio.run(main, backend=sys.argv[2])
"""


def test_the_services_page_ends_with_an_answer_and_two_errors(peppy: Peppy) -> None:
    for text in walk("docs/services.md", peppy):
        if "viewer -i ada" in text:
            wait_until(lambda: NOT_THERE in peppy.log_of("ada"), "the last line")
            log = peppy.log_of("ada")
            assert "front shows 320 columns" in log
            assert "returned error: ValueError: a factor of 0.0 shows nothing" in log
            assert "ada begins again" in peppy.log_of("front")


@contextmanager
def server(port: int, loop: str) -> Generator[subprocess.Popen[str]]:
    """Run a server in a process of its own."""
    words = [sys.executable, "-c", SERVER, str(port), loop]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


async def calls(caller: Transport, process: subprocess.Popen[str]) -> None:
    client = alive(caller, "me", "viewer")
    with closing(client):
        for number in range(5):
            answer = await CALL.poll(client, RequestData("x", number), 10)
            assert answer.data.text == "x" * number
        with pytest.raises(ServiceError, match="LookupError: nothing"):
            await CALL.poll(client, RequestData("fail", 1), 10)
        # A handler that holds up its loop says nothing; that it is at work is known all the same.
        with pytest.raises(ServiceTimeout):
            await CALL.poll(client, RequestData("hold", 1), 0.3)
        assert (await CALL.poll(client, RequestData("y", 1), 10)).data.text == "y"
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                with pytest.raises(ServiceUnreachable, match="went away before it did"):
                    await CALL.poll(client, RequestData("hold", 1), 60)

            nursery.start_soon(ask)
            await trio.sleep(0.3)
            process.kill()
        with trio.fail_after(10), pytest.raises(ServiceUnreachable, match="no instance of node"):
            await CALL.poll(client, RequestData("x", 1), 60)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
async def test_a_server_answers_holds_up_its_loop_and_is_killed(loop: str) -> None:
    port = free_port()
    router = await open_router(port)
    caller = await open_peer("127.0.0.1", port)
    try:
        with trio.fail_after(60), server(port, loop) as process:
            await calls(caller, process)
    finally:
        await caller.close()
        await router.close()


async def test_a_call_outlives_the_router_through_which_both_were_found() -> None:
    port = free_port()
    router = await open_router(port)
    caller = await open_peer("127.0.0.1", port)
    try:
        with trio.fail_after(60), server(port, "asyncio"):
            client = alive(caller, "me", "viewer")
            await CALL.poll(client, RequestData("x", 1), 10)
            await trio.sleep(0.5)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(CALL.poll, client, RequestData("hold", 1), 10)
                await trio.sleep(0.5)
                await router.close()
            for _ in range(20):
                assert (await CALL.poll(client, RequestData("x", 3), 10)).data.text == "xxx"
                await trio.sleep(0.05)
            client.close()
    finally:
        await caller.close()
        await router.close()
