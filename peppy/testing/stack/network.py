"""The network of an embedded stack: in memory, with conditions drawn from a seed."""

from collections.abc import Callable, Collection, Iterator
from functools import partial
from random import Random
from typing import Any, Final

import trio

from peppy.runtime.transport.memory import MemoryTransport
from peppy.schema import envelope, keys
from peppy.testing.stack.carrier import Carrier, Here
from peppy.testing.stack.conditions import CALM, Conditions
from peppy.testing.stack.links import Link, LinkStatistics, Parcel, Sender
from peppy.testing.stack.seats import EmbeddedTransport, Ground, Noted
from peppy.testing.trace import Kind, Trace

__all__ = [
    "CALM",
    "DETECTION",
    "Conditions",
    "EmbeddedNetwork",
    "Here",
    "LinkStatistics",
    "Reader",
    "at_once",
]

DETECTION: Final = 10.0
"""Seconds without a sign of life after which a connection is given up: zenoh's lease."""

Reader = Callable[[bytes, bytes, int], Any]
"""Returns a message of a topic as plain values, from a payload, its attachment, and which it is of
those that were sent together, counted from 0."""

TOPICS: Final = f"{keys.ROOT}/topic/"


def at_once(function: Callable[[], object]) -> None:
    """Call it now: for who lives where everybody does."""
    function()


def _unread(payload: bytes, attachment: bytes, place: int) -> bytes:
    del attachment, place
    return payload


class Partition:
    """Groups between which nothing passes."""

    def __init__(self, groups: tuple[Collection[str], ...]) -> None:
        self.detected = False
        self._groups: dict[str, int] = {}
        for number, group in enumerate(groups):
            if isinstance(group, str):
                raise TypeError(f"a partition is of groups of names, as in {{'{group}'}}")
            for owner in group:
                if self._groups.setdefault(owner, number) != number:
                    raise ValueError(f"'{owner}' is in two groups of a partition")

    def __iter__(self) -> Iterator[str]:
        """Iterate over all who are in one of the groups."""
        return iter(self._groups)

    def parts(self, one: str, other: str) -> bool:
        """Say whether these two are parted."""
        group, others = self._groups.get(one), self._groups.get(other)
        return group is not None and others is not None and group != others


class EmbeddedNetwork(Ground):
    """Who takes part is known by name: an instance id, `daemon`, `test`."""

    def __init__(
        self,
        random: Random,
        conditions: Conditions = CALM,
        trace: Trace | None = None,
        reader: Reader = _unread,
        detection: float = DETECTION,
    ) -> None:
        """`reader` is asked when somebody looks at a message in the trace."""
        super().__init__()
        self._conditions = conditions
        self._between: dict[tuple[str, str], Conditions] = {}
        self._random = random
        self._trace = trace
        self._reader = reader
        self._detection = detection
        self._carrier = Carrier()
        self._links: dict[tuple[str, str], Link] = {}
        self._partitions: list[Partition] = []
        self._frozen: dict[str, None] = {}
        self._myself = Sender()
        self.check: Callable[[str], None] = lambda name: None
        """Raises `PeppyError` for who cannot take part."""

    def transport(self, owner: str, here: Here | None = None) -> MemoryTransport:
        """Return a way in and out for `owner`, who hears by way of `here`.

        Without it, whoever it is hears on the loop on which this is called.
        """
        seat = EmbeddedTransport(self, owner, here or self._carrier.here())
        for other in self.seats:
            link = self.link(other.owner, owner)
            if not (link.parted or link.lost):
                seat.learned(other, other.notices.keys)
        self.seats[seat] = None
        return seat

    # Conditions.

    @property
    def conditions(self) -> Conditions:
        """What holds between all for whom nothing else was said; it may be set at any time."""
        return self._conditions

    @conditions.setter
    def conditions(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._apply()

    def between(self, one: str, other: str, conditions: Conditions | None) -> None:
        """Set what holds between these two, in both directions; None is as between all.

        Raises `PeppyError` for a name that is not there.
        """
        self.check(one)
        self.check(other)
        for pair in ((one, other), (other, one)):
            if conditions is None:
                self._between.pop(pair, None)
            else:
                self._between[pair] = conditions
        self._apply()

    def _apply(self) -> None:
        for (sender, receiver), link in self._links.items():
            link.conditions = self._conditions_of(sender, receiver)
            link.refresh()

    def _conditions_of(self, sender: str, receiver: str) -> Conditions:
        if sender == receiver:
            return CALM
        return self._between.get((sender, receiver), self._conditions)

    # Faults.

    def part(self, *groups: Collection[str]) -> None:
        """Let nothing pass between these groups, until `heal`; whoever is in none is with all.

        What may be dropped is lost. All else is sent again once this is healed, unless that takes
        more than `DETECTION` seconds: then both sides see the other's announcements withdrawn, and
        all is lost that is sent until it is healed. Raises `ValueError` if a name is in two groups,
        and `PeppyError` for one that is not there.
        """
        partition = Partition(groups)
        for owner in partition:
            self.check(owner)
        self._partitions.append(partition)
        for (sender, receiver), link in self._links.items():
            if partition.parts(sender, receiver):
                link.parted = True
                link.refresh()
        self._carrier.at(trio.current_time() + self._detection, partial(self._detect, partition))

    def _detect(self, partition: Partition) -> None:
        if partition not in self._partitions:
            return
        partition.detected = True
        for (sender, receiver), link in tuple(self._links.items()):
            if partition.parts(sender, receiver) and not link.lost:
                link.lose()
                for here in self._seats_of(receiver):
                    link.notice(Parcel(self._myself, partial(here.forget_all_of, sender)))

    def heal(self) -> None:
        """End every partition."""
        self._partitions.clear()
        for (sender, receiver), link in tuple(self._links.items()):
            if link.parted:
                link.parted = link.lost = False
                link.release()
                for there in self._seats_of(sender):
                    for here in self._seats_of(receiver):
                        learn = partial(here.learned, there, tuple(there.notices.keys))
                        link.carry(Parcel(there, learn))

    def freeze(self, owner: str) -> None:
        """Keep back all that is for `owner` and all that it sends, until `thaw`."""
        self._frozen[owner] = None
        for pair, link in self._links.items():
            if owner in pair:
                link.frozen = True
                link.refresh()

    def thaw(self, owner: str) -> None:
        """Hand over what was kept back."""
        self._frozen.pop(owner, None)
        for pair, link in tuple(self._links.items()):
            if owner in pair:
                link.frozen = any(each in self._frozen for each in pair)
                link.release()

    def sever(self, owner: str) -> None:
        """Forget `owner`, who is gone without a word: it sends, hears and is seen no more.

        Whoever comes under the same name afterwards is another one.
        """
        for gone in self._seats_of(owner):
            gone.sever()
            for seat in tuple(self.seats):
                link = self.link(owner, seat.owner)
                link.notice(Parcel(self._myself, partial(seat.learned, gone, ())))

    def _seats_of(self, owner: str) -> list[EmbeddedTransport]:
        return [seat for seat in self.seats if seat.owner == owner]

    # What the transports need.

    def link(self, sender: str, receiver: str) -> Link:
        """Return the link from one owner to another."""
        found = self._links.get((sender, receiver))
        if found is None:
            found = Link(self._carrier, self._random, self._conditions_of(sender, receiver))
            self._links[sender, receiver] = found
            parting = [each for each in self._partitions if each.parts(sender, receiver)]
            found.parted = bool(parting)
            found.lost = any(each.detected for each in parting)
            found.frozen = sender in self._frozen or receiver in self._frozen
            found.refresh()
        return found

    def noted(self, key: str) -> Noted | None:
        """Return what adds the messages of a topic to the trace."""
        trace, reader = self._trace, self._reader
        if trace is None or not key.startswith(TOPICS):
            return None
        name, sender = key[len(TOPICS) :].partition("/")[0], keys.sender_of(key)

        def add(payload: bytes, attachment: bytes) -> None:
            number, size = 1, len(payload)
            if len(attachment) > envelope.SIZE:
                number = envelope.number_in(attachment[envelope.SIZE :])
            for place in range(number):
                read = partial(reader, payload, attachment, place)
                trace.add_lazily(Kind.MESSAGE, sender, name, read, size)

        return add

    def round_trip(self) -> float:
        """Return the seconds that it takes to ask everybody: as long as the slowest answer."""
        return 2 * self._conditions.latency[1]

    def statistics(self) -> dict[tuple[str, str], LinkStatistics]:
        """Return what became of the messages from one to another."""
        return {pair: link.statistics() for pair, link in self._links.items()}

    def __repr__(self) -> str:
        owners = ", ".join(dict.fromkeys(seat.owner for seat in self.seats))
        return f"<EmbeddedNetwork of {owners or 'nobody'}: {self._conditions}>"
