"""What only the transport over zenoh has: ports, links that come later, an end in time."""

import threading
from collections.abc import Awaitable, Callable

import anyio
import pytest

from peppy.runtime.transport.port import Closed, Presence
from peppy.runtime.transport.ports import LASTING, free_port, lasting_port
from peppy.runtime.transport.zenoh import PortTaken, open_peer, open_router
from tests.runtime.transport.wires import DEADLINE, LOOPS, heard, router_somewhere, until

under_each_loop = pytest.mark.parametrize("loop", LOOPS)


def run(loop: str, scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        with anyio.fail_after(DEADLINE):
            await scenario()

    anyio.run(main, backend=loop)


@under_each_loop
def test_a_router_says_that_its_port_is_taken_and_what_to_do(loop: str) -> None:
    async def scenario() -> None:
        router, port = await router_somewhere()
        try:
            with pytest.raises(PortTaken, match=f"messaging port {port} is taken") as caught:
                await open_router(port)
            assert caught.value.port == port
            assert "PEPPY_MESSAGING_PORT" in (caught.value.hint or "")
        finally:
            await router.close()

    run(loop, scenario)


@under_each_loop
def test_a_peer_opens_without_a_router_and_links_when_one_comes(loop: str) -> None:
    async def scenario() -> None:
        port = free_port()
        with anyio.fail_after(2):
            one = await open_peer("127.0.0.1", port)
            two = await open_peer("127.0.0.1", port)
        subscription, publisher = two.subscribe("k"), one.publisher("k")
        assert not publisher.matched()
        await publisher.send(b"into the void")
        router = await open_router(port)
        await heard(publisher)
        await publisher.send(b"linked")
        assert (await subscription.receive()).payload == b"linked"
        assert subscription.statistics().received == 1
        for transport in (one, two, router):
            await transport.close()

    run(loop, scenario)


@under_each_loop
def test_peers_stay_linked_when_the_router_goes(loop: str) -> None:
    async def scenario() -> None:
        router, port = await router_somewhere()
        one, two = [await open_peer("127.0.0.1", port) for _ in range(2)]
        subscription, publisher = two.subscribe("k"), one.publisher("k")
        heard_back, back = one.subscribe("back"), two.publisher("back")
        two.announce("nodes/two")
        watch = one.watch("nodes/*")
        assert await watch.receive() == Presence("nodes/two", present=True)
        await heard(publisher, back)
        await router.close()
        await publisher.send(b"there")
        assert (await subscription.receive()).payload == b"there"
        await back.send(b"back")
        assert (await heard_back.receive()).payload == b"back"
        assert watch.receive_nowait() is None
        await one.close()
        await two.close()

    run(loop, scenario)


@under_each_loop
def test_closing_leaves_no_thread_of_ours_behind(loop: str) -> None:
    async def scenario() -> None:
        router, _ = await router_somewhere()
        await router.close()
        await until(lambda: "peppy-transport" not in {it.name for it in threading.enumerate()})

    run(loop, scenario)


@under_each_loop
def test_a_peer_that_is_abandoned_is_gone_for_others_and_sends_nothing_more(loop: str) -> None:
    async def scenario() -> None:
        router, port = await router_somewhere()
        one, two = [await open_peer("127.0.0.1", port) for _ in range(2)]
        watch, publisher = one.watch("nodes/*"), two.publisher("k")
        two.announce("nodes/two")
        assert await watch.receive() == Presence("nodes/two", present=True)
        two.abandon()
        assert await watch.receive() == Presence("nodes/two", present=False)
        with pytest.raises(Closed):
            await publisher.send(b"from beyond")
        for transport in (one, two, router):
            await transport.close()

    run(loop, scenario)


def test_a_lasting_port_is_none_that_the_system_gives_to_others() -> None:
    ports = {lasting_port() for _ in range(8)}
    assert len(ports) > 1
    assert all(port in LASTING for port in ports)
    assert all(free_port() not in LASTING for _ in range(8))
