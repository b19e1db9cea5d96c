"""A node misses its daemon when that is silent, and only then."""

import msgspec
import pytest
import trio
from trio.testing import MockClock

from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.runtime.transport.ring import Ring
from peppy.runtime.watchdog import daemon_silent, listen_to_daemon
from peppy.schema import keys
from peppy.schema.durations import HEARTBEAT

CORE = "core-node-swift-turing-0001"
GRACE = 30.0


class Daemon:
    """Beats as long as it is let, on the network of a node that listens."""

    def __init__(self) -> None:
        network = MemoryNetwork()
        self._publisher = MemoryTransport(network).publisher(keys.heartbeat(CORE))
        self.heard = listen_to_daemon(MemoryTransport(network), CORE)

    def beat(self, payload: bytes | None = None) -> None:
        self._publisher.put(msgspec.msgpack.encode(4711) if payload is None else payload)

    async def beat_on(self, beats: int) -> None:
        for _ in range(beats):
            self.beat()
            await trio.sleep(HEARTBEAT)


@pytest.fixture
async def daemon() -> Daemon:
    return Daemon()


async def test_a_daemon_that_was_never_heard_is_missed_after_the_grace(
    autojump_clock: MockClock, daemon: Daemon
) -> None:
    began = trio.current_time()
    assert await daemon_silent(daemon.heard, GRACE)
    assert trio.current_time() - began == pytest.approx(GRACE)


async def test_a_daemon_that_stops_beating_is_missed_a_grace_after_its_last_beat(
    autojump_clock: MockClock, daemon: Daemon
) -> None:
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(daemon.beat_on, 20)
        assert await daemon_silent(daemon.heard, GRACE)
    assert trio.current_time() - began == pytest.approx(19 * HEARTBEAT + GRACE)


async def test_a_pause_shorter_than_the_grace_is_nothing(
    autojump_clock: MockClock, daemon: Daemon
) -> None:
    async def pause_twice() -> None:
        for _ in range(2):
            await trio.sleep(GRACE - 0.5)
            daemon.beat()

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pause_twice)
        assert await daemon_silent(daemon.heard, GRACE)
    assert trio.current_time() - began == pytest.approx(2 * (GRACE - 0.5) + GRACE)


async def test_a_beat_that_says_anything_is_one(autojump_clock: MockClock, daemon: Daemon) -> None:
    async def babble() -> None:
        await trio.sleep(GRACE - 1)
        daemon.beat(b"\xc1\xff not MessagePack")

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(babble)
        assert await daemon_silent(daemon.heard, GRACE)
    assert trio.current_time() - began == pytest.approx(2 * GRACE - 1)


async def test_a_node_that_stood_still_does_not_blame_the_daemon(
    mock_clock: MockClock, daemon: Daemon
) -> None:
    silent: list[bool] = []

    async def watch() -> None:
        silent.append(await daemon_silent(daemon.heard, GRACE))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(100 * GRACE)
        await trio.testing.wait_all_tasks_blocked()
        assert silent == []
        nursery.cancel_scope.cancel()


async def test_a_node_that_stood_still_blames_nobody_however_short_the_grace(
    mock_clock: MockClock, daemon: Daemon
) -> None:
    silent: list[bool] = []

    async def watch() -> None:
        silent.append(await daemon_silent(daemon.heard, 1.0))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(100.0)
        await trio.testing.wait_all_tasks_blocked()
        assert silent == []
        nursery.cancel_scope.cancel()


async def test_a_beat_that_waits_counts_although_the_loop_was_held_up(
    autojump_clock: MockClock,
) -> None:
    ring = Ring[bytes]("the heartbeats", 1, lambda _: None)

    async def arrive_while_nobody_is_woken() -> None:
        await trio.sleep(GRACE - 0.5)
        ring.push(b"")  # as another thread does, while this loop stands still

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(arrive_while_nobody_is_woken)
        assert await daemon_silent(ring, GRACE)
    assert trio.current_time() - began == pytest.approx(2 * GRACE)


async def test_it_goes_when_the_node_disconnects(autojump_clock: MockClock, daemon: Daemon) -> None:
    async with trio.open_nursery() as nursery:

        async def disconnect() -> None:
            await trio.sleep(1)
            daemon.heard.close()

        nursery.start_soon(disconnect)
        assert not await daemon_silent(daemon.heard, GRACE)
