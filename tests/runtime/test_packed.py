"""Whatever holds numbers side by side is taken as it lies, and comes out as the same numbers."""

import array
import ctypes
import struct
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.runtime.codec import LARGE, Codec
from peppy.runtime.packed import CODES
from peppy.runtime.unfit import UnfitValue, UnreadablePayload
from peppy.schema.formats import Array, Field, Kind, MessageFormat, Primitive
from tests.runtime.codec_strategies import dataclass_for

SUBJECT = "topic 'scan'"

TYPES = {
    Kind.I8: "b",
    Kind.U16: "H",
    Kind.I16: "h",
    Kind.U32: "I",
    Kind.I32: "i",
    Kind.U64: "Q",
    Kind.I64: "q",
    Kind.F32: "f",
    Kind.F64: "d",
}
"""Kinds that `array.array` knows, and how it calls them; it has no booleans."""

NATIVE: dict[Kind, Any] = {
    Kind.BOOL: ctypes.c_bool,
    Kind.I8: ctypes.c_int8,
    Kind.U16: ctypes.c_uint16,
    Kind.I16: ctypes.c_int16,
    Kind.U32: ctypes.c_uint32,
    Kind.I32: ctypes.c_int32,
    Kind.U64: ctypes.c_uint64,
    Kind.I64: ctypes.c_int64,
    Kind.F32: ctypes.c_float,
    Kind.F64: ctypes.c_double,
}
"""C types, whose arrays have the buffer protocol and are no sequences of ours, as numpy's are."""

LONG = LARGE  # items, of one byte at least: more than fits beside others


def codec_of(kind: Kind, length: int | None = None, *, views: bool = False) -> Codec[Any]:
    fields = (Field("values", Array(Primitive(kind), length)), Field("label", Primitive(Kind.U8)))
    return Codec(SUBJECT, MessageFormat(fields), dataclass_for(fields), views=views)


def sent(codec: Codec[Any], values: Any) -> Any:
    """Return what a receiver sees of an array."""
    payload, rest = codec.parts(values, 7)
    message = codec.decode(bytes(payload), rest)
    assert message.field_1 == 7
    return message.field_0


def numbers(kind: Kind, count: int) -> list[Any]:
    if kind is Kind.BOOL:
        return [number % 2 == 0 for number in range(count)]
    many = [number % 100 for number in range(count)]
    return [float(number) for number in many] if kind in {Kind.F32, Kind.F64} else many


def as_array(kind: Kind, values: list[Any]) -> Any:
    return array.array(TYPES[kind], values)


def as_view(kind: Kind, values: list[Any]) -> Any:
    return memoryview(as_array(kind, values))


def as_mutable(kind: Kind, values: list[Any]) -> Any:
    octets = bytearray(as_array(kind, values).tobytes())
    return memoryview(octets).cast(TYPES[kind])  # type: ignore[call-overload]


def with_gaps(kind: Kind, values: list[Any]) -> Any:
    doubled = [value for value in values for _ in range(2)]
    return as_view(kind, doubled)[::2]


def backwards(kind: Kind, values: list[Any]) -> Any:
    return as_view(kind, values[::-1])[::-1]


def as_c(kind: Kind, values: list[Any]) -> Any:
    return (NATIVE[kind] * len(values))(*values)


def as_list(_: Kind, values: list[Any]) -> Any:
    return values


MAKERS = [as_array, as_view, as_mutable, with_gaps, backwards, as_c]


@pytest.mark.parametrize("count", [0, 1, 10, 100, LONG])
@pytest.mark.parametrize("kind", list(TYPES))
@pytest.mark.parametrize("make", MAKERS)
def test_every_buffer_of_numbers_gives_the_list_back(
    make: Callable[[Kind, list[Any]], Any], kind: Kind, count: int
) -> None:
    values = numbers(kind, count)
    got = sent(codec_of(kind), make(kind, values))
    assert got == values
    assert type(got) is list


@pytest.mark.parametrize("kind", list(NATIVE))
@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("count", [3, 100])
def test_a_buffer_travels_as_it_lies_and_a_list_as_a_list(
    kind: Kind, fixed: bool, count: int
) -> None:
    codec, values = codec_of(kind, count if fixed else None), numbers(kind, count)
    payload, _ = codec.parts(as_c(kind, values), 7)
    wire = msgspec.msgpack.decode(bytes(payload))["values"]
    assert wire == msgspec.msgpack.Ext(CODES[kind], bytes(as_c(kind, values)))
    payload, _ = codec.parts(values, 7)
    assert msgspec.msgpack.decode(payload)["values"] == values


@pytest.mark.parametrize("kind", list(NATIVE))
@pytest.mark.parametrize("count", [0, 3, LONG])
@pytest.mark.parametrize("make", [as_c, as_list])
def test_a_view_shows_the_same_numbers_however_they_were_sent(
    kind: Kind, count: int, make: Callable[[Kind, list[Any]], Any]
) -> None:
    values = numbers(kind, count)
    view = sent(codec_of(kind, views=True), make(kind, values))
    assert isinstance(view, memoryview)
    assert view.tolist() == values
    assert view.itemsize == ctypes.sizeof(NATIVE[kind])


def test_a_view_of_a_large_array_copies_nothing() -> None:
    codec = codec_of(Kind.F64, views=True)
    payload, rest = codec.parts(array.array("d", range(LONG)), 7)
    arrived = bytes(payload)
    assert codec.decode(arrived, rest).field_0.obj is arrived


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (Kind.F64, array.array("f", [0.5]), [0.5]),
        (Kind.F64, array.array("i", [1, 2]), [1.0, 2.0]),
        (Kind.F32, array.array("d", [0.5]), [0.5]),
        (Kind.U16, array.array("q", [1, 65_535]), [1, 65_535]),
        (Kind.I64, memoryview(b"ab"), [97, 98]),
        (Kind.I64, array.array("l", [-1]), [-1]),
        (Kind.I32, (ctypes.c_int32.__ctype_be__ * 2)(1, 2), [1, 2]),
    ],
)
def test_a_buffer_of_other_items_goes_by_their_values(
    kind: Kind, values: Any, expected: list[Any]
) -> None:
    assert sent(codec_of(kind), values) == expected


@pytest.mark.parametrize(
    ("kind", "values", "problem"),
    [
        (Kind.U16, array.array("q", [1, 65_536]), r"'values\[1\]' is a u16"),
        (Kind.I8, array.array("d", [1.0]), r"'values\[0\]' is an i8"),
        (Kind.F32, array.array("d", [1e39]), r"'values\[0\]' is an f32"),
        (Kind.F64, b"bytes", "'values' is an array of f64, not a value of type 'bytes'"),
        (Kind.F64, memoryview(bytes(32)).cast("d", (2, 2)), r"'values\[0\]' is an f64"),
        (Kind.F64, memoryview(bytes(8)).cast("d", ()), "'values' is an array of f64"),
        (Kind.BOOL, array.array("b", [1]), r"'values\[0\]' is a bool"),
    ],
)
def test_a_buffer_of_what_does_not_fit_names_the_field(
    kind: Kind, values: Any, problem: str
) -> None:
    with pytest.raises(UnfitValue, match=problem):
        codec_of(kind).parts(values, 7)


@pytest.mark.parametrize("kind", list(TYPES))
@pytest.mark.parametrize("count", [2, 4])
def test_a_buffer_of_another_length_than_declared_is_refused(kind: Kind, count: int) -> None:
    codec = codec_of(kind, 3)
    assert sent(codec, as_array(kind, numbers(kind, 3))) == numbers(kind, 3)
    with pytest.raises(UnfitValue, match=f"'values' is an array of 3 {kind.value}, not of {count}"):
        codec.parts(as_array(kind, numbers(kind, count)), 7)


@pytest.mark.parametrize("views", [False, True])
@pytest.mark.parametrize("length", [None, 2])
@given(st.integers(-128, 127), st.binary(max_size=40))
def test_whatever_is_packed_is_the_declared_numbers_or_unreadable(
    views: bool, length: int | None, code: int, content: bytes
) -> None:
    codec = codec_of(Kind.F32, length, views=views)
    wire = {"values": msgspec.msgpack.Ext(code, content), "label": 7}
    fits = len(content) % 4 == 0 and length in (None, len(content) // 4)
    if code == CODES[Kind.F32] and fits:
        got = codec.decode(msgspec.msgpack.encode(wire)).field_0
        expected = [number for (number,) in struct.iter_unpack("<f", content)]
        assert repr(list(got)) == repr(expected)
    else:
        with pytest.raises(UnreadablePayload):
            codec.decode(msgspec.msgpack.encode(wire))
