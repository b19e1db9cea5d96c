"""The bounded ring in which what arrives waits for whoever receives it, and is counted.

A foreign thread or the loop may push; only the loop receives. A push never leaves the ring with
fewer items than before, so as many as the loop has seen are there until the loop takes them. A full
ring gives up its oldest item or makes whoever pushes wait, as its `Overflow` says.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from peppy.runtime.transport.loops import give_way, new_waiter
from peppy.runtime.transport.port import (
    Closed,
    Overflow,
    Presence,
    Sample,
    Statistics,
    Subscription,
)
from peppy.runtime.transport.waiting import Waiter

T = TypeVar("T")

TURN: Final = 64
"""Items that one task may take or send in a row before other tasks get their turn."""


class Ring(Subscription[T], Generic[T]):
    """A `Subscription` whose items are pushed by a transport."""

    def __init__(
        self,
        name: str,
        capacity: int,
        overflow: Overflow,
        size: Callable[[T], int],
        on_close: Callable[["Ring[T]"], None],
    ) -> None:
        self.name = name
        self._capacity = max(1, capacity)
        self._blocks = overflow is Overflow.BLOCK
        self._size = size
        self._on_close = on_close
        self._queue: deque[T] = deque()
        self._receivers: deque[Waiter] = deque()
        self._granted: list[Waiter] = []
        """Receivers that are woken and have not run yet. A loop may run them in any order, so each
        takes the item at its own place."""
        self._senders: deque[Waiter] = deque()
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._closed = False
        self._received = self._bytes = self._dropped = 0
        self._in_a_row = 0

    # The pushing end.

    @property
    def full(self) -> bool:
        """Whether a push would have to wait."""
        return self._blocks and len(self._queue) >= self._capacity and not self._closed

    def push(self, item: T) -> None:
        """Add an item, whether or not the ring is full; does not wake anybody."""
        with self._lock:
            self._add(item)

    def push_waiting(self, item: T) -> None:
        """Add an item, holding the calling thread while the ring is full; never on the loop."""
        with self._lock:
            while self.full:
                self._room.wait()
            self._add(item)

    def _add(self, item: T) -> None:
        if self._closed:
            return
        self._queue.append(item)
        self._received += 1
        self._bytes += self._size(item)
        if not self._blocks and len(self._queue) > self._capacity:
            self._queue.popleft()
            self._dropped += 1

    async def room(self) -> None:
        """Wait, on the loop, until a push need not wait."""
        while self.full:
            waiter = new_waiter()
            self._senders.append(waiter)
            try:
                await waiter.wait()
            finally:
                if waiter in self._senders:
                    self._senders.remove(waiter)

    def _admit(self) -> None:
        # All of them, to look again: one that is let in alone may be cancelled, or have to wait for
        # another ring first, and leave the others asleep beside an empty ring.
        while self._senders:
            self._senders.popleft().wake()

    def wake(self) -> None:
        """Resume a receiver for each item that nobody has; on the loop."""
        while self._receivers and (self._closed or len(self._queue) > len(self._granted)):
            waiter = self._receivers.popleft()
            if waiter.wake():
                self._granted.append(waiter)

    # The receiving end.

    async def receive(self) -> T:
        """Return the oldest item."""
        while len(self._queue) > len(self._granted) and not self._receivers:
            self._in_a_row += 1
            if self._in_a_row < TURN:
                return self._take(len(self._granted))
            self._in_a_row = 0
            await give_way()
        self._in_a_row = 0
        if self._closed:
            raise Closed(self.name)
        place = await self._wait_for_place()
        if place >= len(self._queue):  # it was woken by the end
            raise Closed(self.name)
        return self._take(place)

    async def _wait_for_place(self) -> int:
        waiter = new_waiter()
        self._receivers.append(waiter)
        try:
            await waiter.wait()
        except BaseException:
            if waiter in self._receivers:
                self._receivers.remove(waiter)
            elif waiter in self._granted:  # woken, then cancelled: the item is the next one's
                self._granted.remove(waiter)
                self.wake()
            raise
        place = self._granted.index(waiter)
        del self._granted[place]
        return place

    def receive_nowait(self) -> T | None:
        """Return the oldest item that is nobody's yet, or None."""
        place = len(self._granted)
        return self._take(place) if len(self._queue) > place else None

    def _take(self, place: int) -> T:
        with self._lock:
            item = self._queue[place]
            del self._queue[place]
            if self._blocks:
                self._room.notify()
        self._admit()
        return item

    def release(self) -> None:
        """Take no more, and let a thread go that is held; from any thread, also without a loop."""
        with self._lock:
            self._closed = True
            self._room.notify_all()

    def statistics(self) -> Statistics:
        """Return the counters."""
        return Statistics(self._received, self._bytes, self._dropped, len(self._queue))

    def close(self) -> None:
        """Stop listening; let everybody go who waits at either end."""
        if self._closed:
            return
        # Whoever is held goes first: giving a declaration back may wait for the thread that pushes.
        self.release()
        self._on_close(self)
        self._admit()
        self.wake()


def sample_size(sample: Sample) -> int:
    """Return a sample's payload in bytes."""
    return len(sample.payload)


def presence_size(presence: Presence) -> int:
    """Return 0: presence carries nothing."""
    del presence
    return 0
