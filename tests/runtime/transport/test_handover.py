"""A foreign thread wakes the loop once for many calls, and never finds the wrong file."""

import os
import threading
from collections import deque
from collections.abc import Awaitable, Callable

import anyio
import pytest

from peppy.runtime.transport.aside import aside
from peppy.runtime.transport.handover import Handover, Sink
from peppy.runtime.transport.loops import open_handover
from tests.runtime.transport.wires import LOOPS, until

Scenario = Callable[[Handover], Awaitable[None]]


def run(loop: str, scenario: Scenario) -> None:
    async def main() -> None:
        handover = open_handover()
        try:
            with anyio.fail_after(10):
                await scenario(handover)
        finally:
            handover.close()

    anyio.run(main, backend=loop)


@pytest.fixture(params=["eventfd", "pipe"])
def descriptors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "pipe":
        monkeypatch.delattr(os, "eventfd", raising=False)
    return str(request.param)


@pytest.mark.usefixtures("descriptors")
@pytest.mark.parametrize("loop", LOOPS)
def test_calls_of_several_threads_are_all_made_on_the_loop_and_in_order(loop: str) -> None:
    async def scenario(handover: Handover) -> None:
        made: dict[int, list[int]] = {thread: [] for thread in range(3)}
        places: set[int] = set()

        def make(thread: int, number: int) -> None:
            places.add(threading.get_ident())
            made[thread].append(number)

        def call(thread: int) -> None:
            for number in range(2000):
                handover.call(lambda number=number: make(thread, number))  # type: ignore[misc]

        threads = [threading.Thread(target=call, args=(thread,)) for thread in made]
        for thread in threads:
            thread.start()
        await until(lambda: all(len(numbers) == 2000 for numbers in made.values()))
        assert all(numbers == list(range(2000)) for numbers in made.values())
        assert places == {threading.get_ident()}

    run(loop, scenario)


class Counting(Sink):
    """Counts how often the loop looks, and keeps what it finds."""

    def __init__(self) -> None:
        self.kept: deque[object] = deque()
        self.looks = 0
        self.found: list[object] = []

    def push(self, item: object) -> None:
        self.kept.append(item)

    def wake(self) -> None:
        self.looks += 1
        while self.kept:
            self.found.append(self.kept.popleft())


@pytest.mark.parametrize("loop", LOOPS)
def test_the_loop_looks_once_for_all_that_came_before_it_looked(loop: str) -> None:
    async def scenario(handover: Handover) -> None:
        sinks = [Counting(), Counting()]
        for number in range(100):
            for sink in sinks:
                handover.hander(sink)(number)
        await until(lambda: all(len(sink.found) == 100 for sink in sinks))
        assert [sink.looks for sink in sinks] == [1, 1]
        handover.hander(sinks[0])(100)
        await until(lambda: len(sinks[0].found) == 101)
        assert [sink.looks for sink in sinks] == [2, 1]

    run(loop, scenario)


@pytest.mark.parametrize("loop", LOOPS)
def test_nothing_that_a_thread_hands_over_stays_unseen(loop: str) -> None:
    async def scenario(handover: Handover) -> None:
        sink = Counting()

        def hand() -> None:
            for number in range(20_000):
                handover.hander(sink)(number)

        thread = threading.Thread(target=hand)
        thread.start()
        await until(lambda: len(sink.found) == 20_000)
        thread.join()
        assert sink.found == list(range(20_000))

    run(loop, scenario)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_call_that_calls_again_leaves_others_their_turn(loop: str) -> None:
    async def scenario(handover: Handover) -> None:
        ended = False

        def again() -> None:
            if not ended:
                handover.call(again)

        again()
        await anyio.sleep(0.001)
        ended = True

    run(loop, scenario)


@pytest.mark.usefixtures("descriptors")
@pytest.mark.parametrize("loop", LOOPS)
def test_a_call_after_the_end_writes_to_nobodys_file(loop: str) -> None:
    async def scenario(handover: Handover) -> None:
        handover.close()
        pipes = [os.pipe() for _ in range(4)]  # these take the numbers that were given back
        try:
            handover.call(lambda: None)
            for read_end, _ in pipes:
                os.set_blocking(read_end, False)
                with pytest.raises(BlockingIOError):
                    os.read(read_end, 1)
        finally:
            for pipe in pipes:
                for descriptor in pipe:
                    os.close(descriptor)

    run(loop, scenario)


@pytest.mark.parametrize("loop", LOOPS)
def test_work_aside_returns_what_it_made_or_raises_what_it_raised(loop: str) -> None:
    async def scenario(handover: Handover) -> None:
        here = threading.get_ident()
        assert await aside(handover, threading.get_ident) != here
        with pytest.raises(ZeroDivisionError):
            await aside(handover, lambda: 1 // 0)

    run(loop, scenario)


@pytest.mark.parametrize("loop", LOOPS)
def test_work_aside_that_hangs_can_be_left(loop: str) -> None:
    async def scenario(handover: Handover) -> None:
        release = threading.Event()
        with anyio.move_on_after(0.01) as scope:
            await aside(handover, release.wait)
        release.set()
        assert scope.cancelled_caught

    run(loop, scenario)
