import math
from importlib import import_module
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from peppy.testing.stack.alarms import Alarm, sleep_until, sleeping_by_alarms


async def test_alarms_go_off_when_they_are_due_and_not_once_they_are_cancelled(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    began = trio.current_time()
    heard: list[tuple[str, float]] = []

    def hear(name: str) -> None:
        heard.append((name, trio.current_time() - began))

    late = Alarm(began + 3, lambda: hear("late"))
    Alarm(began + 1, lambda: hear("early"))
    gone = Alarm(began + 2, lambda: hear("cancelled"))
    gone.cancel()
    gone.cancel()
    Alarm(began - 1, lambda: hear("past"))
    await trio.sleep(10)
    late.cancel()
    assert heard == [("past", 0), ("early", 1), ("late", 3)]


async def test_an_alarm_wakes_the_task_that_waits_for_it(autojump_clock: MockClock) -> None:
    del autojump_clock
    began, task = trio.current_time(), trio.lowlevel.current_task()
    Alarm(began + 5, lambda: trio.lowlevel.reschedule(task))
    await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.SUCCEEDED)
    assert trio.current_time() == began + 5


async def test_trio_forgets_alarms_that_are_cancelled_however_many(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    heard: list[int] = []
    deadlines: Any = import_module("trio._core._run").GLOBAL_RUN_CONTEXT.runner.deadlines
    for number in range(5000):
        Alarm(trio.current_time() + 1 + number, lambda: heard.append(0)).cancel()
    kept = Alarm(trio.current_time() + 2, lambda: heard.append(1))
    await trio.sleep(1)
    assert trio.lowlevel.current_statistics().seconds_to_next_deadline == 1
    assert len(deadlines._heap) < 10
    await trio.sleep(10_000)
    assert heard == [1]
    kept.cancel()
    assert trio.lowlevel.current_statistics().seconds_to_next_deadline == math.inf


async def test_who_sleeps_by_an_alarm_wakes_when_it_is_due_or_cancelled(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    began = trio.current_time()
    deadlines: Any = import_module("trio._core._run").GLOBAL_RUN_CONTEXT.runner.deadlines
    active = deadlines._active
    with sleeping_by_alarms():
        await trio.sleep(3)
        assert trio.current_time() == began + 3
        with trio.move_on_after(2):
            await trio.sleep(math.inf)
        with trio.move_on_after(5) as scope:
            await trio.sleep(5.5)
        assert scope.cancelled_caught
        with pytest.raises(ValueError, match="NaN"):
            await trio.sleep(math.nan)
    assert trio.current_time() == began + 10
    assert deadlines._active == active


async def test_who_sleeps_no_time_by_an_alarm_lets_others_run() -> None:
    ran: list[str] = []

    async def other() -> None:
        ran.append("other")

    with sleeping_by_alarms():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(other)
            await trio.lowlevel.checkpoint()
            ran.append("I")
            await sleep_until(trio.current_time() - 1)
    with trio.CancelScope() as scope:
        scope.cancel()
        await sleep_until(trio.current_time() - 1)
    assert scope.cancelled_caught
    assert sorted(ran) == ["I", "other"]


def test_trio_sleeps_in_its_own_way_again_however_blocks_overlap() -> None:
    timeouts: Any = import_module("trio._timeouts")
    own = timeouts.sleep_until
    assert own is not sleep_until
    one, other = sleeping_by_alarms(), sleeping_by_alarms()
    one.__enter__()
    other.__enter__()
    assert timeouts.sleep_until is sleep_until
    one.__exit__(None, None, None)
    other.__exit__(None, None, None)
    assert timeouts.sleep_until is own
