"""The transports of an embedded network: who sends, who hears, and what each knows of the others.

Each knows by itself what the others announce: what one has heard may be on its way to the next.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import anyio

from peppy.runtime.transport.delivery import DeclaredPublisher
from peppy.runtime.transport.handover import Sink
from peppy.runtime.transport.memory import Board, MemoryNetwork, MemoryTransport
from peppy.runtime.transport.port import Delivery, Payload, Presence, Publisher, Sample
from peppy.runtime.transport.routes import Routes, canonical, intersect
from peppy.testing.stack.carrier import Here
from peppy.testing.stack.links import Link, Parcel, Sender

DROPPABLE: Final = (Delivery.SENSOR, Delivery.STANDARD)
"""What a congested link may drop."""

Noted = Callable[[bytes, bytes], None]
"""Is told of each payload and attachment that goes out."""


class Ground(MemoryNetwork):
    """What its transports need of an embedded network."""

    def __init__(self) -> None:
        super().__init__()
        self.seats: dict[EmbeddedTransport, None] = {}
        """Those who take part now, in the order in which they came."""

    @abstractmethod
    def link(self, sender: str, receiver: str) -> Link:
        """Return the link from one owner to another."""

    @abstractmethod
    def noted(self, key: str) -> Noted | None:
        """Return what is to be told of all that goes out on `key`."""

    @abstractmethod
    def round_trip(self) -> float:
        """Return the seconds that it takes to ask everybody."""


class Doorway(Sink):
    """A sink, and where it is looked at."""

    def __init__(self, sink: Sink, owner: str, here: Here) -> None:
        self.owner = owner
        self._sink = sink
        self._push = sink.push
        self._look = sink.look
        self._here = here

    def push(self, item: object) -> None:
        """Keep one item."""
        self._push(item)

    def wake(self) -> None:
        """Have it looked at where it lives, soon."""
        if not self._sink.pending:
            self._sink.pending = True
            self._here(self._look)

    def take(self, item: object) -> None:
        """Keep one item, and have it looked at."""
        self._push(item)
        if not self._sink.pending:  # as in `wake`: this is each message's way
            self._sink.pending = True
            self._here(self._look)


class EmbeddedTransport(MemoryTransport, Sender):
    """One participant of an embedded network."""

    def __init__(self, ground: Ground, owner: str, here: Here) -> None:
        super().__init__(ground)
        self.owner = owner
        self.notices = Notices(self, ground)
        self._here = here
        self._ground = ground
        self._doorways: dict[Sink, Doorway] = {}
        self._watched = Routes()
        self._heard: dict[EmbeddedTransport, dict[str, None]] = {}
        """What is known here of each who takes part."""
        self._announcers: dict[str, int] = {}
        """How many announce a key, as far as is known here."""

    def __repr__(self) -> str:
        return f"<EmbeddedTransport {self.identity} of '{self.owner}'>"

    async def present(self, pattern: str, timeout: float = 1.0) -> list[str]:
        """Return the announced keys that match; it takes a round trip."""
        self._check()
        pattern = canonical(pattern)
        if takes := self._ground.round_trip():
            await anyio.sleep(min(takes, timeout))
        found = dict.fromkeys(self._seen(pattern))
        for seat in self._ground.seats:
            if seat is not self and self._ground.link(seat.owner, self.owner).whole:
                found.update((key, None) for key in seat.notices.keys if intersect(pattern, key))
        return list(found)

    async def close(self, timeout: float = 2.0) -> None:
        """Close all that was declared here; it waits for nothing."""
        await super().close(timeout)
        self._ground.seats.pop(self, None)

    def sever(self) -> None:
        """Be gone without a word: send and hear nothing from now on."""
        self.severed = True
        for doorway in self._doorways.values():
            self._ground.samples.remove(doorway)
        self._ground.seats.pop(self, None)

    # What is known of the others.

    def appeared(self, sender: "EmbeddedTransport", key: str) -> None:
        """Learn that `sender` announces `key`."""
        heard = self._heard.setdefault(sender, {})
        if key not in heard:
            heard[key] = None
            self._announcers[key] = self._announcers.get(key, 0) + 1
            if self._announcers[key] == 1:
                self._tell(Presence(key, present=True))

    def vanished(self, sender: "EmbeddedTransport", key: str) -> None:
        """Learn that `sender` announces `key` no more."""
        heard = self._heard.get(sender)
        if heard is not None and key in heard:
            del heard[key]
            if not heard:
                del self._heard[sender]
            self._announcers[key] -= 1
            if not self._announcers[key]:
                del self._announcers[key]
                self._tell(Presence(key, present=False))

    def learned(self, sender: "EmbeddedTransport", keys: Iterable[str]) -> None:
        """Learn all that `sender` announces."""
        now = dict.fromkeys(keys)
        for key in tuple(self._heard.get(sender, ())):
            if key not in now:
                self.vanished(sender, key)
        for key in now:
            self.appeared(sender, key)

    def forget_all_of(self, owner: str) -> None:
        """See `owner` gone."""
        for sender in tuple(self._heard):
            if sender.owner == owner:
                self.learned(sender, ())

    def _tell(self, presence: Presence) -> None:
        if not (self._closed or self.severed):
            for sink in self._watched.listening(presence.key):
                sink.push(presence)
                sink.wake()

    # What a transport in memory leaves to us.

    def _presence_routes(self) -> Routes:
        return self._watched

    def _board(self) -> Board:
        return self.notices

    def _seen(self, pattern: str) -> list[str]:
        return [key for key in self._announcers if intersect(pattern, key)]

    def _way_out(self, key: str, delivery: Delivery) -> Publisher:
        return EmbeddedPublisher(self, self._ground, key, delivery, self._forget_publisher)

    def _add(self, pattern: str, routes: Routes, sink: Sink) -> None:
        doorway = self._doorways[sink] = Doorway(sink, self.owner, self._here)
        if routes is self._watched or not self.severed:
            routes.add(pattern, doorway)

    def _remove(self, routes: Routes, sink: Sink) -> None:
        routes.remove(self._doorways.pop(sink))


class Notices(Board):
    """What one transport announces."""

    def __init__(self, seat: EmbeddedTransport, ground: Ground) -> None:
        self.keys: dict[str, int] = {}
        self._seat = seat
        self._ground = ground

    def announce(self, key: str) -> None:
        """Let `key` be seen once more."""
        self.keys[key] = self.keys.get(key, 0) + 1
        if self.keys[key] == 1:
            self._spread(EmbeddedTransport.appeared, key)

    def withdraw(self, key: str) -> None:
        """Let `key` be seen once less."""
        self.keys[key] -= 1
        if not self.keys[key]:
            del self.keys[key]
            self._spread(EmbeddedTransport.vanished, key)

    def _spread(
        self, learn: Callable[[EmbeddedTransport, EmbeddedTransport, str], None], key: str
    ) -> None:
        me = self._seat
        if me.severed:
            return
        for seat in tuple(self._ground.seats):
            link = self._ground.link(me.owner, seat.owner)
            link.carry(Parcel(me, partial(learn, seat, me, key)))


class EmbeddedPublisher(DeclaredPublisher):
    """A way out to an embedded network."""

    def __init__(
        self,
        seat: EmbeddedTransport,
        ground: Ground,
        key: str,
        delivery: Delivery,
        forget: Callable[[Any], None],
    ) -> None:
        super().__init__(key, forget)
        self._seat = seat
        self._ground = ground
        self._samples = ground.samples
        self._droppable = delivery in DROPPABLE
        self._noted = ground.noted(key)
        self._listening: tuple[Sink, ...] = ()
        self._ways: tuple[tuple[Link, Callable[[object], None]], ...] = ()
        """To each who listens; made anew when somebody comes or goes."""

    def _hand_over(self, payload: Payload, attachment: bytes) -> None:
        if self._seat.severed:
            return
        if type(payload) is not bytes:
            payload = bytes(payload)
        if self._noted is not None:
            self._noted(payload, attachment)
        sample = Sample(self._key, payload, attachment)
        listening = self._samples.listening(self._key)
        ways = self._ways if listening is self._listening else self._ways_now()
        for link, take in ways:
            if link.quick:
                link.delivered += 1
                take(sample)
            else:
                deliver = partial(take, sample)
                size, droppable = len(payload), self._droppable
                link.carry(Parcel(self._seat, deliver, size=size, droppable=droppable))

    def _ways_now(self) -> tuple[tuple[Link, Callable[[object], None]], ...]:
        listening = self._samples.listening(self._key)
        if listening is not self._listening:
            self._listening = listening
            me = self._seat.owner
            self._ways = tuple(
                (self._ground.link(me, sink.owner), sink.take)
                for sink in listening
                if isinstance(sink, Doorway)
            )
        return self._ways

    def matched(self) -> bool:
        """Say whether somebody listens who has not been given up."""
        return not self._closed and any(not link.lost for link, _ in self._ways_now())
