"""Which values fit which type of parameter. Source: behaviour.md 4."""

import datetime
import math
from collections.abc import Sequence
from typing import cast

from peppy.schema.formats import Kind
from peppy.schema.kinds import LARGEST_F32, RANGES
from peppy.schema.node import ParameterArray
from peppy.schema.wording import described, quoted


class Unfit(Exception):
    """A value that its parameter cannot hold; the reader of the value says which one."""

    def __init__(self, expected: str, received: str) -> None:
        super().__init__(f"expected {expected}, received {received}")
        self.expected = expected
        self.received = received


def type_text(kind: Kind | ParameterArray) -> str:
    """Return a type as it is shown: `u16`, `f64[]`, `f64[6]`."""
    if isinstance(kind, Kind):
        return kind.value
    return f"{kind.items.value}[{'' if kind.length is None else kind.length}]"


def fitted(value: object, kind: Kind | ParameterArray) -> object:
    """Return `value` as a parameter of this type holds it, or raise `Unfit`.

    Floats take whole numbers. `bytes` takes text, as UTF-8. `time` is seconds since the epoch and
    takes ISO 8601 text, which is in UTC unless it says otherwise.
    """
    if isinstance(kind, ParameterArray):
        return _array(value, kind)
    if kind in RANGES:
        return _integer(value, kind)
    match kind:
        case Kind.BOOL if isinstance(value, bool):
            return value
        case Kind.F32 | Kind.F64 if _is_number(value):
            return _float(float(cast("float", value)), kind)
        case Kind.STRING if isinstance(value, str):
            _encoded(value, kind)
            return value
        case Kind.BYTES if isinstance(value, bytes):
            return value
        case Kind.BYTES if isinstance(value, str):
            return _encoded(value, kind)
        case Kind.TIME if _is_number(value):
            return _float(float(cast("float", value)), kind)
        case Kind.TIME if isinstance(value, str):
            return _seconds(value)
        case _:
            raise Unfit(expected(kind), received(value))


def expected(kind: Kind | ParameterArray) -> str:
    """Return what a value of this type is, in words: `a whole number (u16)`."""
    if isinstance(kind, ParameterArray):
        count = "" if kind.length is None else f"{kind.length} "
        return f"a list of {count}{kind.items.value}"
    if kind in RANGES:
        return f"a whole number ({kind.value})"
    match kind:
        case Kind.BOOL:
            return "true or false (bool)"
        case Kind.F32 | Kind.F64:
            return f"a finite number ({kind.value})"
        case Kind.TIME:
            return "seconds since the epoch or an ISO 8601 text (time)"
        case _:
            return f"a text ({kind.value})"


def received(value: object) -> str:
    """Return a given value in words: `a string, 'abc'`."""
    if isinstance(value, bool | int | float):
        return quoted(str(value)) if not isinstance(value, bool) else str(value).lower()
    return f"a string, {quoted(value)}" if isinstance(value, str) else described(value)


def _encoded(text: str, kind: Kind) -> bytes:
    # A command line can hold bytes that are no text; Python shows them as lone surrogates.
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Unfit(expected(kind), "bytes that are not UTF-8") from None


def _is_number(value: object) -> bool:
    # A whole number beyond 64 bits fits nothing, and one beyond 1024 bits has no float.
    if isinstance(value, int) and not isinstance(value, bool):
        return value.bit_length() <= 64
    return isinstance(value, float)


def _integer(value: object, kind: Kind) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit(expected(kind), received(value))
    allowed = RANGES[kind]
    if value not in allowed:
        shown = quoted(str(value)) if value.bit_length() <= 256 else "a far larger one"
        raise Unfit(f"from {allowed[0]} to {allowed[-1]} ({kind.value})", shown)
    return value


def _float(value: float, kind: Kind) -> float:
    if not math.isfinite(value) or (kind is Kind.F32 and abs(value) > LARGEST_F32):
        raise Unfit(expected(kind), quoted(str(value)))
    return value


def _seconds(text: str) -> float:
    try:
        moment = datetime.datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        return moment.timestamp()
    except (ValueError, OverflowError):
        raise Unfit(expected(Kind.TIME), received(text)) from None


def _array(value: object, kind: ParameterArray) -> list[object]:
    if not isinstance(value, list | tuple):
        raise Unfit(expected(kind), received(value))
    values = cast("Sequence[object]", value)
    if kind.length is not None and len(values) != kind.length:
        raise Unfit(expected(kind), f"a list of {len(values)}")
    fit: list[object] = []
    for index, item in enumerate(values):
        try:
            fit.append(fitted(item, kind.items))
        except Unfit as unfit:
            raise Unfit(f"{unfit.expected} at [{index}]", unfit.received) from None
    return fit
