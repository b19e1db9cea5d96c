"""The token is set once, from anywhere, and whoever waits for it is woken under both loops."""

import asyncio
import threading

import trio
from trio.testing import wait_all_tasks_blocked

from peppy.runtime.token import CancellationToken


def test_it_is_not_cancelled_until_it_is_and_then_stays_so() -> None:
    token = CancellationToken()
    assert not token.is_cancelled()
    token.cancel()
    token.cancel()
    assert token.is_cancelled()


async def test_every_trio_waiter_is_woken() -> None:
    token = CancellationToken()
    woken: list[int] = []

    async def wait(number: int) -> None:
        await token.cancelled()
        woken.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(wait, number)
        await wait_all_tasks_blocked()
        assert woken == []
        token.cancel()
    assert sorted(woken) == [0, 1, 2]


async def test_waiting_for_a_cancelled_token_returns_at_once() -> None:
    token = CancellationToken()
    token.cancel()
    with trio.fail_after(1):
        await token.cancelled()


async def test_another_thread_wakes_a_trio_waiter() -> None:
    token = CancellationToken()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(token.cancelled)
        await wait_all_tasks_blocked()
        await trio.to_thread.run_sync(token.cancel)
    assert token.is_cancelled()


def test_another_thread_wakes_an_asyncio_waiter() -> None:
    token = CancellationToken()

    async def main() -> None:
        waiter = asyncio.create_task(token.cancelled())
        await asyncio.sleep(0)
        await asyncio.to_thread(token.cancel)
        await asyncio.wait_for(waiter, 5)

    asyncio.run(main())
    assert token.is_cancelled()


def test_one_token_wakes_waiters_of_several_loops() -> None:
    token = CancellationToken()
    waiting = threading.Barrier(3)

    async def wait() -> None:
        waiting.wait(5)
        await token.cancelled()

    threads = [
        threading.Thread(target=lambda: asyncio.run(wait())),
        threading.Thread(target=lambda: trio.run(wait)),
    ]
    for thread in threads:
        thread.start()
    waiting.wait(5)
    token.cancel()
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    token = CancellationToken()
    with trio.move_on_after(0):
        await token.cancelled()
    token.cancel()
    assert token.is_cancelled()


def test_a_waiter_whose_loop_has_ended_does_not_trouble_the_one_who_cancels() -> None:
    token = CancellationToken()
    called: list[str] = []

    async def leave() -> None:
        token.calling(lambda: called.append("late")).__enter__()

    asyncio.run(leave())
    token.cancel()
    assert token.is_cancelled()
    assert called == []


async def test_a_call_is_made_before_the_block_if_shutdown_has_begun() -> None:
    token = CancellationToken()
    token.cancel()
    called: list[str] = []
    with token.calling(lambda: called.append("now")):
        assert called == ["now"]
