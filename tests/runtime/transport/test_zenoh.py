"""What only the transport over zenoh has: ports, routers that come and go, threads, processes."""

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable

import anyio
import pytest

from peppy.runtime.transport.port import Presence, Publisher, Sample, Subscription
from peppy.runtime.transport.ports import free_port
from peppy.runtime.transport.zenoh import PortTaken, open_peer, open_router
from peppy.schema.daemon_config import Mode
from tests.runtime.transport.wires import DEADLINE, LOOPS, heard, router_somewhere, until

pytestmark = pytest.mark.parametrize("loop", LOOPS)


def run(loop: str, scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        with anyio.fail_after(DEADLINE):
            await scenario()

    anyio.run(main, backend=loop)


def test_a_router_can_be_reached_on_loopback_only(loop: str) -> None:
    async def scenario() -> None:
        router, port = await router_somewhere()
        socket.create_connection(("127.0.0.1", port)).close()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", port))
        await router.close()

    run(loop, scenario)


def test_a_free_port_can_be_listened_on(loop: str) -> None:
    del loop
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))


def test_a_peer_that_opens_and_sends_at_once_when_it_is_heard_loses_nothing(loop: str) -> None:
    async def scenario() -> None:
        router, port = await router_somewhere()
        receiver = await open_peer("127.0.0.1", port)
        subscription = receiver.subscribe("early", capacity=1000)
        for round_ in range(10):
            sender = await open_peer("127.0.0.1", port)
            publisher = sender.publisher("early")
            await heard(publisher)
            for number in range(20):
                await publisher.send(bytes([round_, number]))
            got = [(await subscription.receive()).payload for _ in range(20)]
            assert got == [bytes([round_, number]) for number in range(20)]
            await sender.close()
        assert subscription.receive_nowait() is None
        for transport in (receiver, router):
            await transport.close()

    run(loop, scenario)


async def reached(publisher: Publisher, subscription: Subscription[Sample]) -> bool:
    """Send until something arrives; say whether it is what was sent."""
    while True:
        await publisher.send(b"question")
        with anyio.move_on_after(0.2):
            return (await subscription.receive()).payload == b"question"


def test_nodes_that_go_through_the_router_reach_each_other_and_those_that_do_not(loop: str) -> None:
    async def scenario() -> None:
        router, port = await router_somewhere()
        one = await open_peer("127.0.0.1", port, Mode.ROUTER)
        others = [await open_peer("127.0.0.1", port, mode) for mode in Mode]
        for other in others:
            # Each hears of the other when the router has told it: some tries may be too early.
            assert await reached(one.publisher("there"), other.subscribe("there"))
            assert await reached(other.publisher("here"), one.subscribe("here"))
        for transport in (one, *others, router):
            await transport.close()

    run(loop, scenario)


def test_closing_is_over_in_time_even_if_zenoh_hangs(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        transport = await open_peer("127.0.0.1", free_port())
        hanging = threading.Event()
        close_session = transport._close_session  # pyright: ignore[reportPrivateUsage]
        monkeypatch.setattr(transport, "_close_session", hanging.wait)
        started = anyio.current_time()
        await transport.close(timeout=0.1)
        assert 0.09 < anyio.current_time() - started < 1
        hanging.set()
        close_session()

    run(loop, scenario)


def test_opening_that_is_cancelled_leaves_no_router_behind(loop: str) -> None:
    async def scenario() -> None:
        port = free_port()
        with anyio.CancelScope() as scope:
            scope.cancel()
            await open_router(port)
        while True:
            with contextlib.suppress(PortTaken):
                router = await open_router(port)
                break
        await router.close()

    run(loop, scenario)


NODE = """
import asyncio, sys
from peppy.runtime.transport.zenoh import open_peer

async def main():
    transport = await open_peer("127.0.0.1", int(sys.argv[1]))
    transport.announce("node/alive")
    await transport.subscribe("end").receive()  # and it is never closed

asyncio.run(main())
"""


@pytest.mark.parametrize("manner", ["be killed", "return"])
def test_what_a_process_announced_is_gone_with_it_however_it_ends(loop: str, manner: str) -> None:
    port = free_port()

    async def scenario() -> None:
        router = await open_router(port)
        watch = router.watch("node/*")
        assert await watch.receive() == Presence("node/alive", present=True)
        if manner == "be killed":
            process.kill()
        else:
            end = router.publisher("end")
            await heard(end)
            await end.send(b"")
        assert await watch.receive() == Presence("node/alive", present=False)
        await until(lambda: process.poll() is not None)
        await router.close()

    process = subprocess.Popen([sys.executable, "-c", NODE, str(port)])
    try:
        run(loop, scenario)
        assert process.returncode == (0 if manner == "return" else -9)
    finally:
        process.kill()
        process.wait()


def test_cancelling_the_task_natively_while_it_closes_still_closes(loop: str) -> None:
    if loop != "asyncio":
        pytest.skip("the other loop has no other way to cancel")

    async def scenario() -> None:
        router, port = await router_somewhere()
        there, here = await open_peer("127.0.0.1", port), await open_peer("127.0.0.1", port)
        watch = here.watch("here")
        there.announce("here")
        assert await watch.receive() == Presence("here", present=True)
        closing = asyncio.create_task(there.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert await watch.receive() == Presence("here", present=False)
        for transport in (here, router):
            await transport.close()

    run(loop, scenario)
