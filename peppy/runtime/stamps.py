"""What goes beside a message and is another one each time: the moment, and its publisher's number.

A run that has to be the same each time brings its own clock and its own numbers.
"""

import secrets
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

Clock = Callable[[], int]
"""Tells nanoseconds since the epoch."""


class Stamps:
    """Where moments and numbers come from."""

    def __init__(self) -> None:
        self.clock: Clock = time.time_ns
        self.number: Callable[[], int] = _number


def _number() -> int:
    return secrets.randbits(64)


STAMPS: Final = Stamps()
"""Those of this process; whoever stamps takes hold of them when it is made."""


@contextmanager
def stamped_by(clock: Clock, number: Callable[[], int]) -> Generator[None, None, None]:
    """Have whoever is made meanwhile take its moments and its 64-bit numbers from these."""
    before = STAMPS.clock, STAMPS.number
    STAMPS.clock, STAMPS.number = clock, number
    try:
        yield
    finally:
        STAMPS.clock, STAMPS.number = before
