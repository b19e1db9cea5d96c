"""A topic that must not lose a message holds its sender back, for as long as it is right."""

from collections.abc import Awaitable, Callable

import anyio
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.runtime import qos
from peppy.runtime.credit import HEAVIEST, LAPSE, MOST, SHARED
from peppy.runtime.inlet import Inlet, Messages
from peppy.runtime.outlet import Outlet
from peppy.runtime.qos import QoSProfile, Terms
from peppy.runtime.runner import NodeRunner
from peppy.runtime.transport.memory import MemoryNetwork
from peppy.runtime.transport.port import Delivery
from tests.runtime.memory_nodes import BACKENDS, runner_on
from tests.runtime.topic_ends import Item, consumed, emitted, only_peer, run_on

MANY = 3 * MOST


class Ends:
    """A node that emits, and nodes that consume, on one network."""

    def __init__(self) -> None:
        self.network = MemoryNetwork()
        self.here = runner_on(self.network)
        self.topic = emitted()

    def taker(self, name: str = "viewer") -> NodeRunner:
        return runner_on(self.network, name, "viewer")

    async def outlet(self) -> Outlet:
        return await self.topic.outlet(self.here)

    async def emit(self, count: int, load: bytes = b"", first: int = 0) -> None:
        for number in range(first, first + count):
            await self.topic.emit(self.here, number, load)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no two messages ride together, however fast they follow one another."""
    monkeypatch.setattr("peppy.runtime.outlet.PAUSE", -1)


async def take(messages: Messages[Item] | Inlet[Item], count: int) -> list[int]:
    next_one = messages.receive if isinstance(messages, Messages) else messages.next
    return [(await next_one())[1].number for _ in range(count)]


async def emitting(nursery: trio.Nursery, ends: Ends, count: int, load: bytes = b"") -> None:
    """Have messages emitted, and return when that goes no further."""
    nursery.start_soon(ends.emit, count, load)
    await wait_all_tasks_blocked()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("pause", [-1, 10**18])
def test_a_sender_waits_at_a_full_window_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, backend: str, pause: int
) -> None:
    monkeypatch.setattr("peppy.runtime.outlet.PAUSE", pause)

    async def main() -> None:
        ends = Ends()
        async with consumed().subscribe(ends.taker()) as messages:
            async with anyio.create_task_group() as group:
                group.start_soon(ends.emit, MANY)
                await anyio.wait_all_tasks_blocked()
                assert (await ends.outlet()).sequence == MOST
                assert await take(messages, MANY) == list(range(MANY))
            traffic = messages.traffic()
            assert traffic is not None
            assert (traffic.messages, traffic.dropped) == (MANY, 0)
            assert only_peer(traffic).lost == 0

    run_on(backend, main)


@pytest.mark.usefixtures("alone")
async def test_a_sender_goes_on_as_soon_as_a_quarter_of_its_window_has_been_taken(
    nursery: trio.Nursery,
) -> None:
    ends = Ends()
    async with consumed().subscribe(ends.taker()) as messages:
        await emitting(nursery, ends, MANY)
        await take(messages, MOST // 4 - 1)
        await wait_all_tasks_blocked()
        assert (await ends.outlet()).sequence == MOST
        await take(messages, 1)
        await wait_all_tasks_blocked()
        assert (await ends.outlet()).sequence == MOST + MOST // 4
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("size", "weight"),
    [(10_000, 10_000), (1 << 20, (1 << 20) // SHARED), (4 << 20, (4 << 20) // SHARED)],
)
async def test_heavy_messages_fill_a_window_by_their_weight(
    nursery: trio.Nursery, size: int, weight: int
) -> None:
    ends = Ends()
    async with consumed().subscribe(ends.taker()) as messages:
        await emitting(nursery, ends, 300, bytes(size))
        fit = -(-HEAVIEST // weight)
        assert (await ends.outlet()).sequence == fit
        assert await take(messages, 300) == list(range(300))


async def test_a_message_heavier_than_the_window_goes_alone(nursery: trio.Nursery) -> None:
    ends = Ends()
    async with consumed().subscribe(ends.taker()) as messages:
        await emitting(nursery, ends, 4, bytes(HEAVIEST * SHARED))
        assert (await ends.outlet()).sequence == 1
        assert await take(messages, 4) == list(range(4))


async def leave_block(messages: Messages[Item], _: NodeRunner) -> None:
    await messages.__aexit__(None, None, None)


async def close_node(_: Messages[Item], taker: NodeRunner) -> None:
    taker.close()


async def disconnect(_: Messages[Item], taker: NodeRunner) -> None:
    await taker.transport.close()


@pytest.mark.parametrize("leave", [leave_block, close_node, disconnect])
async def test_a_taker_that_goes_lets_its_sender_go(
    nursery: trio.Nursery, leave: Callable[[Messages[Item], NodeRunner], Awaitable[None]]
) -> None:
    ends = Ends()
    taker = ends.taker()
    async with consumed().subscribe(taker) as messages:
        await emitting(nursery, ends, MANY)
        assert (await ends.outlet()).sequence == MOST
        await leave(messages, taker)
        await wait_all_tasks_blocked()
        assert (await ends.outlet()).sequence == MANY


@pytest.mark.usefixtures("alone")
async def test_the_slowest_of_two_takers_counts(nursery: trio.Nursery) -> None:
    ends = Ends()
    async with (
        consumed().subscribe(ends.taker("slow")) as slow,
        consumed().subscribe(ends.taker("fast")) as fast,
    ):
        await emitting(nursery, ends, MANY)
        await take(fast, MOST)
        await wait_all_tasks_blocked()
        assert (await ends.outlet()).sequence == MOST
        await take(slow, MOST // 2)
        await wait_all_tasks_blocked()
        assert (await ends.outlet()).sequence == MOST + MOST // 2
        await leave_block(slow, ends.here)
        await wait_all_tasks_blocked()
        assert (await ends.outlet()).sequence == 2 * MOST
        assert await take(fast, MANY - MOST) == list(range(MOST, MANY))


async def test_a_sender_without_takers_waits_for_nobody(autojump_clock: MockClock) -> None:
    del autojump_clock
    ends = Ends()
    started = trio.current_time()
    async with consumed("radar").subscribe(ends.taker()):
        await ends.emit(MANY)
    assert trio.current_time() == started
    assert (await ends.outlet()).sequence == MANY


async def test_a_taker_that_comes_later_is_waited_for_from_then_on(nursery: trio.Nursery) -> None:
    ends = Ends()
    await ends.emit(MANY)
    await wait_all_tasks_blocked()
    async with consumed().subscribe(ends.taker()) as messages:
        await emitting(nursery, ends, MANY)
        assert (await ends.outlet()).sequence == MANY + MOST
        assert await take(messages, MANY) == list(range(MANY))


async def test_a_sender_knows_the_takers_that_were_there_before_it(nursery: trio.Nursery) -> None:
    ends = Ends()
    async with consumed(None).subscribe(ends.taker(), None, "front"):
        await emitting(nursery, ends, MANY)
        assert (await ends.outlet()).sequence == MOST
        nursery.cancel_scope.cancel()


@pytest.mark.usefixtures("alone")
async def test_a_taker_that_nobody_reads_lapses_with_one_warning_and_its_loss_is_counted(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    small = Terms(Delivery.RELIABLE, 2 * MOST, held_back=True, gaps_matter=True)
    monkeypatch.setitem(qos.TERMS, QoSProfile.Reliable, small)
    ends, topic = Ends(), consumed()
    taker = ends.taker()
    inlet = topic.inlet(taker, None, None)
    started = trio.current_time()
    await ends.emit(1)
    assert await take(inlet, 1) == [0]
    await ends.emit(MANY, first=1)
    assert trio.current_time() - started == pytest.approx(LAPSE)
    said = capsys.readouterr().err
    assert said.count("a consumer has taken nothing for 30 s; going on without it") == 1
    assert await take(inlet, 2 * MOST) == list(range(MOST + 1, MANY + 1))
    traffic = inlet.traffic()
    assert (traffic.dropped, only_peer(traffic).lost) == (MOST, MOST)
    assert (traffic.messages, traffic.waiting) == (2 * MOST + 1, 0)


@pytest.mark.parametrize(
    ("load", "many", "window"), [(b"", 20 * MOST, MOST), (bytes(200_000), 2000, 84)]
)
async def test_a_taker_that_lapsed_and_reads_again_is_waited_for_again(
    nursery: trio.Nursery, autojump_clock: MockClock, load: bytes, many: int, window: int
) -> None:
    del autojump_clock
    ends = Ends()
    inlet = consumed().inlet(ends.taker(), None, None)
    await ends.emit(many, load)
    assert await take(inlet, many) == list(range(many))
    started = trio.current_time()
    nursery.start_soon(ends.emit, MANY, load)
    await wait_all_tasks_blocked()
    ahead = (await ends.outlet()).sequence - many
    assert window * 2 // 3 < ahead <= window
    assert await take(inlet, MANY) == list(range(MANY))
    assert trio.current_time() == started


async def test_a_subscription_that_is_held_never_lapses(
    nursery: trio.Nursery, autojump_clock: MockClock, capsys: pytest.CaptureFixture[str]
) -> None:
    del autojump_clock
    ends = Ends()
    async with consumed().subscribe(ends.taker()) as messages:
        nursery.start_soon(ends.emit, MANY)
        await trio.sleep(100 * LAPSE)
        assert (await ends.outlet()).sequence == MOST
        assert await take(messages, MANY) == list(range(MANY))
    assert not capsys.readouterr().err


async def test_a_wait_that_is_cancelled_has_sent_nothing_and_leaves_no_trace(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    del autojump_clock
    ends = Ends()
    async with consumed().subscribe(ends.taker()) as messages:
        await ends.emit(MOST)
        for _ in range(3):
            with trio.move_on_after(1) as scope:
                await ends.topic.emit(ends.here, 999_999, b"")
            assert scope.cancelled_caught
        assert (await ends.outlet()).sequence == MOST
        nursery.start_soon(ends.emit, 10, b"", MOST)
        assert await take(messages, MOST + 10) == list(range(MOST + 10))
        traffic = messages.traffic()
        assert traffic is not None
        assert only_peer(traffic).lost == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_several_tasks_that_wait_at_a_full_window_all_get_through(backend: str) -> None:
    async def main() -> None:
        ends, got = Ends(), list[int]()
        async with consumed().subscribe(ends.taker()) as messages:
            async with anyio.create_task_group() as group:
                for task in range(5):
                    group.start_soon(ends.emit, MOST, b"", task * MOST)
                got += await take(messages, 5 * MOST)
            assert sorted(got) == list(range(5 * MOST))
            for task in range(5):
                mine = [number for number in got if number // MOST == task]
                assert mine == sorted(mine)

    run_on(backend, main)


async def test_a_closed_way_out_holds_nobody_back(nursery: trio.Nursery) -> None:
    ends = Ends()
    async with consumed().subscribe(ends.taker()):
        await emitting(nursery, ends, MANY)
        (await ends.outlet()).close()
        await wait_all_tasks_blocked()
        assert (await ends.outlet()).sequence == MANY


@pytest.mark.parametrize("profile", ["standard", "sensor_data"])
async def test_topics_that_may_lose_hold_nobody_back(profile: str) -> None:
    ends = Ends()
    ends.topic = emitted(profile)
    async with consumed(qos=profile).subscribe(ends.taker()) as messages:
        await ends.emit(MANY)
        first = (await messages.receive())[1].number
        traffic = messages.traffic()
        assert traffic is not None
        assert first == traffic.dropped > 0
