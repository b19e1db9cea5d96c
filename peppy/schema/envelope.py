"""What rides beside a topic's message, in the attachment: 32 bytes, little-endian.

The fingerprint lets a consumer see that the sender was built for another format; the publisher's
number and the sequence let it see what was lost in between, and the stamp how long it took. The
sender itself is in the key.

What follows is MessagePack. Nothing: the payload is one message. An array: the payload is the
content of one field, the array has the rest (`peppy.runtime.codec`). An integer: the payload is an
array of so many messages, of which the sequence number is the first one's.
"""

import struct
from typing import Final

import msgspec

_LAYOUT: Final = struct.Struct("<QQQQ")

SIZE: Final = _LAYOUT.size
"""Bytes."""

_UINT16: Final = 0xCD
_NUMBER_SIZE: Final = 3


class Envelope(msgspec.Struct, frozen=True):
    """The attachment of one topic message."""

    fingerprint: int
    """Of the message format (`MessageFormat.fingerprint`)."""
    publisher: int
    """Random, new with each declared publisher: a restarted sender begins a new sequence."""
    sequence: int
    """From 0, one more with each message."""
    sent_at: int = 0
    """Nanoseconds since the epoch, by the sender's clock."""


pack: Final = _LAYOUT.pack
"""Return the attachment's bytes for the four values of an `Envelope`, in order."""

values: Final = _LAYOUT.unpack_from
"""Return the four values of an attachment that has at least `SIZE` bytes: for the hot path."""


def unpack(attachment: bytes) -> Envelope | None:
    """Return what an attachment says, or None if it cannot be one of ours."""
    if len(attachment) < SIZE:
        return None
    return Envelope(*values(attachment))


def joined(payloads: list[bytes]) -> bytes:
    """Return several payloads as one MessagePack array; at most 65,535 of them."""
    return b"\xdc" + len(payloads).to_bytes(2, "big") + b"".join(payloads)


def number_of(payloads: list[bytes]) -> bytes:
    """Return what stands in the attachment of `joined`."""
    return b"\xcd" + len(payloads).to_bytes(2, "big")


def number_in(rest: bytes) -> int:
    """Return how many messages the payload has, by what follows the envelope: 1 if none is said."""
    if len(rest) == _NUMBER_SIZE and rest[0] == _UINT16:
        return int.from_bytes(rest[1:], "big") or 1
    return 1
