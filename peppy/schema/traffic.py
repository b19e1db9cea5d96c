"""What went through the ends of a node's interfaces, as the node counts it."""

import enum

import msgspec


class EndKind(enum.StrEnum):
    """What an end is."""

    PUBLISHER = "publisher"
    SUBSCRIBER = "subscriber"
    SERVICE = "service"
    CALLER = "caller"
    ACTION = "action"
    ACTION_CLIENT = "action client"


class PeerTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """What one other instance sent to an end."""

    instance_id: str
    messages: int = 0
    bytes: int = 0
    lost: int = 0
    """Missing in its sequence: given up by the wire or by a full ring."""
    unreadable: int = 0
    mismatched: int = 0
    """Of another message format than the one expected here."""


class EndTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """One end of one interface, since it was made."""

    kind: EndKind
    name: str
    messages: int = 0
    """That went out, or came in and could be read."""
    bytes: int = 0
    dropped: int = 0
    """Given up by the full ring of this end."""
    foreign: int = 0
    """Without an envelope of ours, from nobody in particular."""
    waiting: int = 0
    """In the ring now."""
    peers: tuple[PeerTraffic, ...] = ()
    more: dict[str, int] = {}
    """Counters that only this kind of end has."""


class TrafficView(msgspec.Struct, frozen=True, kw_only=True):
    """All ends of one instance."""

    ends: tuple[EndTraffic, ...] = ()
