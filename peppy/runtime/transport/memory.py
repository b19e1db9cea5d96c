"""The transport inside one process and one event loop: no threads, nothing lost, in order.

All delivery goes through `MemoryNetwork.deliver`.
"""

import itertools
from collections.abc import Callable
from typing import Any

from peppy.runtime.transport.delivery import DeclaredPublisher, push_to_all, room_in_all
from peppy.runtime.transport.port import (
    Announcement,
    Closed,
    Delivery,
    Overflow,
    Presence,
    Publisher,
    Sample,
    Subscription,
    Transport,
)
from peppy.runtime.transport.ring import Ring, presence_size, sample_size
from peppy.runtime.transport.routes import Routes, canonical, intersect


class MemoryNetwork:
    """What in-memory transports have in common."""

    def __init__(self) -> None:
        self.samples: Routes[Sample] = Routes()
        self.presence: Routes[Presence] = Routes()
        self._announced: dict[str, int] = {}
        self._names = itertools.count()

    def name(self) -> str:
        """Return a text that no other transport of this network has."""
        return f"memory-{next(self._names)}"

    async def deliver(self, sample: Sample, check: Callable[[], None]) -> None:
        """Hand `sample` to all that listen, once none of them has to be waited for.

        After the wait `check` may refuse by raising.
        """
        await room_in_all(lambda: self.samples.listening(sample.key))
        check()
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
        for ring in self.presence.listening(presence.key):
            ring.push(presence)
            ring.wake()


class MemoryTransport(Transport):
    """One participant of a `MemoryNetwork`."""

    def __init__(self, network: MemoryNetwork) -> None:
        self._network = network
        self._identity = network.name()
        self._closed = False
        self._publishers: set[MemoryPublisher] = set()
        self._rings: set[Ring[Any]] = set()
        self._announcements: set[MemoryAnnouncement] = set()

    @property
    def identity(self) -> str:
        """The name that the network gave it."""
        return self._identity

    def publisher(self, key: str, delivery: Delivery = Delivery.STANDARD) -> Publisher:
        """Declare a way out; every delivery is as good as any in memory."""
        del delivery
        self._check()
        publisher = MemoryPublisher(self._network, canonical(key), self._publishers.discard)
        self._publishers.add(publisher)
        return publisher

    def subscribe(
        self, pattern: str, *, capacity: int = 128, overflow: Overflow = Overflow.DROP_OLDEST
    ) -> Subscription[Sample]:
        """Declare a way in."""
        self._check()
        pattern = canonical(pattern)

        def forget(ring: Ring[Sample]) -> None:
            self._network.samples.remove(ring)
            self._rings.discard(ring)

        name = f"the subscription to '{pattern}'"
        ring: Ring[Sample] = Ring(name, capacity, overflow, sample_size, forget)
        self._network.samples.add(pattern, ring)
        self._rings.add(ring)
        return ring

    def announce(self, key: str) -> Announcement:
        """Let others see `key`."""
        self._check()
        announcement = MemoryAnnouncement(
            self._network, canonical(key), self._announcements.discard
        )
        self._announcements.add(announcement)
        return announcement

    def watch(self, pattern: str, *, capacity: int = 1024) -> Subscription[Presence]:
        """Follow announcements."""
        self._check()
        pattern = canonical(pattern)

        def forget(ring: Ring[Presence]) -> None:
            self._network.presence.remove(ring)
            self._rings.discard(ring)

        name = f"the watch on '{pattern}'"
        ring: Ring[Presence] = Ring(name, capacity, Overflow.DROP_OLDEST, presence_size, forget)
        self._network.presence.add(pattern, ring)
        self._rings.add(ring)
        for key in self._network.present(pattern):
            ring.push(Presence(key, present=True))
        return ring

    async def close(self, timeout: float = 2.0) -> None:
        """Close all that was declared here; it waits for nothing."""
        del timeout
        self._closed = True
        for publisher in list(self._publishers):
            publisher.close()
        for announcement in list(self._announcements):
            announcement.withdraw()
        for ring in list(self._rings):
            ring.close()

    def _check(self) -> None:
        if self._closed:
            raise Closed("the transport")


class MemoryPublisher(DeclaredPublisher):
    """A way out to a network."""

    def __init__(
        self, network: MemoryNetwork, key: str, forget: Callable[["MemoryPublisher"], None]
    ) -> None:
        super().__init__(key, forget)
        self._network = network

    async def send(self, payload: bytes, attachment: bytes = b"") -> None:
        """Deliver one message to all that listen."""
        self._check()
        await self._turns.next()
        await self._network.deliver(Sample(self._key, bytes(payload), attachment), self._check)

    def matched(self) -> bool:
        """Say whether somebody listens."""
        return not self._closed and bool(self._network.samples.listening(self._key))


class MemoryAnnouncement(Announcement):
    """A key that is seen until it is withdrawn."""

    def __init__(
        self, network: MemoryNetwork, key: str, forget: Callable[["MemoryAnnouncement"], None]
    ) -> None:
        self._network = network
        self._key = key
        self._forget = forget
        self._withdrawn = False
        network.announce(key)

    def withdraw(self) -> None:
        """Take it back."""
        if not self._withdrawn:
            self._withdrawn = True
            self._network.withdraw(self._key)
            self._forget(self)
