"""The ring loses nothing to cancelled waits, counts what it drops, and takes back what it gave."""

import asyncio
import threading
from collections.abc import Callable

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from peppy.runtime.transport.port import Closed, Statistics
from peppy.runtime.transport.ring import TURN, Ring


def ring(capacity: int = 8, on_close: Callable[[Ring[int]], None] = lambda _: None) -> Ring[int]:
    return Ring("the ring", capacity, on_close)


def give(ring: Ring[int], *items: int) -> None:
    for item in items:
        ring.push(item)
    ring.wake()


def test_a_full_ring_gives_up_its_oldest_items_and_counts_them() -> None:
    it = ring(capacity=3)
    give(it, 1, 2, 3, 4, 5)
    assert [it.receive_nowait() for _ in range(4)] == [3, 4, 5, None]
    assert it.statistics() == Statistics(received=5, dropped=2, waiting=0)


def test_what_was_pushed_is_opened_when_it_is_taken_and_not_before() -> None:
    opened: list[int] = []

    def open_it(item: int) -> int:
        opened.append(item)
        return -item

    it: Ring[int] = Ring("the ring", 2, lambda _: None, open_it)
    give(it, 1, 2, 3)
    assert not opened
    assert [it.receive_nowait(), it.receive_nowait()] == [-2, -3]
    assert opened == [2, 3]


def test_a_ring_that_was_given_back_more_than_it_holds_loses_none_of_it() -> None:
    it = ring(capacity=2)
    give(it, 8, 9)
    it.put_back([1, 2, 3])
    assert it.statistics() == Statistics(received=2, dropped=0, waiting=5)
    assert [it.receive_nowait() for _ in range(6)] == [1, 2, 3, 8, 9, None]


def test_a_closed_ring_hands_out_what_it_holds_and_takes_no_more() -> None:
    it = ring()
    give(it, 1)
    it.close()
    give(it, 2)
    assert (it.receive_nowait(), it.receive_nowait()) == (1, None)


async def test_receiving_from_a_closed_ring_raises_only_once_it_is_empty() -> None:
    it = ring()
    give(it, 1)
    it.close()
    assert await it.receive() == 1
    with pytest.raises(Closed, match="the ring is closed"):
        await it.receive()


async def test_waiting_tasks_are_served_in_the_order_in_which_they_came(
    nursery: trio.Nursery,
) -> None:
    it, got = ring(), list[tuple[str, int]]()

    async def receive(name: str) -> None:
        got.append((name, await it.receive()))

    for name in "abc":
        nursery.start_soon(receive, name)
        await wait_all_tasks_blocked()
    give(it, 1, 2, 3)
    assert it.receive_nowait() is None, "what is granted is nobody else's"
    await wait_all_tasks_blocked()
    assert sorted(got) == [("a", 1), ("b", 2), ("c", 3)]


async def test_closing_wakes_every_waiting_task_and_leaves_the_items_to_the_first(
    nursery: trio.Nursery,
) -> None:
    it, got = ring(), list[int | str]()

    async def receive() -> None:
        try:
            got.append(await it.receive())
        except Closed:
            got.append("closed")

    for _ in range(3):
        nursery.start_soon(receive)
    await wait_all_tasks_blocked()
    give(it, 7)
    it.close()
    await wait_all_tasks_blocked()
    assert sorted(got, key=str) == [7, "closed", "closed"]


@given(
    st.lists(st.sampled_from(["push", "wait", "cancel", "push and cancel", "turn"]), max_size=40)
)
def test_however_pushes_and_cancellations_meet_each_item_arrives_once_and_in_order(
    steps: list[str],
) -> None:
    got, left, pushed = list[int](), list[int](), 0
    waits: list[trio.CancelScope] = []

    async def receive(it: Ring[int], scope: trio.CancelScope) -> None:
        with scope:
            got.append(await it.receive())

    async def main() -> None:
        nonlocal pushed
        it = ring(capacity=100)
        async with trio.open_nursery() as nursery:
            for step in steps:
                if "push" in step:
                    give(it, pushed)
                    pushed += 1
                if "cancel" in step and waits:
                    waits.pop(0).cancel()
                if step == "wait":
                    waits.append(trio.CancelScope())
                    nursery.start_soon(receive, it, waits[-1])
                    await wait_all_tasks_blocked()
                if step == "turn":
                    await wait_all_tasks_blocked()
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        while (item := it.receive_nowait()) is not None:
            left.append(item)

    trio.run(main)
    assert sorted(got) + left == list(range(pushed))


def test_asyncio_timeouts_lose_nothing() -> None:
    async def main() -> list[int]:
        it, got = ring(capacity=1000), list[int]()

        async def feed() -> None:
            for number in range(300):
                give(it, number)
                await asyncio.sleep(0)

        feeding = asyncio.create_task(feed())
        timeouts = [0, 0.00001, 0.0001]
        while len(got) < 300:
            try:
                got.append(await asyncio.wait_for(it.receive(), timeouts[len(got) % 2 + 1]))
            except TimeoutError:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(asyncio.Event().wait(), timeouts[0])
        await feeding
        return got

    assert asyncio.run(main()) == list(range(300))


def test_on_asyncio_an_item_whose_receiver_is_cancelled_at_once_goes_to_the_next() -> None:
    async def main() -> tuple[bool, int]:
        it = ring()
        first, second = (asyncio.create_task(it.receive()) for _ in range(2))
        await asyncio.sleep(0)
        give(it, 1)
        first.cancel()
        return await second == 1, it.statistics().waiting

    assert asyncio.run(main()) == (True, 0)


async def test_a_receiver_that_never_has_to_wait_lets_others_run(nursery: trio.Nursery) -> None:
    it, ran = ring(capacity=4 * TURN), list[int]()

    async def other() -> None:
        ran.append(it.statistics().waiting)

    give(it, *range(4 * TURN))
    nursery.start_soon(other)
    for _ in range(2 * TURN):
        await it.receive()
    assert ran


@pytest.mark.parametrize("capacity", [1, 2, 16])
def test_threads_that_push_while_another_takes_lose_count_of_nothing(capacity: int) -> None:
    it, each, taken = ring(capacity=capacity), 5000, 0

    def push() -> None:
        for _ in range(each):
            it.push(1)

    threads = [threading.Thread(target=push) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken += it.receive_nowait() or 0
    counted = it.statistics()
    assert counted.received == 3 * each
    assert counted.waiting <= capacity
    assert taken + counted.dropped + counted.waiting == 3 * each
