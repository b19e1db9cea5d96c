"""Nodes of a stack whose tasks do not end when they are cancelled, and how their tests fail."""

from pathlib import Path
from typing import Final

import pytest
import trio
from trio.testing import MockClock

from peppy.testing.jumping_clock import JumpingClock
from peppy.testing.sentences import line
from peppy.testing.stack.seeds import run_seeded
from peppy.testing.stack.world import NeverEnded
from tests.testing.stack.lamps import lamps

ON_ASYNCIO: Final = """
import asyncio

async def shine():
    while True:
        try:
            await asyncio.sleep(1.0)
        except BaseException:
            print("I will not end")

def setup(params, node_runner):
    return [asyncio.create_task(shine())]
"""

ON_TRIO: Final = """
import trio

async def shine():
    while True:
        try:
            await trio.sleep(1.0)
        except BaseException:
            pass

def setup(params, node_runner, nursery):
    nursery.start_soon(shine)
"""

SHIELDED: Final = """
import trio

async def shine():
    with trio.CancelScope(shield=True):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            await trio.sleep_forever()

def setup(params, node_runner, nursery):
    nursery.start_soon(shine)
"""

CODES: Final = {"asyncio": ON_ASYNCIO, "trio": ON_TRIO, "shielded": SHIELDED}

codes = pytest.mark.parametrize("code", CODES.values(), ids=CODES)


@codes
async def test_a_task_that_catches_its_cancellation_fails_the_test(
    autojump_clock: MockClock, tmp_path: Path, code: str
) -> None:
    says = r"task '(__main__\.)?shine' did not end within .* in 'the_lamp'"
    with pytest.raises(NeverEnded, match=says):
        async with lamps(tmp_path, code) as stack:
            await stack.sleep(1.0)


@codes
def test_it_does_so_on_our_own_clock_as_well(tmp_path: Path, code: str) -> None:
    async def main() -> None:
        async with lamps(tmp_path, code) as stack:
            await stack.sleep(1.0)
            await stack.instance("the_other").stop()

    with pytest.raises(NeverEnded, match=r"in 'the_other'; .* in 'the_lamp'"):
        run_seeded(main, 0)


@codes
@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_one_that_is_killed_is_gone_and_that_is_nobodys_fault(
    tmp_path: Path, code: str, seconds: float
) -> None:
    async def main() -> None:
        async with lamps(tmp_path, code) as stack:
            await stack.faults.crash("the_lamp")
            await stack.faults.crash("the_other")
            await stack.sleep(seconds)
        stack.trace.never_shows(line("will not end"))
        assert stack.living == set()

    run_seeded(main, 0)


async def test_a_test_that_fails_fails_as_it_does(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async def fail() -> None:
        async with lamps(tmp_path, ON_ASYNCIO) as stack:
            await stack.instance("the_lamp").stop()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


def test_a_clock_that_jumps_can_be_told_to() -> None:
    clock = JumpingClock()

    async def main() -> float:
        clock.jump(3.0)
        return trio.current_time()

    assert trio.run(main, clock=clock) == 3.0
