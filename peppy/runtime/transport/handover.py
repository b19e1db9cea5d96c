"""How what arrives on a foreign thread wakes the event loop: once for many messages.

A foreign thread queues a call and writes to an eventfd, unless a wake-up is pending already. The
loop watches the eventfd natively and makes the calls. Nothing here raises on a foreign thread.
"""

import contextlib
import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Final

_ONE: Final = (1).to_bytes(8, "little")


class Handover(ABC):
    """The wake-up of one event loop; made on that loop."""

    def __init__(self) -> None:
        self._calls: deque[Callable[[], None]] = deque()
        self._pending = False
        self._closed = False
        if hasattr(os, "eventfd"):
            self.descriptor = self._write = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        else:
            self.descriptor, self._write = os.pipe()
            os.set_blocking(self.descriptor, False)
            os.set_blocking(self._write, False)

    def call(self, function: Callable[[], None]) -> None:
        """Have `function` called on the loop, soon. From any thread; it never blocks."""
        self._calls.append(function)
        if not self._pending and not self._closed:
            self._pending = True
            with contextlib.suppress(OSError):  # closed meanwhile, or full: awake in any case
                os.write(self._write, _ONE)

    def drain(self) -> None:
        """Make the calls that are queued; on the loop."""
        with contextlib.suppress(OSError):
            os.read(self.descriptor, 4096)
        # Before the queue is looked at: what comes from here on wakes the loop again.
        self._pending = False
        while self._calls:
            self._calls.popleft()()

    def close(self) -> None:
        """Stop watching and give the descriptors back; twice is fine."""
        if self._closed:
            return
        self._closed = True
        self._unwatch()
        for descriptor in {self.descriptor, self._write}:
            os.close(descriptor)

    @abstractmethod
    def _unwatch(self) -> None:
        """Stop watching the descriptor."""
