"""Arrays of numbers as they lie in memory: a buffer goes in, a view or a list comes out.

On the wire such an array is a MessagePack extension whose code says what the items are, in
little-endian order without gaps; a `list` travels as an ordinary MessagePack array. Readers take
both.
"""

import array
import sys
from collections.abc import Callable
from types import GenericAlias
from typing import Annotated, Any, Final, Protocol, TypeAlias

import msgspec
from msgspec.msgpack import Ext

from peppy.runtime.unfit import UnfitValue
from peppy.schema.formats import Kind

CODES: Final = {
    Kind.BOOL: 1,
    Kind.I8: 2,
    Kind.U16: 3,
    Kind.I16: 4,
    Kind.U32: 5,
    Kind.I32: 6,
    Kind.U64: 7,
    Kind.I64: 8,
    Kind.F32: 9,
    Kind.F64: 10,
}
"""Extension codes; arrays of `u8` are binary and need none."""

_FORMATS: Final = dict(zip(CODES, "?bHhIiQqfd", strict=True))
"""What the `struct` module and `memoryview` call the items."""

_SIZES: Final = dict(zip(CODES, (1, 1, 2, 2, 4, 4, 8, 8, 4, 8), strict=True))
"""Bytes of one item."""

_SAME: Final = {"l": {4: "i", 8: "q"}, "L": {4: "I", 8: "Q"}, "n": {8: "q"}, "N": {8: "Q"}}
"""Other names for the same items, by their size here: NumPy's `int64` is an `l` on Linux."""


class Buffer(Protocol):
    """Anything with the buffer protocol: `array.array`, a NumPy array, `memoryview`, `bytes`."""

    def __buffer__(self, flags: int, /) -> memoryview:
        """Return a view; before Python 3.12 only type checkers know this method."""
        ...


BoolView: TypeAlias = "memoryview[bool]"
FloatView: TypeAlias = "memoryview[float]"
IntView: TypeAlias = "memoryview[int]"
"""What a view of an array is, for type checkers."""


class Unpackable(ValueError):
    """What arrived as a packed array is none of the kind that is declared."""


def packs(kind: Kind) -> bool:
    """Say whether arrays of `kind` have a packed form."""
    return kind in CODES and sys.byteorder == "little"


def pack_buffer(kind: Kind, length: int | None, value: Any) -> Ext | None:
    """Return a buffer of items of exactly `kind` as it travels; None for anything else.

    Raises `UnfitValue` if the number of items is not the declared one.
    """
    try:
        view = memoryview(value)
    except TypeError:
        return None
    items = view.format.lstrip("<=@")
    items = _SAME.get(items, {}).get(view.itemsize, items)
    if items != _FORMATS.get(kind) or view.itemsize != _SIZES[kind] or view.ndim != 1:
        return None
    if length is not None and len(view) != length:
        raise UnfitValue(f"is an array of {length} {kind.value}, not of {len(view)}")
    octets = view.cast("B") if view.c_contiguous else memoryview(view.tobytes())
    return Ext(CODES[kind], octets)


def view_of(kind: Kind, length: int | None) -> Callable[[Any], "memoryview[Any]"]:
    """Return what shows an array of either form as a view of its items.

    What it returns raises `Unpackable` for anything that is not one.
    """
    code, size = CODES[kind], _SIZES[kind]
    items: Any = _FORMATS[kind]

    def show(value: Any) -> "memoryview[Any]":
        if type(value) is not Ext:
            return _view_of_list(items, value)
        if value.code != code:
            raise Unpackable(f"is packed with code {value.code}, {kind.value} has {code}")
        octets: Any = value.data
        if len(octets) % size:
            raise Unpackable(f"is packed into {len(octets)} bytes, an item has {size}")
        if length is not None and len(octets) != length * size:
            raise Unpackable(f"has {len(octets) // size} items instead of {length}")
        view: Any = memoryview(octets)
        shown: memoryview[Any] = view.cast(items)
        return shown

    return show


def list_of_packed(kind: Kind, length: int | None) -> Callable[[Any], list[Any]]:
    """Return what shows an array of either form as a list; it raises as `view_of` does."""
    show = view_of(kind, length)

    def unpack(value: Any) -> list[Any]:
        return show(value).tolist() if type(value) is Ext else value

    return unpack


def _view_of_list(items: str, values: list[Any]) -> "memoryview[Any]":
    if items == "?":
        flags: memoryview[Any] = memoryview(bytes(values))
        return flags.cast("?")
    try:
        packed: Any = array.array  # typed for literal type codes only
        return memoryview(packed(items, values))
    except OverflowError as error:
        raise Unpackable(str(error)) from None


def wire_array(items: Any, length: int | None, kind: Kind) -> Any:
    """Return the type as which msgspec reads an array whose items are read as `items`."""
    many: Any = GenericAlias(list, (items,))
    if length is not None:
        many = msgspec_sized(many, length)
    return many | Ext if packs(kind) else many


def msgspec_sized(kind: Any, length: int) -> Any:
    """Return `kind` with exactly `length` items."""
    return Annotated[kind, msgspec.Meta(min_length=length, max_length=length)]
