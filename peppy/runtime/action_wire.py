"""What rides beside the messages of actions, and how their formats are told apart.

A goal is named by its client's identity, which the exchange carries, and by a number that the
client counts. Requests carry a `GoalLabel` or an `AskLabel`, in MessagePack; what the server tells
the client of a goal carries a `Mark` of 25 bytes, little-endian.
"""

import enum
import struct
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from peppy.schema.names import is_name

_MARK: Final = struct.Struct("<BQQQ")

Literals = Mapping[str, Mapping[str, Any] | None]
"""The formats of an action's messages as plain values, by what they are for; None for none."""


class Caller(msgspec.Struct, frozen=True, array_like=True):
    """Who asks."""

    core_node: str
    node: str
    instance_id: str


class GoalLabel(msgspec.Struct, frozen=True, array_like=True):
    """Beside a goal."""

    number: int
    caller: Caller
    qos: str
    """Of the feedback: the value of a `QoSProfile`."""
    fingerprints: dict[str, int]
    """Of the formats that the client was made for, by what they are for; 0 for none."""
    literals: dict[str, dict[str, Any] | None]
    """The same formats, for a server that has to say what is different."""


class AskLabel(msgspec.Struct, frozen=True, array_like=True):
    """Beside the request for a result, beside a cancel, and when a client leaves."""

    number: int
    caller: Caller


class Ahead(msgspec.Struct, frozen=True, array_like=True):
    """A note to a client whose goal waits."""

    instance_id: str
    """Of the server."""
    goals: int
    """How many come before it."""


class Told(enum.IntEnum):
    """What the server tells the client of a goal."""

    FEEDBACK = 0
    END = 1
    """No more feedback; the mark's `sequence` is how much there was, the payload says why."""


class Mark(msgspec.Struct, frozen=True):
    """Beside what the server tells."""

    told: Told
    number: int
    sequence: int
    fingerprint: int


def pack_mark(told: Told, number: int, sequence: int, fingerprint: int = 0) -> bytes:
    """Return a mark's bytes."""
    return _MARK.pack(told, number, sequence, fingerprint)


def unpack_mark(attachment: bytes) -> Mark | None:
    """Return the mark in an attachment, or None if it is none."""
    if len(attachment) != _MARK.size:
        return None
    told, number, sequence, fingerprint = _MARK.unpack(attachment)
    try:
        return Mark(Told(told), number, sequence, fingerprint)
    except ValueError:
        return None


def goal_label(attachment: bytes) -> GoalLabel | None:
    """Return what is beside a goal, or None if it is not from a client of ours."""
    try:
        label = _GOAL.decode(attachment)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return label if _plausible(label.number, label.caller) else None


def ask_label(attachment: bytes) -> AskLabel | None:
    """Return what is beside another request, or None if it is not from a client of ours."""
    try:
        label = _ASK.decode(attachment)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return label if _plausible(label.number, label.caller) else None


def ahead_in(note: bytes) -> Ahead | None:
    """Return what a note says, or None if it is not from a server of ours."""
    try:
        return _AHEAD.decode(note)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


pack: Final = msgspec.msgpack.Encoder().encode
"""Return a label's bytes."""

_GOAL: Final = msgspec.msgpack.Decoder(GoalLabel)
_AHEAD: Final = msgspec.msgpack.Decoder(Ahead)
_ASK: Final = msgspec.msgpack.Decoder(AskLabel)


def _plausible(number: int, caller: Caller) -> bool:
    return 0 <= number < 2**64 and is_name(caller.instance_id) and is_name(caller.core_node)
