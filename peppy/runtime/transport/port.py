"""The transport port: what every process of ours asks of the wire.

`MemoryTransport` and `ZenohTransport` keep the promises written here; one test suite holds both to
them, under asyncio and under Trio. Nothing here is thread-safe unless it says so: a transport, its
publishers and its subscriptions belong to the event loop on which the transport was opened.

Keys are `/`-separated; a pattern may use `*` for exactly one part and `**` for any number of them.
"""

import enum
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Final, Generic, TypeVar

import msgspec

from peppy.schema.errors import PeppyError

T = TypeVar("T")

LARGEST_PAYLOAD: Final = 512 * 1024 * 1024
"""Bytes; beyond this a sender is refused rather than a receiver flooded."""

Payload = bytes | bytearray | memoryview
"""What a publisher takes; what arrives is always `bytes`."""


class TransportError(PeppyError):
    """The wire refuses: it cannot be reached, is closed, or does not take what it was given."""


class Closed(TransportError):
    """The transport, publisher or subscription was closed, here or by the other side."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is closed")


class TooLarge(TransportError):
    """A payload beyond `LARGEST_PAYLOAD`; nothing was sent."""

    def __init__(self, key: str, size: int) -> None:
        self.key = key
        self.size = size
        super().__init__(
            f"a message of {size} bytes on '{key}' is larger than {LARGEST_PAYLOAD} bytes",
            hint="send it in parts, or send where it can be fetched from",
        )


class Delivery(enum.Enum):
    """What a publisher asks of the wire."""

    SENSOR = "sensor"
    """A congested link drops it, after everything else: the newest sample matters, not each."""
    STANDARD = "standard"
    """A congested link drops it."""
    RELIABLE = "reliable"
    """A congested link makes the sender wait."""
    URGENT = "urgent"
    """Like `RELIABLE`, ahead of everything else and without batching."""


class Sample(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One message as it arrived."""

    named: object
    """The key as the wire has it; who wants the text asks for `key`, which costs something."""
    payload: bytes
    attachment: bytes = b""

    @property
    def key(self) -> str:
        """The key under which it was sent."""
        return str(self.named)

    def __eq__(self, other: object) -> bool:
        """Say whether everything in it is the same."""
        return (
            isinstance(other, Sample)
            and self.key == other.key
            and self.payload == other.payload
            and self.attachment == other.attachment
        )

    def __hash__(self) -> int:
        """Return a hash of its values."""
        return hash((self.key, self.payload, self.attachment))

    def __repr__(self) -> str:
        return f"<Sample of '{self.key}', {len(self.payload)} bytes>"


class Presence(msgspec.Struct, frozen=True):
    """An announcement that appeared, or one that went away."""

    key: str
    present: bool


class Statistics(msgspec.Struct, frozen=True):
    """What went through a ring since it was made."""

    received: int
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
    def put(self, payload: Payload, attachment: bytes = b"") -> None:
        """Hand over one message, now. Who sends many in a row gives way to others in between.

        Raises `Closed`, `TooLarge`, or `TransportError` if the wire does not take it.
        """

    @abstractmethod
    async def send(self, payload: Payload, attachment: bytes = b"") -> None:
        """Hand over one message, giving way to other tasks every so often.

        Cancelled while it gives way, it has sent nothing. Raises as `put` does.
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


class Backlog(Subscription[T], Generic[T]):
    """A subscription whose items can be given back."""

    @property
    @abstractmethod
    def awaited(self) -> bool:
        """Whether somebody waits for an item."""

    @abstractmethod
    def put_back(self, items: Iterable[T]) -> None:
        """Have `items` received again, before all others and in their order; none is counted."""


class Listening(ABC):
    """A declared way in whose messages are handed to a function."""

    @abstractmethod
    def close(self) -> None:
        """Hand over no more; twice is fine."""


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
    ) -> Backlog[Any]:
        """Declare a way in for all that matches `pattern`, our own messages included.

        Messages of one publisher arrive in the order in which they were sent. Beyond `capacity`
        messages that wait, the oldest give way and are counted. What is received is a `Sample`, or
        what somebody gave back.
        """

    @abstractmethod
    def listen(self, pattern: str, function: Callable[[Sample], None]) -> Listening:
        """Declare a way in whose messages `function` gets on the loop, in order and unbounded.

        There is no task and no ring in between: this is for what answers at once. The function
        must neither raise nor take long.
        """

    @abstractmethod
    def announce(self, key: str) -> Announcement:
        """Let others see `key` until it is withdrawn, this transport closes or the process ends."""

    @abstractmethod
    def watch(self, pattern: str, *, capacity: int = 1024) -> Subscription[Presence]:
        """Follow announcements: first those that are there, then each change."""

    @abstractmethod
    def follow(self, pattern: str, function: Callable[[Presence], None]) -> Listening:
        """Like `watch`, with a function that gets each change on the loop; the same rules."""

    @abstractmethod
    async def present(self, pattern: str, timeout: float = 1.0) -> list[str]:
        """Return the announced keys that match, asking everybody; what is far may be missed.

        It takes one round trip through the router, and at most `timeout` seconds.
        """

    @abstractmethod
    async def close(self, timeout: float = 2.0) -> None:
        """Close everything that was declared here and leave, within `timeout` seconds.

        Whoever waits in `receive` gets `Closed`. Twice is fine. Cancelled, it still closes.
        """
