"""What a seed decides, and that it decides nothing beyond its run."""

import gc
import random

import trio
from trio.testing import MockClock

from peppy.testing.seeding import seeded


def order() -> list[int]:
    """Return in which order ten tasks run that could all run at once."""
    ran: list[int] = []

    async def work(number: int) -> None:
        await trio.sleep(1)
        ran.append(number)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(work, number)

    trio.run(main, clock=MockClock(autojump_threshold=0))
    return ran


def drawn(seed: int) -> tuple[list[int], float]:
    with seeded(seed):
        return order(), random.random()


def test_equal_seeds_draw_equally_whatever_was_drawn_before() -> None:
    first = drawn(7)
    random.random()
    order()
    assert drawn(7) == first
    assert drawn(8)[0] != first[0]
    assert drawn(8)[1] != first[1]


def test_after_it_everything_is_drawn_as_if_it_had_not_been() -> None:
    with seeded(1):
        without = order(), random.random()
    with seeded(1):
        drawn(7)
        assert (order(), random.random()) == without


def test_no_garbage_is_collected_meanwhile_and_later_again() -> None:
    assert gc.isenabled()
    with seeded(1):
        assert not gc.isenabled()
        with seeded(2):
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
