"""When an event loop that waits for messages looks again at once instead of going to sleep.

To wake a sleeping thread takes tens of microseconds, on a small virtual machine half of a round
trip. A loop that is awake when the next message comes saves that, at the price of a processor that
gets no rest. So it stays awake only after several messages in quick succession, as in a dialogue
or a flood, and never for longer than `PATIENCE` without one. What pays makes it readier to do so
again, what does not makes it slower to: a node to which messages come now and then, be it a few
thousand times a second, hardly ever does.
"""

import ctypes
import os
from collections.abc import Callable
from typing import Any, Final, cast

VARIABLE: Final = "PEPPY_BUSY_POLLING"
"""The environment variable that rules it out, with `off`."""

QUICK: Final = 600e-6
"""Seconds of sleep up to which the message that ended it came in quick succession."""

ROW: Final = 8
"""Messages in quick succession after which the loop stays awake, at first."""

LONGEST_ROW: Final = 4096

PATIENCE: Final = 400e-6
"""Seconds without a message for which the loop stays awake."""

PAYING: Final = 32
"""Messages that have to find the loop awake for that to have paid."""

LOOKS: Final = 16
"""How often the queue is looked at in one turn of the loop: some 15 microseconds."""


def _yielding() -> Callable[[], object]:
    """Return what lets another thread run, of this processor and of this interpreter.

    `os.sched_yield` keeps the interpreter's lock before Python 3.12, and a zenoh thread with a
    message would wait for it.
    """
    try:
        yielding: Any = ctypes.CDLL(None).sched_yield
    except (AttributeError, OSError, TypeError):
        return lambda: None
    yielding.argtypes = []
    return cast("Callable[[], object]", yielding)


yield_processor: Final = _yielding()


class BusyPolling:
    """Decides for one loop; all times are in seconds, of any clock that does not go back."""

    def __init__(self) -> None:
        self._served_at = float("-inf")
        self._quick = self._found = 0
        self._row = ROW

    def woken(self, now: float) -> bool:
        """Take note that a message has woken the loop; say whether it stays awake from now on."""
        if now - self._served_at > QUICK:
            self._quick = 0
            return False
        self._quick += 1
        return self._quick >= self._row

    def served(self, now: float) -> None:
        """Take note that the messages that were there have been handed out."""
        self._served_at = now

    def found(self) -> None:
        """Take note that messages have found the loop awake."""
        self._found += 1

    def patient(self, now: float) -> bool:
        """Say whether the loop, which has found nothing, stays awake."""
        if now - self._served_at < PATIENCE:
            return True
        paid = self._found >= PAYING
        self._row = max(self._row // 2, 1) if paid else min(self._row * 2, LONGEST_ROW)
        self._quick = self._found = 0
        return False


class NoPolling(BusyPolling):
    """Never stays awake."""

    def woken(self, now: float) -> bool:
        """Say no."""
        return False


def polling_here() -> BusyPolling:
    """Return what decides for a loop of this process."""
    ruled_out = os.environ.get(VARIABLE, "").lower() in ("off", "0")
    return NoPolling() if ruled_out or _processors() < 2 else BusyPolling()


def _processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
