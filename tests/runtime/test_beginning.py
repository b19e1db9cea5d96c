"""A taker is handed a sender's messages from one on and no gap behind it, also while nodes link."""

import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import anyio
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.runtime.beginning import PATIENCE
from peppy.runtime.credit import BEGINNING, MOST
from peppy.runtime.inlet import Messages
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.runtime.transport.port import Closed, Sample
from peppy.runtime.transport.zenoh import open_peer
from peppy.schema import keys
from tests.runtime.memory_nodes import BACKENDS, runner_on, runner_over
from tests.runtime.topic_ends import (
    Item,
    Source,
    consumed,
    emitted,
    numbers_in,
    only_peer,
    packed,
    run_on,
)
from tests.runtime.transport.wires import router_somewhere

SENDERS = 2

ROUNDS = 20
"""Nodes that join, twice: what one in ten of them hears first has a gap that zenoh makes."""

WHOLE = 40
"""Messages of each sender that each of them hears in a row."""


class Lossy(MemoryNetwork):
    """Loses the items of some numbers, as zenoh does while two nodes link."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = range(0)

    def deliver(self, sample: Sample) -> None:
        is_item = sample.key.startswith(f"{keys.ROOT}/topic/")
        if is_item and set(numbers_in(sample.payload, sample.attachment)) <= set(self.lost):
            return
        super().deliver(sample)


class Ends:
    """A node that emits and one that takes."""

    def __init__(self) -> None:
        self.network = Lossy()
        self.here = runner_on(self.network)
        self.there = runner_on(self.network, "viewer", "viewer")
        self.topic = emitted()
        self.number = 0

    async def emit(self, count: int) -> None:
        for number in range(self.number, self.number + count):
            self.number = number + 1
            await self.topic.emit(self.here, number, b"")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no two messages ride together, however fast they follow one another."""
    monkeypatch.setattr("peppy.runtime.outlet.PAUSE", -1)


async def take(messages: Messages[Item], count: int) -> list[int]:
    return [(await messages.receive())[1].number for _ in range(count)]


def lost(messages: Messages[Item]) -> int:
    traffic = messages.traffic()
    assert traffic is not None
    return only_peer(traffic).lost


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("gap", "handed"),
    [
        (range(1, 3), [3, 4, 5]),
        (range(3, 5), [5]),
        (range(5), [5]),
        (range(0), [0, 1, 2, 3, 4, 5]),
    ],
)
def test_what_is_heard_before_a_gap_that_was_there_at_first_is_handed_to_nobody(
    backend: str, gap: range, handed: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        ends = Ends()
        async with consumed().subscribe(ends.there) as messages:
            ends.network.lost = gap
            await ends.emit(6)
            assert await take(messages, len(handed)) == handed
            await ends.emit(2)
            assert await take(messages, 2) == [6, 7]
            assert lost(messages) == 0

    run_on(backend, main)
    assert not capsys.readouterr().err


@pytest.mark.usefixtures("alone")
async def test_what_is_heard_before_a_gap_waits_for_what_comes_behind_the_gap() -> None:
    ends = Ends()
    async with consumed().subscribe(ends.there) as messages:
        ends.network.lost = range(1, 3)
        await ends.emit(3)
        with trio.move_on_after(0):
            await messages.receive()
        traffic = messages.traffic()
        assert traffic is not None
        assert (traffic.messages, traffic.waiting) == (0, 1)
        await ends.emit(1)
        assert await take(messages, 1) == [3]
        assert lost(messages) == 0


@pytest.mark.usefixtures("alone")
async def test_a_gap_behind_the_beginning_is_counted_and_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ends = Ends()
    async with consumed().subscribe(ends.there) as messages:
        await ends.emit(1)
        assert await take(messages, 1) == [0]
        ends.network.lost = range(1, 3)
        await ends.emit(3)
        assert await take(messages, 1) == [3]
        assert lost(messages) == 2
    assert "2 messages of 'front' were lost (2 of it so far)" in capsys.readouterr().err


async def test_messages_that_wait_to_go_together_may_come_after_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("peppy.runtime.outlet.PAUSE", 10**18)
    monkeypatch.setattr("peppy.runtime.outlet.ALONE", 1)
    ends = Ends()
    async with consumed().subscribe(ends.there) as messages:
        told = MemoryTransport(ends.network).subscribe(f"{keys.ROOT}/beginning/*")
        await ends.emit(10)
        with trio.move_on_after(0):
            await messages.receive()
        assert BEGINNING.unpack((await told.receive()).payload)[1] == 10
        assert await take(messages, 10) == list(range(10))
        assert lost(messages) == 0


@pytest.mark.usefixtures("alone")
async def test_a_sender_waits_for_nobody_who_waits_for_what_went_to_others(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    del autojump_clock
    ends = Ends()
    async with consumed().subscribe(ends.there) as messages:
        ends.network.lost = range(1, MOST)
        nursery.start_soon(ends.emit, 2 * MOST)
        await wait_all_tasks_blocked()
        assert ends.number == MOST + 1  # and this one waits
        assert await take(messages, MOST) == list(range(MOST, 2 * MOST))
        assert lost(messages) == 0


class Mute:
    """A sender that does not answer, and who hears what it is asked."""

    def __init__(self) -> None:
        self.network = MemoryNetwork()
        self.source = Source(self.network)
        self.there = runner_on(self.network, "viewer", "viewer")
        self.listening = MemoryTransport(self.network).subscribe(keys.credit(1))


@pytest.mark.parametrize("heard", [[0, 1, 2], [0, 2]])
async def test_without_an_answer_all_is_handed_out_after_a_while(
    heard: list[int], autojump_clock: MockClock
) -> None:
    del autojump_clock
    mute, started = Mute(), trio.current_time()
    async with consumed().subscribe(mute.there) as messages:
        for number in heard:
            mute.source.sequence = number
            mute.source.one(packed(number))
        assert await take(messages, len(heard)) == heard
        assert trio.current_time() - started == pytest.approx(PATIENCE)
        assert mute.listening.receive_nowait() is not None
        assert lost(messages) == 3 - len(heard)
        mute.source.one(packed(3))
        assert await take(messages, 1) == [3]
        assert trio.current_time() - started == pytest.approx(PATIENCE)


async def test_a_wait_for_an_answer_goes_on_over_waits_that_are_cancelled(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    mute, started = Mute(), trio.current_time()
    async with consumed().subscribe(mute.there) as messages:
        mute.source.one(packed(0))
        for _ in range(3):
            with trio.move_on_after(PATIENCE / 4) as scope:
                await messages.receive()
            assert scope.cancelled_caught
        assert await take(messages, 1) == [0]
        assert trio.current_time() - started == pytest.approx(PATIENCE)


async def test_a_sender_that_cannot_be_asked_is_not_waited_for(autojump_clock: MockClock) -> None:
    del autojump_clock
    mute, started = Mute(), trio.current_time()
    mute.listening.close()
    async with consumed().subscribe(mute.there) as messages:
        mute.source.one(packed(0))
        assert await take(messages, 1) == [0]
    assert trio.current_time() == started


async def close_inlet(messages: Messages[Item], mute: Mute) -> None:
    del messages
    mute.there.close()


async def close_transport(messages: Messages[Item], mute: Mute) -> None:
    del messages
    await mute.there.transport.close()


@pytest.mark.parametrize("close", [close_inlet, close_transport])
async def test_what_is_held_at_the_end_is_still_handed_out(
    nursery: trio.Nursery, close: Callable[[Messages[Item], Mute], Awaitable[None]]
) -> None:
    mute, got = Mute(), list[int]()
    async with consumed().subscribe(mute.there) as messages:

        async def read() -> None:
            got.extend(await take(messages, 2))
            with pytest.raises(Closed):
                await messages.receive()

        mute.source.one(packed(0))
        mute.source.one(packed(1))
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        assert not got
        await close(messages, mute)
        await wait_all_tasks_blocked()
        assert got == [0, 1]


async def hear_whole(port: int, name: str) -> None:
    """Join, subscribe at once, and hear so many messages of each sender without a gap."""
    transport = await open_peer("127.0.0.1", port, shares_memory=False)
    runner = runner_over(transport, name, "viewer")
    got: dict[str, list[int]] = {}
    try:
        async with consumed().subscribe(runner) as messages:
            while len(got) < SENDERS or any(len(numbers) < WHOLE for numbers in got.values()):
                sender, item = await messages.receive()
                got.setdefault(sender, []).append(item.number)
    finally:
        runner.close()
        await transport.close()
    for numbers in got.values():
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_node_that_joins_senders_under_way_is_handed_no_gap(backend: str) -> None:
    async def main() -> None:
        router, port = await router_somewhere()
        words = [sys.executable, "-m", "tests.runtime.sending_node", str(port)]

        async def join(name: str) -> None:
            for number in range(ROUNDS):
                await hear_whole(port, f"{name}-{number}")

        async with AsyncExitStack() as senders:
            for number in range(SENDERS):
                process = await anyio.open_process([*words, f"camera-{number}"], stderr=None)
                await senders.enter_async_context(process)
                senders.callback(process.kill)
            async with anyio.create_task_group() as group:
                group.start_soon(join, "one")
                group.start_soon(join, "other")
        await router.close()

    run_on(backend, main)
