"""Asyncio loops of one run of Trio take turns, with one another and with Trio's own tasks."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from peppy.testing.stack import loop_scheduler
from peppy.testing.stack.asyncio_loop import DrivenLoop, run_driven
from peppy.testing.stack.carrier import running_loop
from peppy.testing.stack.seeds import run_seeded

Main = Callable[[], Coroutine[Any, Any, object]]


async def drive(main: Main) -> None:
    await run_driven(DrivenLoop(), main, 5.0)


def order(seed: int) -> list[str]:
    """Return in which order two loops and a task of Trio's run that are due at one moment."""
    ran: list[str] = []

    async def on_asyncio(name: str) -> None:
        await asyncio.sleep(1)
        ran.append(name)

    async def on_trio() -> None:
        await trio.sleep(1)
        ran.append("trio")

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for name in ("a", "b"):
                nursery.start_soon(run_driven, DrivenLoop(), partial(on_asyncio, name), 5.0)
            nursery.start_soon(on_trio)

    run_seeded(main, seed)
    return ran


def test_every_order_comes_and_for_a_seed_always_the_same() -> None:
    orders = [order(seed) for seed in range(300)]
    assert len({tuple(each) for each in orders}) == 6
    assert [order(seed) for seed in range(20)] == orders[:20]


def test_who_was_woken_first_does_not_decide_who_is_first() -> None:
    def ran(waking: list[int]) -> list[int]:
        seen: list[int] = []

        async def main() -> None:
            loops = [DrivenLoop() for _ in range(5)]
            events = [asyncio.Event() for _ in loops]
            async with trio.open_nursery() as nursery:
                for loop, event in zip(loops, events, strict=True):
                    nursery.start_soon(run_driven, loop, event.wait, 5.0)
                await trio.sleep(1)
                for number in waking:
                    loops[number].call_soon(seen.append, number)
                await trio.sleep(1)
                for loop, event in zip(loops, events, strict=True):
                    loop.call_soon(event.set)

        run_seeded(main, 3)
        return seen

    assert ran([0, 1, 2, 3, 4]) == ran([4, 2, 0, 3, 1])


async def test_loops_that_wake_one_another_need_no_turn_of_trio(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    del autojump_clock
    monkeypatch.setattr(loop_scheduler, "GIVE_WAY", 0.0)
    turns: list[float] = []

    class Counting(trio.abc.Instrument):
        def before_io_wait(self, timeout: float) -> None:
            turns.append(timeout)

    loops = [DrivenLoop() for _ in range(8)]
    events = [asyncio.Event() for _ in loops]
    passed: list[int] = []

    def pass_on(number: int) -> None:
        passed.append(len(turns))
        if number + 1 < len(loops):
            loops[number + 1].call_soon(pass_on, number + 1)

    async with trio.open_nursery() as nursery:
        for loop, event in zip(loops, events, strict=True):
            nursery.start_soon(run_driven, loop, event.wait, 5.0)
        await trio.testing.wait_all_tasks_blocked()
        trio.lowlevel.add_instrument(counting := Counting())
        loops[0].call_soon(pass_on, 0)
        await trio.testing.wait_all_tasks_blocked()
        trio.lowlevel.remove_instrument(counting)
        for loop, event in zip(loops, events, strict=True):
            loop.call_soon(event.set)
    assert passed == [passed[0]] * len(loops)


async def test_loops_that_never_cease_to_wake_one_another_leave_trio_its_timers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop_scheduler, "GIVE_WAY", 0.0)
    first, second = DrivenLoop(), DrivenLoop()
    passed: list[int] = []

    def pass_on(here: DrivenLoop, there: DrivenLoop) -> None:
        passed.append(0)
        there.call_soon(pass_on, there, here)

    with trio.move_on_after(0.01) as patience:
        async with trio.open_nursery() as nursery:
            for loop in (first, second):
                nursery.start_soon(run_driven, loop, asyncio.Event().wait, 5.0)
            first.call_soon(pass_on, first, second)
    assert patience.cancelled_caught
    assert len(passed) > loop_scheduler.ROUNDS


async def test_what_is_for_afterwards_is_called_by_trio() -> None:
    loop = DrivenLoop()
    called: list[object] = []

    async def main() -> None:
        loop.afterwards(lambda: called.append(running_loop()))
        await asyncio.sleep(0)
        assert not called

    await run_driven(loop, main, 5.0)
    assert called == [None]


async def test_what_goes_wrong_in_a_callback_is_said_where_the_loop_is_driven() -> None:
    whose: ContextVar[str] = ContextVar("whose", default="nobody's")
    said: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def say(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            del loop, context
            said.append(whose.get())

        loop.set_exception_handler(say)
        loop.call_soon(lambda: 1 / 0, context=Context())
        await asyncio.sleep(0.001)

    async def driven() -> None:
        whose.set("the driver's")
        await drive(main)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(driven)
    assert said == ["the driver's"]


async def test_what_is_called_again_and_again_is_called_in_its_context_until_the_end() -> None:
    whose: ContextVar[str] = ContextVar("whose", default="nobody's")
    loop = DrivenLoop()
    called: list[str] = []
    over = asyncio.Event()

    def note() -> None:
        called.append(whose.get())
        if len(called) == 3:
            over.set()

    context = copy_context()
    context.run(whose.set, "mine")
    call = loop.calling_in(context)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_driven, loop, over.wait, 5.0)
        for _ in range(3):
            await trio.testing.wait_all_tasks_blocked()
            call(note)
    call(note)
    assert called == ["mine"] * 3
    ended: Any = loop
    assert not ended._ready
