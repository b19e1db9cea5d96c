import math
from importlib import import_module
from typing import Any

import trio
from trio.testing import MockClock

from peppy.testing.stack.alarms import Alarm


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
