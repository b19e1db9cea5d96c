"""What receivers say they got or missed, set against what senders say they have sent.

A receiver begins to count with the first message that it sees, so the two numbers differ by what
was sent before. That difference never changes while the same two ends are there, whatever becomes
of the messages between them: one that grows is a message lost and not counted, one that shrinks is
a message handed out twice.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from peppy.runtime.runner import End
from peppy.schema.control import InstanceView
from peppy.schema.traffic import EndKind, EndTraffic, PeerTraffic, TrafficView

Ends = Callable[[str], Sequence[End]]
"""Returns the ends that an instance has now, in the order of its `TrafficView`."""


class Balance(msgspec.Struct, frozen=True):
    """One receiver's account of one sender."""

    sent: int
    counted: int
    """Handed out, missed or skipped, or waiting."""
    ends: tuple[End, ...]
    """Those that it is about: the receiver's own, and the sender's."""

    @property
    def before(self) -> int:
        """How many were sent before the receiver saw the first one."""
        return self.sent - self.counted

    def is_of_the_same(self, other: "Balance") -> bool:
        """Say whether both are about the same ends."""
        pairs = zip(self.ends, other.ends, strict=False)
        return len(self.ends) == len(other.ends) and all(one is two for one, two in pairs)


Balances = Mapping[tuple[str, str, str], Balance]
"""By topic, sender and receiver."""


def balances(instances: Mapping[str, InstanceView], ends_of: Ends) -> Balances:
    """Return the accounts of all who have told what went through them.

    What waits in a receiver's ring could be anybody's: it is left out as long as there is some.
    """
    told = {
        name: list(zip(ends_of(name), view.traffic.ends, strict=False))
        for name, view in sorted(instances.items())
        if isinstance(view.traffic, TrafficView) and len(ends_of(name)) == len(view.traffic.ends)
    }
    sent: dict[tuple[str, str], list[tuple[End, EndTraffic]]] = {}
    for name, ends in told.items():
        for end, traffic in ends:
            if traffic.kind is EndKind.PUBLISHER:
                sent.setdefault((traffic.name, name), []).append((end, traffic))
    found: dict[tuple[str, str, str], Balance] = {}
    for name, ends in told.items():
        for end, traffic in ends:
            if traffic.kind is not EndKind.SUBSCRIBER or traffic.waiting:
                continue
            for peer in traffic.peers:
                publishers = sent.get((traffic.name, peer.instance_id), [])
                key = (traffic.name, peer.instance_id, name)
                if publishers and key not in found:
                    found[key] = Balance(
                        sum(each.messages for _, each in publishers),
                        _counted(peer),
                        (end, *(each for each, _ in publishers)),
                    )
    return found


def _counted(peer: PeerTraffic) -> int:
    return peer.messages + peer.lost + peer.unreadable + peer.mismatched


def complaints(first: Balances, last: Balances, *, duplicated: bool) -> list[str]:
    """Return what does not add up between two moments at which nothing was under way.

    Where messages were `duplicated` on the way a receiver may have more than were sent.
    """
    found: list[str] = []
    for (topic, sender, receiver), now in last.items():
        then = first.get((topic, sender, receiver))
        if then is None or not then.is_of_the_same(now) or then.before == now.before:
            continue
        missing = now.before - then.before
        if missing < 0 and duplicated:
            continue
        what = "are counted nowhere" if missing > 0 else "came that were never sent"
        found.append(
            f"topic '{topic}': {abs(missing)} messages of '{sender}' {what} at '{receiver}', which"
            f" has counted {now.counted} of {now.sent}, and {then.counted} of {then.sent} before"
        )
    return found
