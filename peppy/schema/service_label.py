"""What rides beside a service's request: the formats that its caller knows, and who the caller is.

16 bytes, little-endian, the fingerprints of the request and of the response format, 0 where there
is none; then the caller's core node and instance id, with a `/` between them.
"""

import struct
from functools import lru_cache
from typing import Final

import msgspec

from peppy.schema.keys import Address

_PRINTS: Final = struct.Struct("<QQ")

NO_FORMAT: Final = 0
"""The fingerprint where there is no format."""


class Label(msgspec.Struct, frozen=True):
    """What a request says of itself and of its caller."""

    request: int
    response: int
    core_node: str
    instance_id: str


def pack(request: int, response: int, caller: Address) -> bytes:
    """Return the label of all requests that `caller` makes in these formats."""
    return _PRINTS.pack(request, response) + f"{caller.core_node}/{caller.instance_id}".encode()


@lru_cache(maxsize=1024)
def unpack(label: bytes) -> Label | None:
    """Return what a label says, or None if it is none."""
    if len(label) < _PRINTS.size:
        return None
    try:
        core_node, slash, instance_id = label[_PRINTS.size :].decode().partition("/")
    except UnicodeDecodeError:
        return None
    if not slash or not core_node or not instance_id.isprintable():
        return None
    request, response = _PRINTS.unpack_from(label)
    return Label(request, response, core_node, instance_id)
