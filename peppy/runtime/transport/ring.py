"""The bounded ring in which what arrives waits for whoever receives it, and is counted.

A foreign thread may push, the loop receives; both ends work on a deque, whose single steps are
atomic. A full ring gives up its oldest item or makes whoever pushes wait, as its `Overflow` says.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from peppy.runtime.transport.loops import give_way, new_waiter
from peppy.runtime.transport.port import Closed, Overflow, Statistics, Subscription
from peppy.runtime.transport.waiting import Waiter

T = TypeVar("T")

TURN = 64
"""Items that a receiver may take in a row before other tasks get their turn."""


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
        self._name = name
        self._capacity = max(1, capacity)
        self.overflow = overflow
        self._size = size
        self._on_close = on_close
        self._queue: deque[T] = deque()
        self._receivers: deque[Waiter] = deque()
        self._granted = 0
        """Items that belong to receivers which are woken and have not run yet."""
        self._senders: deque[Waiter] = deque()
        self._room = threading.Condition()
        self._closed = False
        self._received = self._bytes = self._dropped = 0
        self._in_a_row = 0

    # The pushing end.

    @property
    def full(self) -> bool:
        """Whether a push would have to wait."""
        return (
            self.overflow is Overflow.BLOCK
            and len(self._queue) >= self._capacity
            and not self._closed
        )

    def push(self, item: T) -> None:
        """Add an item, giving up the oldest where the ring is full; does not wake anybody."""
        if self._closed:
            return
        if self.overflow is Overflow.DROP_OLDEST:
            while len(self._queue) >= self._capacity:
                try:
                    self._queue.popleft()
                except IndexError:
                    break  # the loop was quicker
                self._dropped += 1
        self._queue.append(item)
        self._received += 1
        self._bytes += self._size(item)

    def push_waiting(self, item: T) -> None:
        """Add an item, holding the calling thread while the ring is full; never on the loop."""
        if self.overflow is Overflow.BLOCK:
            with self._room:
                self._room.wait_for(lambda: not self.full)
        self.push(item)

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

    def wake(self) -> None:
        """Resume a receiver for each item that nobody has; on the loop."""
        while self._receivers and (self._closed or len(self._queue) > self._granted):
            self._granted += 1
            self._receivers.popleft().wake()

    # The receiving end.

    async def receive(self) -> T:
        """Return the oldest item."""
        while True:
            if len(self._queue) > self._granted and not self._receivers:
                self._in_a_row += 1
                if self._in_a_row >= TURN:
                    self._in_a_row = 0
                    await give_way()
                    continue
                return self._take()
            self._in_a_row = 0
            if self._closed:
                raise Closed(self._name)
            await self._wait_for_item()
            if self._queue:
                return self._take()

    async def _wait_for_item(self) -> None:
        waiter = new_waiter()
        self._receivers.append(waiter)
        try:
            await waiter.wait()
        except BaseException:
            if waiter in self._receivers:
                self._receivers.remove(waiter)
            else:  # woken and cancelled at once: the item is the next one's
                self._granted -= 1
                self.wake()
            raise
        self._granted -= 1

    def receive_nowait(self) -> T | None:
        """Return the oldest item, or None."""
        return self._take() if len(self._queue) > self._granted else None

    def _take(self) -> T:
        item = self._queue.popleft()
        if self.overflow is Overflow.BLOCK:
            with self._room:
                self._room.notify()
            if self._senders:
                self._senders.popleft().wake()
        return item

    def statistics(self) -> Statistics:
        """Return the counters."""
        return Statistics(self._received, self._bytes, self._dropped, len(self._queue))

    def close(self) -> None:
        """Stop listening; let everybody go who waits at either end."""
        if self._closed:
            return
        self._closed = True
        self._on_close(self)
        with self._room:
            self._room.notify_all()
        while self._senders:
            self._senders.popleft().wake()
        self.wake()
