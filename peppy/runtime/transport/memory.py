"""The transport inside one process and one event loop: no threads, nothing lost, in order.

All delivery goes through `MemoryNetwork.deliver`. What a network with conditions does otherwise
(`peppy.testing.stack.network`) is in the methods of `MemoryTransport` that begin with `_`.
"""

import itertools
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from peppy.runtime.transport.delivery import DeclaredPublisher, push_to_all
from peppy.runtime.transport.handover import Sink
from peppy.runtime.transport.listener import Listener
from peppy.runtime.transport.port import (
    Announcement,
    Backlog,
    Closed,
    Delivery,
    Listening,
    Payload,
    Presence,
    Publisher,
    Sample,
    Subscription,
    Transport,
)
from peppy.runtime.transport.ring import Ring
from peppy.runtime.transport.routes import Routes, canonical, intersect

S = TypeVar("S", bound=Sink)


class MemoryNetwork:
    """What in-memory transports have in common."""

    def __init__(self) -> None:
        self.samples = Routes()
        self.presence = Routes()
        self._announced: dict[str, int] = {}
        self._names = itertools.count()

    def name(self) -> str:
        """Return a text that no other transport of this network has."""
        return f"memory-{next(self._names)}"

    def deliver(self, sample: Sample) -> None:
        """Hand `sample` to all that listen."""
        push_to_all(self.samples.listening(sample.key), sample)

    def announce(self, key: str) -> None:
        """Let `key` be seen once more."""
        self._announced[key] = self._announced.get(key, 0) + 1
        if self._announced[key] == 1:
            self._tell(Presence(key, present=True))

    def withdraw(self, key: str) -> None:
        """Let `key` be seen once less."""
        self._announced[key] -= 1
        if not self._announced[key]:
            del self._announced[key]
            self._tell(Presence(key, present=False))

    def present(self, pattern: str) -> list[str]:
        """Return the announced keys that match."""
        return [key for key in self._announced if intersect(pattern, key)]

    def _tell(self, presence: Presence) -> None:
        for sink in self.presence.listening(presence.key):
            sink.push(presence)
            sink.wake()


class MemoryTransport(Transport):
    """One participant of a `MemoryNetwork`."""

    def __init__(self, network: MemoryNetwork) -> None:
        self._network = network
        self._identity = network.name()
        self._closed = False
        # In their order: two runs that are alike close alike.
        self._publishers: dict[Publisher, None] = {}
        self._ways_in: dict[Any, None] = {}
        """Rings and listeners."""
        self._announcements: dict[Announcement, None] = {}

    @property
    def identity(self) -> str:
        """The name that the network gave it."""
        return self._identity

    def publisher(self, key: str, delivery: Delivery = Delivery.STANDARD) -> Publisher:
        """Declare a way out; every delivery is as good as any in memory."""
        self._check()
        publisher = self._way_out(canonical(key), delivery)
        self._publishers[publisher] = None
        return publisher

    def subscribe(self, pattern: str, *, capacity: int = 128) -> Backlog[Any]:
        """Declare a way in."""
        self._check()
        pattern, routes = canonical(pattern), self._sample_routes()
        name = f"the subscription to '{pattern}'"
        return self._added(pattern, routes, Ring[Sample](name, capacity, self._forgetter(routes)))

    def listen(self, pattern: str, function: Callable[[Sample], None]) -> Listening:
        """Declare a way in that ends in a function."""
        self._check()
        routes = self._sample_routes()
        listener = Listener[Sample](function, self._forgetter(routes))
        return self._added(canonical(pattern), routes, listener)

    def announce(self, key: str) -> Announcement:
        """Let others see `key`."""
        self._check()
        announcement = MemoryAnnouncement(self._board(), canonical(key), self._forget_announcement)
        self._announcements[announcement] = None
        return announcement

    def watch(self, pattern: str, *, capacity: int = 1024) -> Subscription[Presence]:
        """Follow announcements."""
        self._check()
        pattern, routes = canonical(pattern), self._presence_routes()
        name = f"the watch on '{pattern}'"
        ring = Ring[Presence](name, capacity, self._forgetter(routes))
        return self._begun(pattern, self._added(pattern, routes, ring))

    def follow(self, pattern: str, function: Callable[[Presence], None]) -> Listening:
        """Follow announcements with a function."""
        self._check()
        pattern, routes = canonical(pattern), self._presence_routes()
        listener = Listener[Presence](function, self._forgetter(routes))
        return self._begun(pattern, self._added(pattern, routes, listener))

    async def present(self, pattern: str, timeout: float = 1.0) -> list[str]:
        """Return the announced keys that match; it takes no time."""
        del timeout
        self._check()
        return self._seen(canonical(pattern))

    async def close(self, timeout: float = 2.0) -> None:
        """Close all that was declared here; it waits for nothing."""
        del timeout
        self._closed = True
        for publisher in list(self._publishers):
            publisher.close()
        for announcement in list(self._announcements):
            announcement.withdraw()
        for way_in in list(self._ways_in):
            way_in.close()

    def _check(self) -> None:
        if self._closed:
            raise Closed("the transport")

    def _sample_routes(self) -> Routes:
        return self._network.samples

    def _presence_routes(self) -> Routes:
        return self._network.presence

    def _board(self) -> "Board":
        return self._network

    def _seen(self, pattern: str) -> list[str]:
        return self._network.present(pattern)

    def _way_out(self, key: str, delivery: Delivery) -> Publisher:
        del delivery
        return MemoryPublisher(self._network, key, self._forget_publisher)

    def _forget_publisher(self, publisher: Publisher) -> None:
        self._publishers.pop(publisher, None)

    def _forget_announcement(self, announcement: Announcement) -> None:
        self._announcements.pop(announcement, None)

    def _forgetter(self, routes: Routes) -> Callable[[Sink], None]:
        def forget(sink: Sink) -> None:
            self._remove(routes, sink)
            self._ways_in.pop(sink, None)

        return forget

    def _added(self, pattern: str, routes: Routes, sink: S) -> S:
        self._add(pattern, routes, sink)
        self._ways_in[sink] = None
        return sink

    def _add(self, pattern: str, routes: Routes, sink: Sink) -> None:
        routes.add(pattern, sink)

    def _remove(self, routes: Routes, sink: Sink) -> None:
        routes.remove(sink)

    def _begun(self, pattern: str, sink: S) -> S:
        for key in self._seen(pattern):
            sink.push(Presence(key, present=True))
        sink.wake()
        return sink


class MemoryPublisher(DeclaredPublisher):
    """A way out to a network."""

    def __init__(
        self, network: MemoryNetwork, key: str, forget: Callable[["MemoryPublisher"], None]
    ) -> None:
        super().__init__(key, forget)
        self._network = network

    def _hand_over(self, payload: Payload, attachment: bytes) -> None:
        self._network.deliver(Sample(self._key, bytes(payload), attachment))

    def matched(self) -> bool:
        """Say whether somebody listens."""
        return not self._closed and bool(self._network.samples.listening(self._key))


class Board(Protocol):
    """Where keys are announced."""

    def announce(self, key: str) -> None:
        """Let `key` be seen once more."""
        ...

    def withdraw(self, key: str) -> None:
        """Let `key` be seen once less."""
        ...


class MemoryAnnouncement(Announcement):
    """A key that is seen until it is withdrawn."""

    def __init__(
        self, board: Board, key: str, forget: Callable[["MemoryAnnouncement"], None]
    ) -> None:
        self._board = board
        self._key = key
        self._forget = forget
        self._withdrawn = False
        board.announce(key)

    def withdraw(self) -> None:
        """Take it back."""
        if not self._withdrawn:
            self._withdrawn = True
            self._board.withdraw(self._key)
            self._forget(self)
