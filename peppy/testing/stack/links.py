"""One direction between two participants: what is under way on it, and what becomes of that.

A link that is calm and whole is `quick`: whoever sends hands over by itself. On any other, each
message is a parcel that the carrier brings. What may be dropped is lost as the conditions say. All
else comes once and in order, as on a TCP connection: what is sent into a partition is sent again
when that is healed in time, and is lost with the connection when it is not.
"""

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Final

import msgspec
import trio

from peppy.testing.stack.carrier import Carrier
from peppy.testing.stack.conditions import CALM, Conditions

BUFFERED: Final = 4 * 1024 * 1024
"""Bytes of what may be dropped that wait for a participant who stands still: about what the sockets
of a connection hold."""


class LinkStatistics(msgspec.Struct, frozen=True):
    """What became of the messages from one participant to another."""

    delivered: int
    lost: int
    duplicated: int
    late: int
    """Those that came behind later ones."""
    held: int
    """Those that are held back now."""


class Sender:
    """Whoever sends: what is under way of one who was severed arrives nowhere."""

    severed = False


class Parcel:
    """One message or announcement for one receiver."""

    __slots__ = ("deliver", "droppable", "sender", "size")

    def __init__(
        self, sender: Sender, deliver: Callable[[], None], *, size: int = 0, droppable: bool = False
    ) -> None:
        self.sender = sender
        self.deliver = deliver
        self.size = size
        self.droppable = droppable


class Link:
    """From one participant to another."""

    def __init__(self, carrier: Carrier, random: Random, conditions: Conditions) -> None:
        self.quick = conditions.calm
        """Whether nothing is in the way, and nothing under way."""
        self.delivered = 0
        self.frozen = False
        """Whether one of the two stands still."""
        self.parted = False
        self.lost = False
        """Whether the partition has lasted so long that both have given the other up."""
        self.conditions = conditions
        self.held: deque[Parcel] = deque()
        """What has arrived and cannot be delivered, in its order."""
        self._carrier = carrier
        self._random = random
        self._under_way = 0
        self._last = [0.0, 0.0]
        """When the last one of those that keep their order arrives: droppable ones, and others."""
        self._buffered = 0
        self._lost = self._duplicated = self._late = 0

    def refresh(self) -> None:
        """See whether it is quick, after anything has changed."""
        self.quick = not (
            self._under_way or self.held or self.frozen or self.parted or self.lost
        ) and (self.conditions is CALM or self.conditions.calm)

    def carry(self, parcel: Parcel) -> None:
        """Have `parcel` delivered, or lost."""
        if self.quick:
            self.delivered += 1
            parcel.deliver()
        elif self.lost:
            self._lost += 1
        elif parcel.droppable:
            self._carry_droppable(parcel)
        else:
            conditions = self.conditions
            takes = self._latency()
            if self._happens(conditions.loss):
                takes += conditions.retransmission
            self._send(parcel, self._in_turn(takes, 1))

    def _carry_droppable(self, parcel: Parcel) -> None:
        conditions = self.conditions
        if self.parted or self._happens(conditions.loss):
            self._lost += 1
            return
        if self._happens(conditions.reordering):
            self._late += 1
            takes = self._latency() + self._random.uniform(0.0, conditions.lateness)
            when = trio.current_time() + takes
        else:
            when = self._in_turn(self._latency(), 0)
        self._send(parcel, when)
        if self._happens(conditions.duplication):
            self._duplicated += 1
            self._send(parcel, when + self._latency())

    def _latency(self) -> float:
        shortest, longest = self.conditions.latency
        return shortest if shortest == longest else self._random.uniform(shortest, longest)

    def _happens(self, probability: float) -> bool:
        return probability > 0.0 and self._random.random() < probability

    def _in_turn(self, takes: float, lane: int) -> float:
        when = max(self._last[lane], trio.current_time() + takes)
        self._last[lane] = when
        return when

    def _send(self, parcel: Parcel, when: float) -> None:
        self._under_way += 1
        self.quick = False
        self._carrier.at(when, lambda: self._arrive(parcel))

    def _arrive(self, parcel: Parcel) -> None:
        self._under_way -= 1
        if parcel.sender.severed or self.lost or (self.parted and parcel.droppable):
            self._lost += 1
        elif self.held or self._blocked:
            self._hold(parcel)
        else:
            self.delivered += 1
            parcel.deliver()
        self.refresh()

    @property
    def _blocked(self) -> bool:
        return self.frozen or (self.parted and not self.lost)

    def _hold(self, parcel: Parcel) -> None:
        if parcel.droppable:
            if self._buffered + parcel.size > BUFFERED:
                self._lost += 1
                return
            self._buffered += parcel.size
        self.held.append(parcel)

    def notice(self, parcel: Parcel) -> None:
        """Have what the receiver's own side notices delivered now, but after what is held."""
        if self.held or self._blocked:
            self.held.append(parcel)
            self.quick = False
        else:
            parcel.deliver()

    @property
    def whole(self) -> bool:
        """Whether something may pass."""
        return not (self.frozen or self.parted or self.lost)

    def lose(self) -> None:
        """Give up the connection, with all that is held on it."""
        self.lost = True
        self._lost += len(self.held)
        self._buffered = 0
        self.held.clear()
        self.refresh()

    def release(self) -> None:
        """Let go what is held, ahead of all that is sent from now on."""
        if self.held and not self._blocked:
            self._carrier.soon(self._flush)
        self.refresh()

    def _flush(self) -> None:
        while self.held and not self._blocked:
            parcel = self.held.popleft()
            self._buffered -= parcel.size if parcel.droppable else 0
            if parcel.sender.severed:
                self._lost += 1
            else:
                self.delivered += 1
                parcel.deliver()
        self.refresh()

    def statistics(self) -> LinkStatistics:
        """Return the counters."""
        return LinkStatistics(
            self.delivered, self._lost, self._duplicated, self._late, len(self.held)
        )
