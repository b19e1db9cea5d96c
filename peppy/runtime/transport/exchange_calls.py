"""The asking half of an exchange: what is kept for a key that is asked, and each request to it."""

from collections.abc import Callable
from typing import Final

import anyio

from peppy.runtime.transport.exchange_errors import Unreachable
from peppy.runtime.transport.exchange_post import call_later
from peppy.runtime.transport.exchange_roster import Roster
from peppy.runtime.transport.port import Closed, Delivery, Payload, Publisher, Transport
from peppy.runtime.transport.routes import intersect
from peppy.runtime.transport.waiting import Waiter

SEEK: Final = 0.005
"""Seconds between two looks whether a server can be heard: the port tells it only when asked."""

MOST_DIRECT: Final = 4
"""Servers that are sent to one by one; beyond that, one message to the pattern costs less."""

OVERTAKEN: Final = 0.1
"""Seconds for which the answer of somebody who has gone may still come: word of that goes before
everything else on a link."""

MOST_KNOWN: Final = 65536
"""Servers that may answer at one pattern, over the life of a process."""


class Way:
    """What is kept for one key or pattern that is asked."""

    def __init__(self, transport: Transport, key: str, servers: str | None) -> None:
        self.key = key
        self._transport = transport
        self._publisher = transport.publisher(key, Delivery.RELIABLE)
        self._direct: dict[str, Publisher] = {}
        self.publishers: tuple[Publisher, ...] = (self._publisher,)
        """Where a request goes: to the pattern, or to each of a few who announce their keys."""
        self.heard = False
        """Whether a server has been seen to listen since the last change of the roster."""
        self.calls: dict[Call, None] = {}
        self.seeking = 0
        """How many wait for somebody to listen."""
        self.many = "*" in key
        self._closed = False
        self._known: set[str] = set()
        self.roster: Roster | None = None  # following tells of changes at once
        if servers is not None:
            self.roster = Roster(transport, servers, self._changed)

    @property
    def idle(self) -> bool:
        """Whether nobody asks now."""
        return not self.calls and not self.seeking

    def _changed(self) -> None:
        self.heard = False
        if self.roster is not None:
            self._aim(self.roster.served())
            if self._lost():
                call_later(OVERTAKEN, self._end_lost)

    def _lost(self) -> list["Call"]:
        """Return the calls that nobody who is there can answer."""
        here = frozenset[str]() if self.roster is None else self.roster.here
        return [call for call in self.calls if call.lost(here)]

    def _end_lost(self) -> None:
        for call in self._lost():
            call.end()

    def _aim(self, served: set[str]) -> None:
        """Send to those few who are there: what goes to a pattern goes through routers as well."""
        few = self.many and 0 < len(served) <= MOST_DIRECT
        wanted = served if few and all(intersect(self.key, key) for key in served) else set[str]()
        for key in sorted(self._direct.keys() - wanted):
            self._direct.pop(key).close()
        for key in sorted(wanted - self._direct.keys()):
            self._direct[key] = self._transport.publisher(key, Delivery.RELIABLE)
        self.publishers = tuple(self._direct.values()) or (self._publisher,)

    def put(self, payload: Payload, label: bytes) -> None:
        """Send to all who may answer; raises as `Publisher.put` does."""
        for publisher in self.publishers:
            publisher.put(payload, label)

    async def find_server(self) -> None:
        """Return once somebody listens; raise `Unreachable` if nobody is announced."""
        if self.roster is not None and not self.roster.here:
            await self.roster.look()
            if not self.roster.here:
                raise Unreachable(self.key, left=False)
        while not any(publisher.matched() for publisher in self.publishers):
            await anyio.sleep(SEEK)
            if self._closed:
                raise Closed("the exchange")
            if self.roster is not None and not self.roster.here:
                raise Unreachable(self.key, left=False)
        self.heard = True

    def may_answer(self, key: str) -> bool:
        """Say whether who serves this key is one of those who were asked."""
        if key in self._known:
            return True
        if len(self._known) >= MOST_KNOWN or not intersect(self.key, key):
            return False
        self._known.add(key)
        return True

    def close(self) -> None:
        """Give everything back."""
        self._closed = True
        for publisher in (self._publisher, *self._direct.values()):
            publisher.close()
        if self.roster is not None:
            self.roster.close()


class Call:
    """A request of ours that waits for its answer."""

    __slots__ = (
        "acknowledged",
        "attachment",
        "candidates",
        "claimant",
        "deadline",
        "kind",
        "on_note",
        "origin",
        "payload",
        "queued",
        "waiter",
        "way",
    )

    def __init__(
        self,
        way: Way,
        waiter: Waiter,
        deadline: float,
        candidates: frozenset[str] | None,
        on_note: Callable[[bytes], None] | None,
    ) -> None:
        self.way = way
        self.waiter = waiter
        self.deadline = deadline
        """By the loop's clock."""
        self.candidates = candidates
        """Those who were there when it was sent, if that is known."""
        self.on_note = on_note
        self.claimant: str | None = None
        self.queued: set[str] | None = None
        """Those who said that it waits."""
        self.acknowledged = False
        self.kind = 0
        """`REPLY` or `REFUSED`, once it is answered."""
        self.origin = self.payload = self.attachment = b""

    def answer(self, kind: int, origin: bytes, payload: bytes, attachment: bytes) -> None:
        """Let the asker have this."""
        self.kind = kind
        self.origin = origin
        self.payload = payload
        self.attachment = attachment
        self.waiter.wake_now()

    def lost(self, here: frozenset[str]) -> bool:
        """Say whether nobody of those who are here can answer it."""
        if self.kind or self.candidates is None:
            return False
        waited_for = self.candidates if self.claimant is None else {self.claimant}
        return here.isdisjoint(waited_for)

    def waits(self) -> bool:
        """Say whether all who might answer have said that it waits."""
        return self.queued is not None and self.queued >= (self.candidates or self.queued)

    def end(self) -> None:
        """Let the asker look why it waits no more."""
        self.waiter.wake()
