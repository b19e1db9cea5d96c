"""The order of everything from a number: a run of Trio that is the same each time, anywhere.

What Trio leaves to chance comes from the seed. That Trio keeps tasks and scopes in sets, whose
order is another one in each process, does no harm: what could run at the same moment is put in the
order in which it was made before it is drawn from.
"""

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from random import Random
from typing import Final, TypeVar

import trio

from peppy.runtime.stamps import stamped_by
from peppy.testing.jumping_clock import JumpingClock
from peppy.testing.seeding import seed_scheduler, seeded

__all__ = ["run_seeded", "seed_scheduler", "stamped_virtually"]

T = TypeVar("T")

_SECOND: Final = 10**9


def run_seeded(main: Callable[[], Awaitable[T]], seed: int) -> T:
    """Return what `main` does, run on Trio and on virtual time, with all that is drawn from `seed`.

    What it raises has a note that names the seed.
    """
    try:
        with seeded(seed):
            return trio.run(main, clock=JumpingClock())
    except BaseException as error:
        error.add_note(
            f"this is seed {seed}: the same number has it fail again, in the same way"
            f" (run_seeded(..., {seed}); --peppy-seed {seed} for a test of pytest)"
        )
        raise


@contextmanager
def stamped_virtually(seed: int, start: float) -> Generator[None, None, None]:
    """Have messages stamped with the time of the running Trio loop, and publishers numbered so.

    `start` is what the clock shows now, in seconds since the epoch. How fast this process computes
    would otherwise decide which messages ride together.
    """
    now = trio.lowlevel.current_clock().current_time
    offset = start - now()
    numbers = Random(f"{seed}/publishers")  # noqa: S311  # the same each time is what it is for

    def clock() -> int:
        return round((offset + now()) * _SECOND)

    with stamped_by(clock, lambda: numbers.getrandbits(64)):
        yield
