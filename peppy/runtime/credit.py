"""Credit: how a topic that must not lose a message holds its sender back.

Who takes such a topic announces itself, and tells each sender now and then how far it has come. A
sender that is a window ahead of its slowest taker waits, on its loop like any other task. So no
ring of a taker is ever full, and hardly any buffer of a link: a sender would wait there too, but
would hold its whole loop. A taker that dies, or that nobody reads for `LAPSE`, is waited for no
more.

A message weighs its bytes, but a small part of them where it goes through shared memory: what is on
the link then is a reference. Both ends count alike, and a taker is never silent about more than a
quarter of the window; so a sender that waits is always told when it may go on.
"""

import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import anyio

from peppy.runtime.transport.loops import clock_here, new_waiter
from peppy.runtime.transport.port import (
    Announcement,
    Delivery,
    Listening,
    Presence,
    Publisher,
    Sample,
    Transport,
    TransportError,
)
from peppy.runtime.transport.shared_memory import THRESHOLD
from peppy.runtime.transport.waiting import Waiter
from peppy.schema import keys
from peppy.schema.keys import Address

MOST: Final = 1024
"""Messages that a sender may be ahead of its slowest taker."""

HEAVIEST: Final = 512 * 1024
"""Weight of those messages, well below what the buffers of a link on loopback hold."""

SHARED: Final = 32
"""What shared memory divides a weight by: six frames of 1280x720 RGB fill a window."""

MARK: Final = HEAVIEST // 16
"""Weight between two points whose place in the sequence is remembered."""

MOST_UNTOLD: Final = MOST // 4
HEAVIEST_UNTOLD: Final = HEAVIEST // 4
"""What a taker may take before it tells its sender."""

LAPSE: Final = 30.0
"""Seconds after which a taker that nobody reads is waited for no more.

A program that takes one message and never asks again must not hold its sender for good.
"""

NO_LIMIT: Final = 1 << 80

SIGN: Final = LAPSE / 6
"""Seconds after which a taker tells of one message more: slow is not the same as gone."""

HELD: Final = "held"
LOOSE: Final = "loose"
"""How a taker id begins: whether it is to be waited for however long it stands still."""

_CREDIT: Final = struct.Struct("<Q")

BEGINNING: Final = struct.Struct("<QQ")
"""A publisher's number, and the sequence number from which on it sends all."""

_LAST: Final = (1 << 64) - 1
"""What can be told at most; only a foreign envelope claims more."""


def weight(size: int) -> int:
    """Return what a payload of `size` bytes counts for."""
    return size if size < THRESHOLD else size // SHARED


class _Taker:
    __slots__ = ("lapsed", "taken")

    def __init__(self, taken: int) -> None:
        self.taken = taken
        """The sequence number that it has not taken yet."""
        self.lapsed = False


class Window:
    """The sender's side, of one publisher."""

    def __init__(
        self,
        transport: Transport,
        sender: Address,
        topic: str,
        publisher: int,
        on_lapse: Callable[[], None],
    ) -> None:
        self.sequence = 0
        """Of the next message."""
        self.full = False
        """Whether the next message has to wait."""
        self._transport = transport
        self._sender = sender
        self._pattern = keys.takers_pattern(topic)
        self._publisher = publisher
        self._on_lapse = on_lapse
        self._takers: dict[str, _Taker] = {}
        self._gone: set[str] = set()
        self._weight = self._taken_weight = 0
        self._marks: deque[tuple[int, int]] = deque(maxlen=2 * HEAVIEST // MARK)
        """Points on the way: a sequence number, and the weight of what came before it. Two windows
        of them: nobody who is waited for is further behind."""
        self._next_mark = MARK
        self._last_sequence = self._last_weight = NO_LIMIT
        self._waiters: deque[Waiter] = deque()
        self._open = False
        self._ways_in = (
            transport.follow(self._pattern, self._on_presence),
            transport.listen(keys.credit(publisher), self._on_credit),
        )

    async def opened(self) -> None:
        """Return once the takers that are there now are known."""
        if not self._open:
            for key in await self._transport.present(self._pattern):
                if key not in self._gone:
                    self._appear(key)
            self._open = True
            self._gone.clear()

    def sent(self, size: int) -> None:
        """Count a message of `size` bytes that went out."""
        self.sequence += 1
        self._weight += size if size < THRESHOLD else size // SHARED
        if self._weight >= self._next_mark:
            self._next_mark = self._weight + MARK
            if self._takers:
                self._marks.append((self.sequence, self._weight))
        self.full = self.sequence >= self._last_sequence or self._weight >= self._last_weight

    async def room(self) -> None:
        """Wait until the next message may go."""
        while self.full:
            slowest = self._slowest()
            with anyio.move_on_after(LAPSE) as patience:
                while self.full and self._slowest() == slowest:
                    await self._change()
            if patience.cancelled_caught:
                self._let_lapse(slowest)

    async def _change(self) -> None:
        waiter = new_waiter()
        self._waiters.append(waiter)
        try:
            await waiter.wait()
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def _let_lapse(self, taken: int) -> None:
        for key, taker in self._takers.items():
            if taker.taken == taken and keys.last(key).startswith(LOOSE):
                taker.lapsed = True
                self._on_lapse()
        self._look()

    def _on_presence(self, presence: Presence) -> None:
        if presence.present:
            self._appear(presence.key)
        else:
            if not self._open:
                self._gone.add(presence.key)
            self._takers.pop(presence.key, None)
            self._look()

    def _appear(self, key: str) -> None:
        if keys.taker_in(key, self._sender) is not None and key not in self._takers:
            self._takers[key] = _Taker(self.sequence)
            self._look()

    def _on_credit(self, sample: Sample) -> None:
        key = sample.attachment.decode(errors="replace")
        taker = self._takers.get(key)
        if taker is None:
            return
        if not sample.payload:
            self._tell_beginning(key)
        elif len(sample.payload) == _CREDIT.size:
            (taken,) = _CREDIT.unpack(sample.payload)
            if taker.taken < taken <= self.sequence:
                taker.taken = taken
                taker.lapsed = False
                self._look()

    def _tell_beginning(self, key: str) -> None:
        """Answer a taker that asks from which message on it is sent all: from the next one."""
        with suppress(TransportError):
            out = self._transport.publisher(keys.beginning(keys.last(key)), Delivery.URGENT)
            out.put(BEGINNING.pack(self._publisher, self.sequence))
            out.close()

    def _slowest(self) -> int:
        waited_for = [taker.taken for taker in self._takers.values() if not taker.lapsed]
        return min(waited_for, default=self.sequence)

    def _look(self) -> None:
        slowest = self._slowest()
        while self._marks and self._marks[0][0] <= slowest:
            self._taken_weight = self._marks.popleft()[1]
        if slowest == self.sequence:
            self._taken_weight = self._weight
        waited_for = any(not taker.lapsed for taker in self._takers.values())
        self._last_sequence = slowest + MOST if waited_for else NO_LIMIT
        self._last_weight = self._taken_weight + HEAVIEST if waited_for else NO_LIMIT
        self.full = self.sequence >= self._last_sequence or self._weight >= self._last_weight
        if not self.full:
            self._wake()

    def _wake(self) -> None:
        while self._waiters:
            self._waiters.popleft().wake()

    def close(self) -> None:
        """Hold nobody back any more."""
        for way_in in self._ways_in:
            way_in.close()
        self._takers.clear()
        self._look()


class Account:
    """What a taker has taken of one publisher since it last said so."""

    __slots__ = (
        "_key",
        "_messages",
        "_now",
        "_publisher",
        "_told",
        "_transport",
        "_weight",
        "number",
    )

    def __init__(self, transport: Transport, key: str, number: int) -> None:
        self.number = number
        self._transport = transport
        self._key = key.encode()
        self._messages = self._weight = 0
        self._now = clock_here()
        self._told = self._now()
        self._publisher: Publisher | None = None

    def took(self, sequence: int, size: int, number: int = 1) -> None:
        """Count messages up to `sequence`; tell their sender of each quarter of its window."""
        self._messages += number
        self._weight += weight(size) if number == 1 else size  # as each of them was counted
        if (
            self._messages >= MOST_UNTOLD
            or self._weight >= HEAVIEST_UNTOLD
            or self._now() - self._told >= SIGN
        ):
            self.tell(sequence)

    def tell(self, sequence: int) -> None:
        """Tell the sender that the message `sequence` has been taken, and all before it."""
        self._way_out().put(_CREDIT.pack(min(sequence + 1, _LAST)), self._key)
        self._messages = self._weight = 0
        self._told = self._now()

    def ask(self) -> bool:
        """Ask the sender from which message on it sends all; False if nobody hears that."""
        publisher = self._way_out()
        if not publisher.matched():
            self.close()  # strangers may claim to be any number of publishers
            return False
        publisher.put(b"", self._key)
        return True

    def _way_out(self) -> Publisher:
        if self._publisher is None:
            key = keys.credit(self.number)
            self._publisher = self._transport.publisher(key, Delivery.URGENT)
        return self._publisher

    def close(self) -> None:
        """Give the way out back."""
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.close()


class Takings:
    """The taker's side, of one subscription: announced as long as it stands."""

    def __init__(self, transport: Transport, announced: str) -> None:
        self._transport = transport
        self._key = announced
        self._announcement: Announcement = transport.announce(announced)

    def account(self, publisher: int) -> Account:
        """Return a new account with a publisher."""
        return Account(self._transport, self._key, publisher)

    def hear_beginnings(self, function: Callable[[Sample], None]) -> Listening:
        """Have `function` get the answers to what its accounts ask."""
        return self._transport.listen(keys.beginning(keys.last(self._key)), function)

    def close(self) -> None:
        """Be waited for no more."""
        self._announcement.withdraw()
