import asyncio
import gc
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest
import sniffio
import trio
import trio.testing

from peppy.runtime.transport.waiting import on_trio
from peppy.testing.stack.asyncio_loop import DrivenLoop, run_driven
from peppy.testing.stack.asyncio_remains import bury

Main = Callable[[], Coroutine[Any, Any, object]]


async def drive(main: Main) -> None:
    await run_driven(DrivenLoop(), main, 5.0)


async def killed_after(seconds: float, main: Main) -> None:
    """Run `main` for so long; it is gone then."""
    with trio.move_on_after(seconds):
        await drive(main)


async def test_sleeping_takes_virtual_time_only(autojump_clock: trio.testing.MockClock) -> None:
    del autojump_clock
    seen: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(3600)
        seen.append(loop.time())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await asyncio.Event().wait()
        seen.append(loop.time())

    began = trio.current_time()
    await drive(main)
    assert [each - began for each in seen] == [3600, 3600.5]
    assert trio.current_time() - began == 3600.5


async def test_timers_go_off_exactly_when_they_are_due(
    autojump_clock: trio.testing.MockClock,
) -> None:
    del autojump_clock
    seen: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        due = (0.3, 0.1 + 0.2, 0.30000000005)
        for when in reversed(due):
            loop.call_at(when, lambda: seen.append(loop.time()))
        loop.call_at(0.2, lambda: seen.append(-1.0)).cancel()
        await asyncio.sleep(1)

    await drive(main)
    assert seen == [0.3, 0.1 + 0.2, 0.30000000005]


async def test_two_loops_take_turns_on_one_clock(autojump_clock: trio.testing.MockClock) -> None:
    del autojump_clock
    seen: list[tuple[str, int]] = []

    async def ticking(name: str, first: float) -> None:
        await asyncio.sleep(first)
        for number in range(3):
            seen.append((name, number))
            await asyncio.sleep(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drive, lambda: ticking("a", 0.0))
        nursery.start_soon(drive, lambda: ticking("b", 0.5))
    assert seen == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2), ("b", 2)]


async def test_a_loop_that_is_never_idle_lets_others_have_their_turn() -> None:
    over = False

    async def spinning() -> None:
        while not over:  # noqa: ASYNC110  # it is to have something to do all the time
            await asyncio.sleep(0)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drive, spinning)
        for _ in range(3):
            await trio.lowlevel.checkpoint()
        over = True


async def test_libraries_take_the_driven_loop_for_asyncio_and_the_driver_for_trio() -> None:
    found: list[object] = []

    async def main() -> None:
        found.extend((sniffio.current_async_library(), on_trio()))
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 0)

    await drive(main)
    assert found == ["asyncio", False]
    assert (sniffio.current_async_library(), on_trio()) == ("trio", True)


async def test_a_call_from_outside_wakes_a_loop_that_waits() -> None:
    loop = DrivenLoop()
    came = asyncio.Event()

    async def main() -> None:
        await came.wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_driven, loop, main, 5.0)
        await trio.testing.wait_all_tasks_blocked()
        loop.call_soon(came.set)
    assert loop.is_closed()


async def test_a_call_from_another_thread_wakes_a_loop_that_waits() -> None:
    async def main() -> None:
        loop, came = asyncio.get_running_loop(), asyncio.Event()
        threading.Thread(target=lambda: loop.call_soon_threadsafe(came.set)).start()
        await came.wait()

    await drive(main)


async def test_virtual_time_stands_still_for_a_job_on_a_thread(
    autojump_clock: trio.testing.MockClock,
) -> None:
    del autojump_clock
    at: list[float] = []

    def work() -> int:
        time.sleep(0.01)
        return 7

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ticking = asyncio.create_task(asyncio.sleep(100))
        assert await asyncio.to_thread(work) == 7
        at.append(loop.time())
        ticking.cancel()

    began = trio.current_time()
    await drive(main)
    assert at == [began]


async def test_a_job_may_wait_for_its_loop(autojump_clock: trio.testing.MockClock) -> None:
    del autojump_clock
    found: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def answer() -> float:
            await asyncio.sleep(0)
            return 1.5

        def ask() -> float:
            return asyncio.run_coroutine_threadsafe(answer(), loop).result(timeout=10)

        found.append(await asyncio.to_thread(ask))

    await drive(main)
    assert found == [1.5]


async def test_a_job_that_sleeps_lets_virtual_time_pass(
    autojump_clock: trio.testing.MockClock,
) -> None:
    del autojump_clock
    loop = DrivenLoop()
    slept: list[bool] = []

    async def main() -> None:
        await asyncio.to_thread(lambda: slept.append(loop.sleep_in_job(50)))

    began = trio.current_time()
    await run_driven(loop, main, 5.0)
    assert slept == [True]
    assert trio.current_time() - began == 50
    assert not loop.sleep_in_job(1)


async def test_sockets_are_heard_of() -> None:
    heard: list[bytes] = []
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    async def main() -> None:
        heard.append(await asyncio.get_running_loop().sock_recv(ours, 16))

    with ours, theirs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(drive, main)
            await trio.testing.wait_all_tasks_blocked()
            theirs.send(b"hello")
    assert heard == [b"hello"]


async def test_what_a_main_raises_comes_out() -> None:
    async def main() -> None:
        raise ValueError("of no use")

    with pytest.raises(ValueError, match="of no use"):
        await drive(main)


async def test_a_task_that_leaves_the_program_ends_the_main_in_good_order(
    autojump_clock: trio.testing.MockClock,
) -> None:
    del autojump_clock
    seen: list[str] = []

    async def leaving() -> None:
        await asyncio.sleep(1)
        raise SystemExit(3)

    async def main() -> None:
        task = asyncio.create_task(leaving())
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(1)
            seen.append(f"cleaned up, {task.done()}")

    with pytest.raises(SystemExit) as left:
        await drive(main)
    assert left.value.code == 3
    assert seen == ["cleaned up, True"]


async def test_asynchronous_generators_are_closed_at_the_end() -> None:
    seen: list[str] = []

    async def numbers() -> Any:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            seen.append("closed")

    async def main() -> None:
        generators.append(numbers())
        await anext(generators[0])

    generators: list[Any] = []
    await drive(main)
    assert seen == ["closed"]


async def test_a_loop_that_is_frozen_does_later_what_it_should_have_done(
    autojump_clock: trio.testing.MockClock,
) -> None:
    del autojump_clock
    loop = DrivenLoop()
    seen: list[float] = []

    async def main() -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            seen.append(trio.current_time() - began)

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_driven, loop, main, 5.0)
        await trio.sleep(1.5)
        loop.freeze()
        loop.call_soon(lambda: None)
        await trio.sleep(5)
        assert seen == [1]
        loop.thaw()
    assert seen == [1, 6.5, 7.5]


async def test_a_loop_that_is_frozen_with_something_to_do_does_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    del autojump_clock
    loop, seen = DrivenLoop(), list[int]()
    over = asyncio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_driven, loop, over.wait, 5.0)
        await trio.sleep(1)
        loop.call_soon(seen.append, 1)
        loop.freeze()
        await trio.sleep(1)
        assert seen == []
        loop.thaw()
        loop.call_soon(over.set)
    assert seen == [1]


async def test_a_loop_may_end_in_the_moment_in_which_it_begins_to_watch_a_socket() -> None:
    ours, theirs = socket.socketpair()

    async def main() -> None:
        asyncio.get_running_loop().add_reader(ours, ours.recv, 1)

    with ours, theirs:
        for _ in range(20):
            await drive(main)
            await trio.testing.wait_all_tasks_blocked()


async def test_what_a_frozen_loop_does_not_read_keeps_nobody_busy() -> None:
    loop, seen = DrivenLoop(), list[bytes]()
    ours, theirs = socket.socketpair()

    async def main() -> None:
        heard = asyncio.Event()

        def read() -> None:
            seen.append(ours.recv(1))
            heard.set()

        asyncio.get_running_loop().add_reader(ours, read)
        await heard.wait()

    with ours, theirs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_driven, loop, main, 5.0)
            await trio.testing.wait_all_tasks_blocked()
            loop.freeze()
            theirs.send(b"!")
            with trio.fail_after(2):
                await trio.testing.wait_all_tasks_blocked(0.01)
            assert seen == []
            loop.thaw()
    assert seen == [b"!"]


async def test_nothing_that_is_killed_cleans_up_or_warns(
    autojump_clock: trio.testing.MockClock, recwarn: pytest.WarningsRecorder
) -> None:
    del autojump_clock
    seen: list[str] = []

    async def forever(name: str) -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            seen.append(name)
            await asyncio.ensure_future(never())
            seen.append("not this")

    async def never() -> None:
        seen.append("nor this")

    async def main() -> None:
        other = asyncio.create_task(forever("other"))
        loop = asyncio.get_running_loop()
        loop.call_later(0.5, lambda: loop.create_task(forever("third")))
        loop.call_later(1, lambda: loop.create_task(never()))
        await forever("main")
        await other

    await killed_after(1, main)
    gc.collect()
    await trio.sleep(5000)
    assert seen == []
    bury()
    gc.collect()
    assert sorted(seen) == ["main", "other", "third"]
    assert [str(warning.message) for warning in recwarn] == []


async def test_calls_to_a_loop_that_was_killed_are_forgotten(
    autojump_clock: trio.testing.MockClock,
) -> None:
    del autojump_clock
    loop = DrivenLoop()
    seen: list[int] = []
    with trio.move_on_after(1):
        await run_driven(loop, lambda: asyncio.sleep(100), 5.0)
    loop.call_soon(seen.append, 1)
    loop.call_soon_threadsafe(seen.append, 2)
    loop.call_later(1, seen.append, 3)
    await trio.sleep(10)
    assert seen == []
