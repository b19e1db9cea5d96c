"""Complaints that repeat: the first at once, then at most one line per while."""

from typing import Final

import anyio

from peppy.runtime.output import complain

WHILE: Final = 10.0
"""Seconds between two lines about the same trouble: a person can read them as they come."""

MOST: Final = 1024
"""Troubles remembered; senders come and go, and a node runs for months."""


class Complaints:
    """Lines on standard error, each kind of trouble in its own rhythm."""

    def __init__(self) -> None:
        self._next: dict[object, float] = {}
        self._withheld: dict[object, int] = {}

    def postpone(self, trouble: object) -> None:
        """Say nothing about `trouble` for a while: it has just been said otherwise."""
        self._next[trouble] = anyio.current_time() + WHILE

    def about(self, trouble: object, line: str) -> None:
        """Say `line`, or count it if `trouble` was spoken of a moment ago."""
        now = anyio.current_time()
        if now < self._next.get(trouble, now):
            self._withheld[trouble] = self._withheld.get(trouble, 0) + 1
            return
        if len(self._next) >= MOST:
            self._next.clear()
            self._withheld.clear()
        self._next[trouble] = now + WHILE
        more = self._withheld.pop(trouble, 0)
        complain(f"{line} (and {more} more times in between)" if more else line)
