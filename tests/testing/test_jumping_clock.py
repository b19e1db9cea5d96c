"""Trio on a clock that jumps as soon as nothing can run, and never past what comes first."""

import socket
from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock

from peppy.testing.jumping_clock import JumpingClock, jumps
from peppy.testing.seeding import seeded

Main = Callable[[], Awaitable[None]]


def run(main: Main) -> None:
    trio.run(main, clock=JumpingClock())


def test_everybody_wakes_exactly_when_it_is_due() -> None:
    woken: list[float] = []

    async def sleep(seconds: float) -> None:
        await trio.sleep(seconds)
        woken.append(trio.current_time())

    async def main() -> None:
        assert trio.current_time() == 0.0
        async with trio.open_nursery() as nursery:
            for seconds in (86400.1, 0.3, 0.1 + 0.2, 1e-9):
                nursery.start_soon(sleep, seconds)

    run(main)
    assert woken == [1e-9, 0.3, 0.1 + 0.2, 86400.1]


def test_what_runs_on_it_runs_as_on_the_mock_clock_of_trio() -> None:
    def lived(clock: trio.abc.Clock) -> list[tuple[float, int]]:
        seen: list[tuple[float, int]] = []

        async def live(number: int) -> None:
            for _ in range(5):
                with trio.move_on_after(number * 0.25):
                    await trio.sleep(1)
                seen.append((trio.current_time(), number))

        async def main() -> None:
            async with trio.open_nursery() as nursery:
                for number in range(6):
                    nursery.start_soon(live, number)

        with seeded(3):
            trio.run(main, clock=clock)
        return seen

    assert lived(JumpingClock()) == lived(MockClock(autojump_threshold=0))


def test_what_has_come_by_a_socket_is_heard_before_the_time_is_over() -> None:
    heard: list[float] = []
    ours, theirs = socket.socketpair()

    async def hear() -> None:
        await trio.lowlevel.wait_readable(ours)
        heard.append(trio.current_time())

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hear)
            await trio.sleep(1)
            theirs.send(b"!")
            await trio.sleep(1)

    with ours, theirs:
        run(main)
    assert heard == [1.0]


def test_what_another_thread_has_asked_for_is_done_before_the_time_is_over() -> None:
    async def main() -> None:
        called: list[float] = []
        await trio.sleep(1)
        token = trio.lowlevel.current_trio_token()
        token.run_sync_soon(lambda: called.append(trio.current_time()))
        await trio.sleep(1)
        assert called == [1.0]

    run(main)


def test_whoever_waits_until_all_tasks_are_blocked_goes_first() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 1)
            await trio.testing.wait_all_tasks_blocked(0.001)
            assert trio.current_time() == 0.0

    run(main)


def test_a_thread_is_waited_for_where_there_is_no_deadline() -> None:
    async def main() -> None:
        assert await trio.to_thread.run_sync(sum, (1, 2)) == 3
        assert trio.current_time() == 0.0

    run(main)


def test_it_waits_for_real_where_nothing_is_due() -> None:
    waited: list[float] = []

    class WakeOnceItWaits(trio.abc.Instrument):
        def __init__(self) -> None:
            self.task = trio.lowlevel.current_task()
            self.token = trio.lowlevel.current_trio_token()
            self.over = False

        def before_io_wait(self, timeout: float) -> None:
            waited.append(timeout)
            if (timeout > 0 or len(waited) > 1000) and not self.over:
                self.over = True
                self.token.run_sync_soon(trio.lowlevel.reschedule, self.task)

    async def main() -> None:
        trio.lowlevel.add_instrument(WakeOnceItWaits())
        await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.FAILED)

    run(main)
    assert 0 < max(waited) < 1


@pytest.mark.parametrize(
    ("clock", "stands_still"),
    [
        (JumpingClock(), True),
        (MockClock(autojump_threshold=0), True),
        (MockClock(rate=1.0), False),
    ],
)
def test_some_clocks_stand_still_while_a_task_runs(
    clock: trio.abc.Clock, stands_still: bool
) -> None:
    assert jumps(clock) is stands_still
