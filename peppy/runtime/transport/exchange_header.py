"""What rides beside a request or an answer, in the attachment: 14 bytes, an origin, and the rest.

The origin is the identity of who sends it; a server adds a space and the key that it serves. The
rest belongs to whoever asks and answers.
"""

import struct
from functools import lru_cache
from typing import Final

ASK: Final = 1
"""A request, on the key of its service or on a pattern."""
GONE: Final = 2
"""Where the request went: nobody waits for an answer any more."""
TAKEN: Final = 3
"""To the asker's inbox, as all that follows but two: the application has the request."""
NOTE: Final = 4
"""Something to know while the answer takes its time."""
REPLY: Final = 5
REFUSED: Final = 6
CLAIM: Final = 7
"""The server wants to be the only one that acts on the request."""
GRANTED: Final = 8
"""To the server's inbox, as `DENIED`: it is. The rest is the server's key."""
DENIED: Final = 9
QUEUED: Final = 10
"""To the asker: the application has not taken the request yet."""

CONTESTED: Final = 1
"""The flag of a request that must be claimed."""

_LAYOUT: Final = struct.Struct("<HBBHQ")
_SIZE: Final = _LAYOUT.size
_MARK: Final = 0x7970
"""Two bytes by which chance and strangers are told from us."""

_pack = _LAYOUT.pack
_unpack = _LAYOUT.unpack_from


def pack(kind: int, number: int, origin: bytes, flags: int = 0) -> bytes:
    """Return the beginning of an attachment; the rest is appended to it."""
    return _pack(_MARK, kind, flags, len(origin), number) + origin


def unpack(attachment: bytes) -> tuple[int, int, int, bytes, bytes] | None:
    """Return kind, flags, number, origin and rest, or None if this is none of ours."""
    if len(attachment) < _SIZE:
        return None
    mark, kind, flags, size, number = _unpack(attachment)
    end = _SIZE + size
    if mark != _MARK or len(attachment) < end or not size:
        return None
    return kind, flags, number, attachment[_SIZE:end], attachment[end:]


@lru_cache(maxsize=4096)
def parties(origin: bytes) -> tuple[str, str] | None:
    """Return the identity and the key in an origin; the key is empty if it is an asker's.

    None if it cannot be an origin: identities become parts of keys.
    """
    try:
        identity, _, key = origin.decode().partition(" ")
    except UnicodeDecodeError:
        return None
    return (identity, key) if identity.isascii() and identity.replace("-", "").isalnum() else None
