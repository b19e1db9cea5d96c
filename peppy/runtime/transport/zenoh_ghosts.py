"""Announcements that come back after they were withdrawn, because somebody asked.

Who is asked answers with what it knows, and zenoh tells its followers of what they do not know as
of something new. If the answer is older than the withdrawal that they have just been told of, the
announcement is back; and nobody ever withdraws it again.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

MEMORY: Final = 10.0
"""Seconds for which a withdrawal is remembered: longer than an answer is on its way."""


class Ghosts:
    """What may be one of them, among all that the followers of one session are told."""

    def __init__(self) -> None:
        self._asking = 0
        self._withdrawn: dict[str, float] = {}
        self._suspects: dict[str, None] = {}

    def told(self, key: str, *, present: bool) -> None:
        """Take note of what followers are told; on any thread."""
        if present:
            if self._withdrawn.pop(key, None) is not None and self._asking:
                self._suspects[key] = None
            return
        now = time.monotonic()
        self._suspects.pop(key, None)
        self._withdrawn.pop(key, None)
        self._withdrawn[key] = now
        for old, when in list(self._withdrawn.items()):
            if now - when <= MEMORY:
                break
            self._withdrawn.pop(old, None)

    @contextmanager
    def asking(self) -> Generator[None, None, None]:
        """Suspect what comes back meanwhile."""
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1

    def suspects(self) -> list[str]:
        """Return the keys that came back; each of them once."""
        found = list(self._suspects)
        for key in found:
            self._suspects.pop(key, None)
        return found
