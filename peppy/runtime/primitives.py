"""The primitive types of message formats: what Python value each takes and gives.

On the wire a `time` is an integer of nanoseconds, `bytes` and arrays of `u8` are binary, and
everything else is what MessagePack calls it.
"""

import math
import operator
from collections.abc import Callable, Sequence
from types import GenericAlias
from typing import Annotated, Any, Final, cast

from msgspec import Meta

from peppy.runtime.unfit import UnfitValue, shown
from peppy.schema.formats import Kind
from peppy.schema.kinds import LARGEST_F32, RANGES

NANOSECONDS: Final = 1_000_000_000
"""In a second."""

_I64: Final = RANGES[Kind.I64]


def to_wire(kind: Kind) -> Callable[[Any], Any]:
    """Return what turns one value of `kind` into what travels, or raises `UnfitValue`."""
    match kind:
        case Kind.BOOL:
            return _bool_to_wire
        case Kind.F32 | Kind.F64:
            return _float_to_wire(kind)
        case Kind.STRING:
            return _text_to_wire
        case Kind.BYTES:
            return octets_to_wire("bytes", None)
        case Kind.TIME:
            return _time_to_wire
        case _:
            return _integer_to_wire(kind)


def wire_type(kind: Kind) -> Any:
    """Return the type as which msgspec reads and checks one travelling value of `kind`."""
    match kind:
        case Kind.BOOL:
            return bool
        case Kind.F32 | Kind.F64:
            # No bounds for f32: they would refuse its infinities and NaN.
            return float
        case Kind.STRING:
            return str
        case Kind.BYTES:
            return bytes
        case Kind.TIME:
            return Annotated[int, Meta(ge=_I64[0], le=_I64[-1])]
        case Kind.U64:
            # MessagePack holds no integer above u64, and msgspec takes no bound above i64.
            return Annotated[int, Meta(ge=0)]
        case _:
            return Annotated[int, Meta(ge=RANGES[kind][0], le=RANGES[kind][-1])]


def quick_type(kind: Kind) -> Any:
    """Return the type as which msgspec checks a whole list of `kind`, or None if it cannot."""
    match kind:
        case Kind.TIME | Kind.BYTES | Kind.STRING | Kind.F32 | Kind.U64:
            return None
        case _:
            return wire_type(kind)


def list_of(items: Any) -> Any:
    """Return the type of a list whose items are of a type that is known only now."""
    return GenericAlias(list, (items,))


def seconds(nanoseconds: int) -> float:
    """Return a travelling `time` as Python shows it; dividing integers rounds only once."""
    return nanoseconds / NANOSECONDS


def octets_to_wire(name: str, length: int | None) -> Callable[[Any], Any]:
    """Return what takes `bytes` or an array of `u8`: anything with bytes in it, or a list."""
    many = "bytes" if name == "bytes" else "an array of u8"

    def convert(value: Any) -> bytes | bytearray | memoryview:
        octets = value if type(value) is bytes else _octets(value, name, many)
        if length is not None and len(octets) != length:
            raise UnfitValue(f"is an array of {length} u8, not of {len(octets)}")
        return octets

    return convert


def _octets(value: Any, name: str, many: str) -> bytes | bytearray | memoryview:
    if isinstance(value, bytes | bytearray):
        return value
    if isinstance(value, list | tuple) and name == "u8":
        return _octets_of_integers(cast("Sequence[Any]", value))
    return _octets_seen(value, many)


def _octets_seen(value: Any, many: str) -> bytes | memoryview:
    """Return what anything with a buffer holds, without copying it if it lies in one piece."""
    try:
        view = memoryview(value)
    except TypeError:
        raise UnfitValue(f"is {many}, not {shown(value)}") from None
    if view.format.lstrip("<>=@") not in {"B", "b", "c"}:
        raise UnfitValue(f"is {many}, not {shown(value)} with items '{view.format}'")
    return view.cast("B") if view.c_contiguous else view.tobytes()


def _octets_of_integers(values: Sequence[Any]) -> bytes:
    change = _integer_to_wire(Kind.U8)
    octets = bytearray()
    for index, value in enumerate(values):
        try:
            octets.append(change(value))
        except UnfitValue as unfit:
            raise unfit.under(f"[{index}]") from None
    return bytes(octets)


def _integer_to_wire(kind: Kind) -> Callable[[Any], int]:
    low, high = RANGES[kind][0], RANGES[kind][-1]
    article = "an" if kind.value.startswith("i") else "a"
    what = f"is {article} {kind.value} ({low} to {high})"

    def convert(value: Any) -> int:
        if type(value) is not int:
            if isinstance(value, bool):
                raise UnfitValue(f"{what}, not {value}")
            try:
                value = operator.index(value)
            except TypeError:
                raise UnfitValue(f"{what}, not {shown(value)}") from None
        if low <= value <= high:
            return cast("int", value)
        raise UnfitValue(f"{what}, not {value}")

    return convert


def _float_to_wire(kind: Kind) -> Callable[[Any], float]:
    largest = LARGEST_F32 if kind is Kind.F32 else math.inf
    what = f"is an {kind.value}"

    def convert(value: Any) -> float:
        number: float = value if type(value) is float else _float(value, what)
        if -largest <= number <= largest or math.isinf(number) or math.isnan(number):
            return number
        raise UnfitValue(f"{what} (up to {largest:.4g}), not {number}")

    return convert


def _float(value: Any, what: str) -> float:
    if isinstance(value, bool | str | bytes) or not (
        hasattr(value, "__float__") or hasattr(value, "__index__")
    ):
        raise UnfitValue(f"{what}, not {shown(value)}")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise UnfitValue(f"{what}, not {shown(value)}") from None


def _time_to_wire(value: Any) -> int:
    what = "is a time in seconds since the epoch"
    number = value if type(value) is float else _float(value, what)
    if not math.isfinite(number):
        raise UnfitValue(f"{what}, not {number}")
    # Whole seconds and the rest apart: their product in one float would lose the nanoseconds.
    whole = math.floor(number)
    nanoseconds = whole * NANOSECONDS + round((number - whole) * NANOSECONDS)
    if nanoseconds in _I64:
        return nanoseconds
    raise UnfitValue(f"{what} within 292 years of 1970, not {number}")


def _bool_to_wire(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    item = getattr(value, "item", None)
    plain = item() if callable(item) else value
    if isinstance(plain, bool):
        return plain
    raise UnfitValue(f"is a bool, not {shown(value)}")


def _text_to_wire(value: Any) -> str:
    if not isinstance(value, str):
        raise UnfitValue(f"is a string, not {shown(value)}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise UnfitValue("is a string with half a character in it (a surrogate)") from None
    return value if type(value) is str else str(value)
