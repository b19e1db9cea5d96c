"""The datastore's vocabulary: values that the daemon keeps for nodes and people, under keys.

One flat space of keys, in memory: the last writer wins, and all is gone when the daemon stops.
Source: behaviour.md 8.8.
"""

import enum
from typing import Final

import msgspec

from peppy.schema.errors import PeppyError
from peppy.schema.requests import Request
from peppy.schema.wording import quoted

LONGEST_KEY: Final = 512
"""Bytes of UTF-8: a path or two names with room to spare, and a page of keys fits in a frame."""

LONGEST_ENCODING: Final = 128
"""Bytes of UTF-8; media types are shorter."""

LARGEST_VALUE: Final = 8 * 1024 * 1024
"""Bytes: half a frame of the control socket. What is larger belongs into a file or a topic."""

MOST_KEYS: Final = 100_000
"""Keys at a time: more are a database's work, and a listing has to end."""

LARGEST_STORE: Final = 256 * 1024 * 1024
"""Bytes of all keys, encodings and values: the daemon stays small next to what it supervises."""

PAGE: Final = 10_000
"""Entries in one answer: even of the longest keys, they fit in a frame of the control socket."""

COMMAND_LINE: Final = "cli"
"""Who has written what came from the command line."""


class Encoding(enum.StrEnum):
    """What a value's bytes are: a media type. `Encoding("image/gif")` is one as well."""

    TEXT_PLAIN = "text/plain"
    APPLICATION_JSON = "application/json"
    APPLICATION_OCTET_STREAM = "application/octet-stream"
    APPLICATION_CBOR = "application/cbor"
    APPLICATION_XML = "application/xml"
    APPLICATION_YAML = "application/yaml"
    IMAGE_JPEG = "image/jpeg"
    IMAGE_PNG = "image/png"

    @classmethod
    def _missing_(cls, value: object) -> "Encoding | None":
        if not isinstance(value, str):
            return None
        other = str.__new__(cls, value)
        other._name_ = other._value_ = value
        return other


class StoredValue(msgspec.Struct, frozen=True):
    """What is kept under a key."""

    value: bytes
    encoding: Encoding
    last_modified_by: str
    """The instance id of the node that wrote it, or `cli`."""


class DatastoreEntry(msgspec.Struct, frozen=True):
    """One key of a listing."""

    key: str
    encoding: Encoding
    last_modified_by: str
    """As in `StoredValue`."""
    size: int = 0
    """Bytes of the value."""


class ValueView(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept under the key that was asked for."""

    stored: StoredValue | None
    """None if nothing is."""


class SetView(msgspec.Struct, frozen=True, kw_only=True):
    """A value that is kept now."""

    key: str
    size: int
    """Bytes of the value."""
    replaced: bool
    """Whether there was another one before."""


class ValuesView(msgspec.Struct, frozen=True, kw_only=True):
    """Keys, in their order."""

    entries: tuple[DatastoreEntry, ...]
    more: bool = False
    """Whether there are more behind the last one."""


class RemoveValueView(msgspec.Struct, frozen=True, kw_only=True):
    """A key under which nothing is kept now."""

    key: str
    existed: bool


class GetValue(Request[ValueView], frozen=True, kw_only=True):
    """What is kept under a key?"""

    key: str


class SetValue(Request[SetView], frozen=True, kw_only=True):
    """Keep a value, in place of what is there."""

    key: str
    value: bytes
    encoding: Encoding
    by: str = COMMAND_LINE
    """Who writes it: an instance id, or `cli`."""


class ListValues(Request[ValuesView], frozen=True, kw_only=True):
    """Which keys are there?"""

    after: str = ""
    """Only keys behind this one, for the next page of a listing."""


class RemoveValue(Request[RemoveValueView], frozen=True, kw_only=True):
    """Keep nothing under a key."""

    key: str


class DatastoreRefusal(PeppyError):
    """What the datastore does not take."""

    kind = "datastore"


class BadKey(DatastoreRefusal):
    """A text that cannot be a key."""

    kind = "bad_key"


class ValueTooLarge(DatastoreRefusal):
    """A value, or its encoding, that is too long."""

    kind = "value_too_large"


def check_key(key: str) -> int:
    """Return how many bytes the key takes; raise `BadKey`."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise BadKey(f"{quoted(key)} cannot be a key: it is not text in UTF-8") from None
    if not 1 <= size <= LONGEST_KEY:
        raise BadKey(
            f"{quoted(key)} cannot be a key: it has {size} bytes",
            hint=f"a key has 1 to {LONGEST_KEY} bytes of UTF-8",
        )
    return size


def check_value(key: str, value: bytes | bytearray | memoryview, encoding: str) -> int:
    """Return how many bytes they take together; raise `BadKey` or `ValueTooLarge`."""
    size = check_key(key)
    length = memoryview(value).nbytes
    if length > LARGEST_VALUE:
        raise ValueTooLarge(
            f"the value for {quoted(key)} is too large: the datastore takes values of"
            f" {LARGEST_VALUE} bytes at the most",
            hint="keep it in a file, and store where that is",
        )
    described = len(encoding.encode(errors="surrogatepass"))
    if described > LONGEST_ENCODING:
        raise ValueTooLarge(
            f"the encoding {quoted(encoding)} has {described} bytes; the datastore takes"
            f" {LONGEST_ENCODING} at the most"
        )
    return size + length + described
