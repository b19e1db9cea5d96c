"""How what happens on a foreign thread wakes the event loop: once for many messages.

A foreign thread queues a call and writes to an eventfd, unless a wake-up is pending already. The
loop watches the eventfd natively and makes the calls. Where messages come in quick succession it
does not go to sleep in between (`busy_polling`): it looks at the queue in each of its turns, and
nobody has to write. Nothing here raises on a foreign thread, and nothing that is called may raise
on the loop: under Trio that would end the whole run.
"""

import os
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Final

from peppy.runtime.transport.busy_polling import LOOKS, polling_here, yield_processor

_ONE: Final = (1).to_bytes(8, "little")


class Sink(ABC):
    """Takes what arrives: `push` from any thread, `wake` on the loop."""

    pending = False
    """Whether the loop has been asked to call `wake` and has not yet."""

    @abstractmethod
    def push(self, item: object) -> None:
        """Keep one item; it must not raise."""

    @abstractmethod
    def wake(self) -> None:
        """Let somebody have what was kept; on the loop."""

    def look(self) -> None:
        """Wake, on the loop; what is pushed from now on asks for it again."""
        self.pending = False
        self.wake()


class Handover(ABC):
    """The wake-up of one event loop; made on that loop."""

    def __init__(self) -> None:
        self._calls: deque[Callable[[], object]] = deque()
        self._pending = False
        self._closed = False
        self._writing = threading.Lock()
        self._polling = polling_here()
        self.descriptor, self._write_end = _wake_descriptors()

    def hander(self, sink: Sink) -> Callable[[object], None]:
        """Return what gives an item to `sink` and has the loop look at it, soon; for any thread."""
        push, look, call = sink.push, sink.look, self.call

        def hand(item: object) -> None:
            push(item)
            if not sink.pending:
                sink.pending = True
                call(look)

        return hand

    def call(self, function: Callable[[], object]) -> None:
        """Have `function` called on the loop, soon. From any thread; it never blocks."""
        self._calls.append(function)
        if self._pending:
            return
        self._pending = True
        # The lock is for `close`: a number that was given back may be somebody else's file.
        with self._writing:
            if not self._closed:
                try:  # noqa: SIM105  # `suppress` takes longer than the call
                    os.write(self._write_end, _ONE)
                except BlockingIOError:  # full: the loop is awake in any case
                    pass

    def drain(self) -> None:
        """Make the calls that are queued by now; on the loop, which has been woken for them."""
        try:  # noqa: SIM105  # likewise
            os.read(self.descriptor, 4096)
        except BlockingIOError:
            pass
        if self._polling.woken(perf_counter()):
            self._make_calls()
            self._stay_awake()
        else:
            # Before the queue is looked at: what comes from here on wakes the loop again.
            self._pending = False
            self._make_calls()

    def look_again(self) -> bool:
        """Make the calls that have come meanwhile; say whether to look again in the next turn."""
        for _ in range(LOOKS):
            if self._calls:
                self._polling.found()
                self._make_calls()
                return not self._closed
            yield_processor()
        if not self._closed and self._polling.patient(perf_counter()):
            return True
        self._pending = False
        if self._calls:  # they came just before that, and wake nobody
            self._make_calls()
        return False

    def _make_calls(self) -> None:
        # No more than there are: what comes meanwhile is for the loop's next turn, so that a flood
        # leaves other tasks theirs.
        for _ in range(len(self._calls)):
            self._calls.popleft()()
        self._polling.served(perf_counter())

    def close(self) -> None:
        """Stop watching and give the descriptors back; twice is fine."""
        if self._closed:
            return
        self._unwatch()
        with self._writing:
            self._closed = True
            for descriptor in {self.descriptor, self._write_end}:
                os.close(descriptor)

    @abstractmethod
    def _stay_awake(self) -> None:
        """Have `look_again` called in each turn of the loop from now on, until it says no."""

    @abstractmethod
    def _unwatch(self) -> None:
        """Stop watching the descriptor."""


def _wake_descriptors() -> tuple[int, int]:
    """Return what the loop reads and what others write: where there is no eventfd, a pipe."""
    if hasattr(os, "eventfd"):
        both = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        return both, both
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    os.set_blocking(write_end, False)
    return read_end, write_end
