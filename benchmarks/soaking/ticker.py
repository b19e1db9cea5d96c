"""Knows how long this process's own loop has stood, by being late itself."""

import time
from typing import Final

import anyio

BEAT: Final = 0.05
"""Seconds."""

STALL: Final = 0.25
"""Seconds of being late that are worth telling of."""

LATE: Final = 1.0
"""Seconds after its time-out at which a call must have ended."""


class Ticker:
    def __init__(self) -> None:
        self.stalls: list[tuple[float, float]] = []
        """When a stall ended by the wall clock, and its seconds; whoever tells of them empties."""
        self._stood = 0.0
        self._due = time.monotonic() + BEAT

    async def run(self) -> None:
        while True:
            self._due = time.monotonic() + BEAT
            await anyio.sleep(BEAT)
            late = time.monotonic() - self._due
            if late > 0:
                self._stood += late
            if late > STALL:
                self.stalls.append((time.time(), late))

    def stood(self) -> float:
        """Return the seconds that the loop has stood so far."""
        return self._stood + max(0.0, time.monotonic() - self._due)


class Stopwatch:
    """Seconds from now on, less those that the loop stood."""

    def __init__(self, ticker: Ticker) -> None:
        self._ticker = ticker
        self._began = time.monotonic()
        self._stood = ticker.stood()

    def elapsed(self) -> float:
        stood = self._ticker.stood() - self._stood
        return time.monotonic() - self._began - stood
