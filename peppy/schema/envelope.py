"""What rides beside a topic's message, in the attachment: 24 bytes, little-endian.

The fingerprint lets a consumer see that the sender was built for another format; the publisher's
number and the sequence let it see what was lost in between. The sender itself is in the key.
"""

import struct
from typing import Final

import msgspec

_LAYOUT: Final = struct.Struct("<QQQ")


class Envelope(msgspec.Struct, frozen=True):
    """The attachment of one topic message."""

    fingerprint: int
    """Of the message format (`MessageFormat.fingerprint`)."""
    publisher: int
    """Random, new with each declared publisher: a restarted sender begins a new sequence."""
    sequence: int
    """From 0, one more with each message."""


def pack(fingerprint: int, publisher: int, sequence: int) -> bytes:
    """Return the attachment's bytes."""
    return _LAYOUT.pack(fingerprint, publisher, sequence)


def unpack(attachment: bytes) -> Envelope | None:
    """Return what an attachment says, or None if it is not one of ours."""
    if len(attachment) != _LAYOUT.size:
        return None
    return Envelope(*_LAYOUT.unpack(attachment))
