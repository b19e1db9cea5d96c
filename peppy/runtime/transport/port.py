"""The transport port: what every process of ours asks of the wire.

`MemoryTransport` and `ZenohTransport` keep the promises written here; one test suite holds both to
them, under asyncio and under Trio. Nothing here is thread-safe unless it says so: a transport, its
publishers and its subscriptions belong to the event loop on which the transport was opened.

Keys are `/`-separated; a pattern may use `*` for exactly one part and `**` for any number of them.
"""

import enum
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

import msgspec

from peppy.schema.errors import PeppyError

T = TypeVar("T")


class TransportError(PeppyError):
    """The wire refuses: it cannot be reached, is closed, or does not take what it was given."""


class Closed(TransportError):
    """The transport, publisher or subscription was closed, here or by the other side."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is closed")


class Unanswered(TransportError):
    """Nobody answered a request in time; `acknowledged` says whether somebody had taken it up."""

    def __init__(self, key: str, seconds: float, *, acknowledged: bool) -> None:
        self.key = key
        self.seconds = seconds
        self.acknowledged = acknowledged
        super().__init__(f"nobody answered '{key}' within {seconds:g} s")


class Refused(TransportError):
    """Whoever answered a request refused it; `reason` is what it said."""

    def __init__(self, key: str, reason: str) -> None:
        self.key = key
        self.reason = reason
        super().__init__(f"'{key}' was refused: {reason}")


class Overflow(enum.Enum):
    """What a full ring does with one message more."""

    DROP_OLDEST = "drop_oldest"
    BLOCK = "block"
    """Nothing is dropped: the sender waits."""


class Delivery(enum.Enum):
    """What a publisher asks of the wire."""

    DROP = "drop"
    """A congested link may drop: the newest sample matters, not each one."""
    STANDARD = "standard"
    RELIABLE = "reliable"
    """A congested link makes the sender wait."""
    URGENT = "urgent"
    """Like `RELIABLE`, ahead of everything else and without batching."""


class Sample(msgspec.Struct, frozen=True):
    """One message as it arrived."""

    key: str
    payload: bytes
    attachment: bytes = b""


class Presence(msgspec.Struct, frozen=True):
    """An announcement that appeared, or one that went away."""

    key: str
    present: bool


class Statistics(msgspec.Struct, frozen=True):
    """What went through a ring since it was made."""

    received: int
    bytes: int
    dropped: int
    """Messages that a full ring gave up."""
    waiting: int
    """Messages in the ring now."""


class Publisher(ABC):
    """A declared way out; made once and kept."""

    @property
    @abstractmethod
    def key(self) -> str:
        """The key that every message of this publisher carries."""

    @abstractmethod
    async def send(self, payload: bytes, attachment: bytes = b"") -> None:
        """Hand over one message; return when the wire has taken it.

        Waits while a `BLOCK` ring that listens is full. Cancelling the wait sends nothing. Raises
        `Closed`, or `TransportError` if the wire does not take the payload.
        """

    @abstractmethod
    def matched(self) -> bool:
        """Say whether somebody is known to listen."""

    @abstractmethod
    def close(self) -> None:
        """Give the declaration back; closing twice is fine."""


class Subscription(ABC, Generic[T]):
    """A declared way in: a bounded ring that counts what it drops."""

    @abstractmethod
    async def receive(self) -> T:
        """Return the oldest item, waiting for one if there is none.

        Any number of tasks may wait; each item goes to one of them, first come first served. A
        cancelled wait loses nothing. Raises `Closed` once the ring is closed and empty.
        """

    @abstractmethod
    def receive_nowait(self) -> T | None:
        """Return the oldest item, or None if there is none."""

    @abstractmethod
    def statistics(self) -> Statistics:
        """Return the counters."""

    @abstractmethod
    def close(self) -> None:
        """Stop listening: what waits in the ring is still handed out, then `Closed` is raised."""

    def __aiter__(self) -> AsyncIterator[T]:
        """Iterate over the items until the ring is closed."""
        return self._items()

    async def _items(self) -> AsyncIterator[T]:
        while True:
            try:
                item = await self.receive()
            except Closed:
                return
            yield item


class Announcement(ABC):
    """A key that others see as present for as long as this process lives and does not withdraw."""

    @abstractmethod
    def withdraw(self) -> None:
        """Take it back; twice is fine."""


class Transport(ABC):
    """A connection to the others, whoever they are."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """A text that no other transport has; it may stand in a key."""

    @abstractmethod
    def publisher(self, key: str, delivery: Delivery = Delivery.STANDARD) -> Publisher:
        """Declare a way out to `key`.

        If it is a pattern, whoever listens to a key that it matches hears the messages, and they
        carry the pattern as their key.
        """

    @abstractmethod
    def subscribe(
        self,
        pattern: str,
        *,
        capacity: int = 128,
        overflow: Overflow = Overflow.DROP_OLDEST,
    ) -> Subscription[Sample]:
        """Declare a way in for all that matches `pattern`, our own messages included.

        Messages of one publisher arrive in the order in which they were sent.
        """

    @abstractmethod
    def announce(self, key: str) -> Announcement:
        """Let others see `key` until it is withdrawn, this transport closes or the process ends."""

    @abstractmethod
    def watch(self, pattern: str, *, capacity: int = 1024) -> Subscription[Presence]:
        """Follow announcements: first those that are there, then each change."""

    @abstractmethod
    async def close(self, timeout: float = 2.0) -> None:
        """Close everything that was declared here and leave, within `timeout` seconds.

        Whoever waits in `receive` gets `Closed`. Twice is fine. Cancelled, it still closes.
        """
