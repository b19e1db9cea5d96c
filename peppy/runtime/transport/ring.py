"""The bounded ring in which what arrives waits for whoever receives it, and is counted.

A foreign thread or the loop may push; only the loop receives. A push never leaves the ring with
fewer items than before, so as many as the loop has seen are there until the loop takes them. A full
ring gives up its oldest item.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, TypeVar

from peppy.runtime.transport.handover import Sink
from peppy.runtime.transport.loops import give_way, waiters_here
from peppy.runtime.transport.port import Backlog, Closed, Statistics
from peppy.runtime.transport.waiting import Waiter

T = TypeVar("T")

TURN: Final = 64
"""Items that one task may take or send in a row before other tasks get their turn."""


def _as_it_is(item: Any) -> Any:
    return item


class Ring(Backlog[T], Sink, Generic[T]):
    """A `Subscription` whose items are pushed by a transport."""

    def __init__(
        self,
        name: str,
        capacity: int,
        on_close: Callable[["Ring[T]"], None],
        opened: Callable[[Any], T] = _as_it_is,
    ) -> None:
        """Make it on its loop; `opened` turns what was pushed into what is received."""
        self.name = name
        self._on_close = on_close
        self._opened = opened
        self._queue: deque[Any] = deque(maxlen=max(1, capacity))
        self._new_waiter = waiters_here()
        self._receivers: deque[Waiter] = deque()
        self._granted: list[Waiter] = []
        """Receivers that are woken and have not run yet. A loop may run them in any order, so each
        takes the item at its own place."""
        self._lock = threading.Lock()
        self._closed = False
        self._received = self._taken = 0
        self._in_a_row = 0

    # The pushing end.

    def push(self, item: object) -> None:
        """Add an item, from any thread; does not wake anybody."""
        with self._lock:
            if self._closed:
                return
            self._received += 1
            self._queue.append(item)

    def wake(self) -> None:
        """Resume a receiver for each item that nobody has; on the loop."""
        while self._receivers and (self._closed or len(self._queue) > len(self._granted)):
            waiter = self._receivers.popleft()
            self._granted.append(waiter)  # before it is woken: it may run there and then
            if not waiter.wake_now():
                self._granted.remove(waiter)

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
        waiter = self._new_waiter()
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
        self._taken += 1
        if not place:
            return self._opened(self._queue.popleft())
        with self._lock:  # a push that gives up the oldest moves the places
            item = self._queue[place]
            del self._queue[place]
        return self._opened(item)

    @property
    def awaited(self) -> bool:
        """Whether somebody waits."""
        return bool(self._receivers)

    def put_back(self, items: Iterable[T]) -> None:
        """Have `items` received again, first; a full ring takes them all the same."""
        with self._lock:
            room = deque(items)
            self._taken -= len(room)
            room.extend(self._queue)
            self._queue = deque(room, maxlen=max(self._queue.maxlen or 0, len(room)))
        self.wake()

    def release(self) -> None:
        """Take no more; from any thread, also without a loop."""
        with self._lock:
            self._closed = True

    def statistics(self) -> Statistics:
        """Return the counters."""
        with self._lock:
            waiting = len(self._queue)
            return Statistics(self._received, self._received - self._taken - waiting, waiting)

    def close(self) -> None:
        """Stop listening; let everybody go who waits."""
        if self._closed:
            return
        # A push in progress ends first: giving a declaration back may wait for its thread.
        self.release()
        self._on_close(self)
        self.wake()
