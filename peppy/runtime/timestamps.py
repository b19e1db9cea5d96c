"""Moments in two whole numbers, for programs that keep them so. Source: behaviour.md 8.1.

Messages of ours do not: there a `time` is one number, nanoseconds since the epoch.
"""

import math
from dataclasses import dataclass
from typing import Final

NANOS_PER_SEC: Final = 1_000_000_000


@dataclass(frozen=True)
class CapnpTimestamp:
    """A moment: whole seconds since the epoch, and the nanoseconds after them."""

    sec: int
    nsec: int
    """From 0 to 999,999,999, also before the epoch."""


def convert_time(timestamp: float) -> CapnpTimestamp:
    """Return a moment that is given in seconds since the epoch, to the nearest nanosecond.

    Raises `ValueError` for an infinity or NaN.
    """
    if not math.isfinite(timestamp):
        raise ValueError(f"a moment is a finite number of seconds, not {timestamp}")
    whole = math.floor(timestamp)
    more, nsec = divmod(round((timestamp - whole) * NANOS_PER_SEC), NANOS_PER_SEC)
    return CapnpTimestamp(whole + more, nsec)


def convert_time_from_capnp(sec: int, nsec: int) -> float:
    """Return the seconds since the epoch of a moment; raise `ValueError` for too large a `nsec`."""
    if not 0 <= nsec < NANOS_PER_SEC:
        raise ValueError(f"nanoseconds are from 0 to {NANOS_PER_SEC - 1}, not {nsec}")
    return sec + nsec / NANOS_PER_SEC
