"""One header of a tar archive: 512 bytes that say what follows them.

Read are the headers of POSIX (ustar, pax) and of GNU tar. Whatever two programs could read in two
ways is refused rather than guessed at: an archive that looks harmless to one and is not so to
another is the usual trick. Source: POSIX.1-2017, pax, "ustar Interchange Format".
"""

from typing import Final

import msgspec

from peppy.actors.host.archive_limits import BadArchive
from peppy.actors.host.archive_names import shown_name

BLOCK: Final = 512
"""Bytes; everything in a tar archive is a multiple of it."""

NOTHING: Final = bytes(BLOCK)

_POSIX: Final = b"ustar\x0000"
_GNU: Final = b"ustar  \x00"

_NAME: Final = slice(0, 100)
_MODE: Final = slice(100, 108)
_SIZE: Final = slice(124, 136)
_SUM: Final = slice(148, 156)
_TYPE: Final = slice(156, 157)
_LINK: Final = slice(157, 257)
_MAGIC: Final = slice(257, 265)
_PREFIX: Final = slice(345, 500)

_RECORD_DIGITS: Final = 7
"""Of the length of a record, which is less than the limit of a whole header."""

_REFUSED_KEYS: Final = ("GNU.sparse.", "SCHILY.realsize", "SUN.holesdata")
"""Files with holes: what is read is not what is unpacked."""

_EVERYONES: Final = ("path", "linkpath", "size")
"""What can only be said of one entry."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What one header says, before anything that stood before it counts."""

    name: bytes
    link: bytes
    size: int
    mode: int
    type: bytes
    """One byte."""


def read_header(block: bytes) -> Header:
    """Return what 512 bytes say that are not all zero. Raises `BadArchive`."""
    magic = block[_MAGIC]
    if magic not in (_POSIX, _GNU):
        raise BadArchive("what should be a header is none of tar's (ustar, pax or GNU)")
    if _number(block[_SUM], "checksum") != sum(block) - sum(block[_SUM]) + 8 * ord(" "):
        raise BadArchive("the checksum of a header is wrong")
    name = _text(block[_NAME])
    # GNU tar keeps times where POSIX has the first part of a long name.
    if magic == _POSIX and (prefix := _text(block[_PREFIX])):
        name = prefix + b"/" + name
    return Header(
        name=name,
        link=_text(block[_LINK]),
        size=_number(block[_SIZE], "size"),
        mode=_number(block[_MODE], "mode"),
        type=block[_TYPE],
    )


def _text(field: bytes) -> bytes:
    text, _, rest = field.partition(b"\0")
    if rest.strip(b"\0"):
        raise BadArchive(f"something is hidden behind the name {shown_name(text)}")
    return text


def _number(field: bytes, what: str) -> int:
    if field[0] & 0x80:
        # The binary form is for what is larger than eleven octal digits can say, or negative.
        raise BadArchive(f"the {what} of an entry is not a number that is accepted")
    digits, _, rest = field.lstrip(b" ").replace(b" ", b"\0").partition(b"\0")
    if rest.strip(b"\0") or not set(digits) <= set(b"01234567"):
        raise BadArchive(f"the {what} of an entry is not a number")
    return int(digits or b"0", 8)


def long_name(data: bytes) -> bytes:
    """Return the name that a header of GNU tar's stands for. Raises `BadArchive`."""
    name = data[:-1] if data.endswith(b"\0") else data
    if not name or b"\0" in name:
        raise BadArchive("a long name is empty or holds a NUL")
    return name


def pax_records(data: bytes) -> dict[str, bytes]:
    """Return what a pax header says, by its keyword. Raises `BadArchive`."""
    found: dict[str, bytes] = {}
    while data:
        digits, space, _ = data[: _RECORD_DIGITS + 1].partition(b" ")
        if not space or not digits.isdigit() or digits.startswith(b"0"):
            raise BadArchive("a pax header has a record without a length")
        length = int(digits)
        record, data = data[len(digits) + 1 : length], data[length:]
        key, equals, value = record[:-1].partition(b"=")
        if len(digits) + 1 + len(record) != length or record[-1:] != b"\n" or not equals:
            raise BadArchive("a pax header has a record that is not whole")
        word = key.decode("utf-8", "replace")
        if not word or word in found:
            raise BadArchive(f"a pax header says {shown_name(key)} twice, or of nothing")
        if word.startswith(_REFUSED_KEYS):
            raise BadArchive(f"it holds a file with holes (pax keyword {shown_name(key)})")
        if word in _EVERYONES and (not value or b"\0" in value):
            raise BadArchive(f"a pax header says {shown_name(key)} without a value, or with a NUL")
        found[word] = value
    return found


def check_global(records: dict[str, bytes]) -> None:
    """Refuse a pax header for all entries that follow if it would rename or resize them."""
    for key in _EVERYONES:
        if key in records:
            raise BadArchive(f"a pax header says '{key}' of all entries at once")


def pax_size(value: bytes) -> int:
    """Return the size that a pax header says. Raises `BadArchive`."""
    if not value.isdigit() or len(value) > 20:
        raise BadArchive("a pax header says a size that is not a number")
    return int(value)
