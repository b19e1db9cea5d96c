"""A loop stays awake where messages come in quick succession, and nowhere else."""

import os
import threading
from collections.abc import Awaitable, Callable
from typing import Protocol

import anyio
import pytest

from peppy.runtime.transport import handover as handovers
from peppy.runtime.transport.busy_polling import (
    LONGEST_ROW,
    PATIENCE,
    PAYING,
    QUICK,
    ROW,
    VARIABLE,
    BusyPolling,
    NoPolling,
    polling_here,
)
from peppy.runtime.transport.handover import Handover
from peppy.runtime.transport.loops import open_handover
from tests.runtime.transport.wires import LOOPS, until


class Traffic:
    """Messages with a gap in front of each, and what the loop spends awake."""

    def __init__(self) -> None:
        self.polling = BusyPolling()
        self.now = 100.0
        self.awake = False
        self.wasted = 0.0
        """Seconds awake without a message."""

    def message(self, gap: float) -> None:
        asleep_for = gap
        if self.awake:
            assert self.polling.patient(self.now + min(gap, PATIENCE * 0.99))
            if gap < PATIENCE:
                self.polling.found()
                self.wasted += gap
                asleep_for = 0.0
            else:
                self.wasted += PATIENCE
                self.awake = self.polling.patient(self.now + PATIENCE * 1.001)
        self.now += gap
        if asleep_for and not self.awake:
            self.awake = self.polling.woken(self.now)
        self.polling.served(self.now)


def test_a_dialogue_keeps_the_loop_awake_and_a_pause_lets_it_sleep() -> None:
    traffic = Traffic()
    for number in range(ROW + 1):
        assert not traffic.awake, f"before message {number}"
        traffic.message(QUICK * 0.9)
    assert traffic.awake
    for _ in range(1000):
        traffic.message(PATIENCE * 0.9)
    assert traffic.awake
    traffic.message(0.01)
    assert not traffic.awake


def test_what_has_paid_is_begun_again_sooner() -> None:
    traffic = Traffic()
    for _ in range(ROW + 1 + PAYING):
        traffic.message(PATIENCE * 0.5)
    traffic.message(QUICK * 1.1)
    assert not traffic.awake
    for _ in range(ROW // 2):
        assert not traffic.awake
        traffic.message(QUICK * 0.5)
    assert traffic.awake


@pytest.mark.parametrize("rate", [10, 100, 1000, 1600])
def test_a_steady_stream_that_is_not_quick_never_keeps_it_awake(rate: int) -> None:
    traffic = Traffic()
    for _ in range(10_000):
        traffic.message(1 / rate)
    assert traffic.wasted == 0


@pytest.mark.parametrize("gap", [QUICK * 0.99, PATIENCE * 1.01])
def test_a_stream_that_is_quick_and_still_too_slow_wastes_next_to_nothing(gap: float) -> None:
    traffic = Traffic()
    for _ in range(100_000):
        traffic.message(gap)
    assert traffic.wasted / (traffic.now - 100.0) < 0.001


def test_bursts_of_a_few_messages_cost_nothing_for_long() -> None:
    traffic = Traffic()
    for _ in range(2000):
        traffic.message(0.01)
        for _ in range(ROW * 2):
            traffic.message(PATIENCE / 8)
    assert traffic.wasted / (traffic.now - 100.0) < 0.001


def test_the_row_has_an_end_and_the_wait_comes_back() -> None:
    traffic = Traffic()
    for _ in range(LONGEST_ROW * 8):
        traffic.message(PATIENCE * 1.01)
    for _ in range(LONGEST_ROW + 1):
        traffic.message(PATIENCE * 0.5)
    assert traffic.awake


@pytest.mark.parametrize("word", ["off", "OFF", "0"])
def test_it_can_be_ruled_out(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, word)
    polling = polling_here()
    assert not any(polling.woken(0.0) for _ in range(2 * ROW))


@pytest.mark.parametrize(("processors", "kind"), [(1, NoPolling), (2, BusyPolling)])
def test_one_processor_rules_it_out(
    processors: int, kind: type[BusyPolling], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert type(polling_here()) is kind


class Eager(BusyPolling):
    """Stays awake from the first message on, until it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.stays = True

    def woken(self, now: float) -> bool:
        return self.stays

    def patient(self, now: float) -> bool:
        return self.stays


class Wavering(Eager):
    """Falls asleep whenever there is nothing."""

    def patient(self, now: float) -> bool:
        return False


Scenario = Callable[[Handover, Eager], Awaitable[None]]


class RunAwake(Protocol):
    def __call__(self, loop: str, scenario: Scenario, kind: type[Eager] = Eager) -> None: ...


@pytest.fixture
def run_awake(monkeypatch: pytest.MonkeyPatch) -> RunAwake:
    """What runs a scenario on a loop whose hand-over stays awake."""

    def run(loop: str, scenario: Scenario, kind: type[Eager] = Eager) -> None:
        eager = kind()
        monkeypatch.setattr(handovers, "polling_here", lambda: eager)

        async def main() -> None:
            handover = open_handover()
            try:
                with anyio.fail_after(10):
                    await scenario(handover, eager)
            finally:
                handover.close()

        anyio.run(main, backend=loop)

    return run


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_that_is_awake_is_not_written_to(
    loop: str, run_awake: RunAwake, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    write = os.write

    def watched(descriptor: int, data: bytes) -> int:
        written.append(descriptor)
        return write(descriptor, data)

    async def scenario(handover: Handover, eager: Eager) -> None:
        made: list[int] = []
        monkeypatch.setattr(os, "write", watched)
        for number in range(100):
            handover.call(lambda number=number: made.append(number))  # type: ignore[misc]
            await until(lambda number=number: len(made) == number + 1)  # type: ignore[misc]
        assert written.count(handover.descriptor) == 1
        eager.stays = False
        await anyio.sleep(0.01)
        handover.call(lambda: made.append(100))
        await until(lambda: len(made) == 101)
        assert written.count(handover.descriptor) == 2

    run_awake(loop, scenario)


@pytest.mark.parametrize("loop", LOOPS)
def test_other_tasks_have_their_turns_while_it_is_awake(loop: str, run_awake: RunAwake) -> None:
    async def scenario(handover: Handover, eager: Eager) -> None:
        handover.call(lambda: None)
        for _ in range(10):
            await anyio.sleep(0.001)
        with anyio.move_on_after(0.05) as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught

    run_awake(loop, scenario)


@pytest.mark.parametrize("loop", LOOPS)
def test_no_call_is_missed_while_it_falls_asleep_and_wakes_up(
    loop: str, run_awake: RunAwake
) -> None:
    async def scenario(handover: Handover, _: Eager) -> None:
        made: list[int] = []

        def call() -> None:
            for number in range(20_000):
                handover.call(lambda number=number: made.append(number))  # type: ignore[misc]

        thread = threading.Thread(target=call)
        thread.start()
        await until(lambda: len(made) == 20_000)
        thread.join()
        assert made == list(range(20_000))

    run_awake(loop, scenario, Wavering)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_that_is_awake_can_be_closed(loop: str, run_awake: RunAwake) -> None:
    async def scenario(handover: Handover, eager: Eager) -> None:
        made: list[int] = []
        handover.call(lambda: made.append(1))
        await until(lambda: bool(made))
        handover.close()
        await anyio.sleep(0.01)
        handover.call(lambda: made.append(2))
        await anyio.sleep(0.01)
        assert made == [1]

    run_awake(loop, scenario)


class Surprised(Eager):
    """Falls asleep in the very moment in which something comes."""

    def __init__(self) -> None:
        super().__init__()
        self.surprise: Callable[[], None] | None = None

    def patient(self, now: float) -> bool:
        if self.surprise is not None:
            self.surprise()
        return False


@pytest.mark.parametrize("loop", LOOPS)
def test_what_comes_as_it_falls_asleep_is_seen(loop: str, run_awake: RunAwake) -> None:
    async def scenario(handover: Handover, surprised: Eager) -> None:
        assert isinstance(surprised, Surprised)
        made: list[int] = []
        surprised.surprise = lambda: handover.call(lambda: made.append(1))
        handover.call(lambda: None)
        await until(lambda: bool(made))

    run_awake(loop, scenario, Surprised)
