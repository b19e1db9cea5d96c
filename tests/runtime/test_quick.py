"""The quick way says and does what the careful way does, for messages good and bad."""

import array
import enum
import math
from collections import deque
from functools import lru_cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peppy.runtime.codec import LARGE, Codec
from peppy.runtime.encoding import ToWire, compile_to_wire
from peppy.runtime.quick import SHORT, compile_quick
from peppy.runtime.shape import shape_of
from peppy.runtime.unfit import UnfitValue
from peppy.schema.formats import Array, Field, Kind, MessageFormat, Object, Primitive
from tests.runtime.codec_strategies import dataclass_for, formats, messages

SUBJECT = "topic 'items'"


class Colour(enum.StrEnum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


class Index:
    """As numpy's integers are: none of Python's, but fit to index with."""

    def __index__(self) -> int:
        return 200


FLOATS = st.sampled_from([0.0, -1.5, math.nan, math.inf, -math.inf, 1e39, -1e39, 1e12, 0.1])
INTEGERS = st.sampled_from(
    [0, 1, -1, 127, 128, -129, 255, 256, 65_536, 2**31, 2**32, 2**63, -(2**63) - 1, 2**64, 10**400]
)
TEXTS = st.sampled_from(["", "text", "\ud800", "ü", Colour.RED])
SINGLE = st.one_of(
    st.none(),
    st.booleans(),
    FLOATS,
    INTEGERS,
    TEXTS,
    st.sampled_from([b"", b"ab", bytearray(b"ab"), memoryview(b"ab"), Number.ONE, Index()]),
    st.builds(object),
)
BUFFERS = st.sampled_from(
    [array.array(code, [1, 0]) for code in "bBhHiIqQfd"]
    + [array.array("d", range(SHORT + 1)), array.array("d", [math.nan])]
)
ANYTHING = st.one_of(
    SINGLE,
    BUFFERS,
    st.lists(SINGLE, max_size=3),
    st.lists(INTEGERS | FLOATS, min_size=SHORT + 1, max_size=SHORT + 3),
    st.sampled_from([(1, 2), deque([1.0]), range(3), {"a": 1}, {1, 2}, iter([1]), [[1]], [b"a"]]),
)


def outcome(codec: Codec[Any], message: Any, *, quick: bool) -> str:
    """Return what comes of a message as the receiver sees it, or what the sender is told."""
    attributes = [getattr(message, name) for name in message.__slots__]
    try:
        if quick:
            payload, rest = codec.parts(*attributes)
            return repr(codec.decode(bytes(payload), rest))
        careful = CAREFUL[id(codec)]
        return repr(codec.decode(msgspec.msgpack.encode(careful(message))))
    except UnfitValue as unfit:
        return unfit.problem


CAREFUL: dict[int, ToWire] = {}


@lru_cache
def codec_of(fields: tuple[Field, ...]) -> tuple[Codec[Any], Any]:
    kind = dataclass_for(fields)
    codec: Codec[Any] = Codec(SUBJECT, MessageFormat(fields), kind)
    CAREFUL[id(codec)] = compile_to_wire(shape_of(fields, kind))
    return codec, kind


@given(st.data())
def test_a_message_that_fits_travels_the_quick_way_as_it_does_the_careful_way(
    data: st.DataObject,
) -> None:
    message_format = data.draw(formats())
    kind = dataclass_for(message_format.fields)
    shape = shape_of(message_format.fields, kind)
    message = data.draw(messages(message_format.fields, kind))
    quick, read_back = compile_quick(shape)
    values = [getattr(message, slot.attribute) for slot in shape.slots]
    expected = msgspec.msgpack.encode(compile_to_wire(shape)(message))
    try:
        payload = msgspec.msgpack.encode(quick(*values))
        msgspec.msgpack.decode(payload, type=read_back)
    except Exception:
        assert not plain(message), "what is plainly right is not taken"
        return
    assert msgspec.msgpack.decode(payload) == msgspec.msgpack.decode(expected)


def plain(message: Any) -> bool:
    """Say whether there is nothing in a message that the quick way may leave to the careful one."""
    return "inf" not in repr(message)


@given(st.data())
def test_a_message_of_anything_comes_to_the_same_end_either_way(data: st.DataObject) -> None:
    fields = data.draw(formats()).fields
    codec, kind = codec_of(fields)
    message = kind(*[data.draw(ANYTHING) for _ in fields])
    assert outcome(codec, message, quick=True) == outcome(codec, message, quick=False)


ITEMS = [Primitive(kind) for kind in Kind]


@pytest.mark.parametrize("length", [None, 2, SHORT + 1])
@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.kind.value)
@settings(max_examples=30)
@given(st.data())
def test_an_array_of_anything_comes_to_the_same_end_either_way(
    item: Primitive, length: int | None, data: st.DataObject
) -> None:
    codec, kind = codec_of((Field("values", Array(item, length)),))
    message = kind(data.draw(ANYTHING))
    assert outcome(codec, message, quick=True) == outcome(codec, message, quick=False)


@given(st.data())
def test_a_nested_object_of_anything_comes_to_the_same_end_either_way(data: st.DataObject) -> None:
    inner = (Field("stamp", Primitive(Kind.TIME)), Field("id", Primitive(Kind.U8)))
    fields = (Field("one", Object(inner)), Field("many", Array(Object(inner))))
    codec, kind = codec_of(fields)
    nested, items = [member.type for member in kind.__dataclass_fields__.values()]
    good, item = nested(1.5, 7), items.__args__[0]
    one = st.just(good) | st.builds(nested, ANYTHING, ANYTHING) | SINGLE
    wrong: list[Any] = [[item(1.5, 7)], (item(1.5, 7),), {}, "", [good]]
    many = (
        st.lists(st.builds(item, ANYTHING, ANYTHING) | SINGLE, max_size=2)
        | st.sampled_from(wrong)
        | ANYTHING
    )
    message = kind(data.draw(one), data.draw(many))
    assert outcome(codec, message, quick=True) == outcome(codec, message, quick=False)


IMAGES: dict[str, Any] = {
    "empty": b"",
    "large": bytes(LARGE),
    "mutable": bytearray(LARGE + 1),
    "view": memoryview(bytes(2 * LARGE)),
    "text": "x",
    "none": None,
}
POINTS: dict[str, Any] = {
    "large": array.array("f", bytes(2 * LARGE)),
    "other": array.array("d", [1.0]),
    "list": [1.0],
    "number": 3,
    "none": None,
}


@given(st.sampled_from(list(IMAGES)), st.sampled_from(list(POINTS)), ANYTHING)
def test_a_message_with_something_large_comes_to_the_same_end_either_way(
    image: str, points: str, label: Any
) -> None:
    fields = (
        Field("image", Primitive(Kind.BYTES)),
        Field("points", Array(Primitive(Kind.F32)), optional=True),
        Field("label", Primitive(Kind.F32)),
    )
    codec, kind = codec_of(fields)
    message = kind(IMAGES[image], POINTS[points], label)
    assert outcome(codec, message, quick=True) == outcome(codec, message, quick=False)
