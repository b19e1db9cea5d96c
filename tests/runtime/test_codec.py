"""What fits a format travels and comes back; what does not is refused by name."""

import array
import contextlib
import enum
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.runtime.codec import LARGE, Codec
from peppy.runtime.unfit import UnfitValue, UnreadablePayload
from peppy.schema import envelope
from peppy.schema.formats import Array, Field, Kind, MessageFormat, Object, Primitive
from tests.runtime.codec_strategies import dataclass_for, formats, messages

SUBJECT = "topic 'video_stream'"


def primitive(kind: str) -> Primitive:
    return Primitive(Kind(kind))


@dataclass(slots=True)
class MessageHeader:
    stamp: float
    frame_id: int


@dataclass(slots=True)
class Message:
    header: MessageHeader
    class_: str | None
    pixels: bytes
    corners: list[float]
    marks: list[MessageHeader]


HEADER = Object((Field("stamp", primitive("time")), Field("frame_id", primitive("u32"))))
FORMAT = MessageFormat(
    (
        Field("header", HEADER),
        Field("class", primitive("string"), optional=True),
        Field("pixels", Array(primitive("u8"))),
        Field("corners", Array(primitive("f32"), 2)),
        Field("marks", Array(HEADER)),
    )
)
CODEC = Codec(SUBJECT, FORMAT, Message)


@dataclass(slots=True)
class Scene:
    image: bytes
    mask: bytes
    points: list[float]
    label: str | None


SPLIT = Codec(
    SUBJECT,
    MessageFormat(
        (
            Field("image", primitive("bytes")),
            Field("mask", Array(primitive("u8"))),
            Field("points", Array(primitive("f64"))),
            Field("label", primitive("string"), optional=True),
        )
    ),
    Scene,
)


def message(**changes: Any) -> Message:
    fields: dict[str, Any] = {
        "header": MessageHeader(1.5, 7),
        "class_": "cat",
        "pixels": b"\x00\x01",
        "corners": [0.5, 1.5],
        "marks": [],
    }
    return Message(**(fields | changes))


def round_trip(kind: Primitive | Array, value: Any) -> Any:
    fields = (Field("value", kind),)
    message = dataclass_for(fields)
    codec: Codec[Any] = Codec(SUBJECT, MessageFormat(fields), message)
    return codec.decode(codec.encode(message(value))).field_0


@given(st.data())
def test_every_message_of_every_format_comes_back_as_it_was(data: st.DataObject) -> None:
    message_format = data.draw(formats())
    kind = dataclass_for(message_format.fields)
    codec: Codec[Any] = Codec(SUBJECT, message_format, kind)
    sent = data.draw(messages(message_format.fields, kind))
    assert codec.decode(codec.encode(sent)) == sent


@given(st.data())
def test_every_message_comes_back_whether_it_travels_in_parts_together_or_with_others(
    data: st.DataObject,
) -> None:
    message_format = data.draw(formats())
    kind = dataclass_for(message_format.fields)
    codec: Codec[Any] = Codec(SUBJECT, message_format, kind)
    many = data.draw(st.lists(messages(message_format.fields, kind), max_size=3))
    for sent in many:
        payload, rest = codec.parts(*[getattr(sent, name) for name in kind.__slots__])
        assert codec.decode(bytes(payload), rest) == sent
    assert codec.decode_many(envelope.joined([codec.encode(sent) for sent in many])) == many


SIZES = st.sampled_from([0, 1, LARGE - 1, LARGE, LARGE + 1, 100_000])


@given(SIZES, SIZES, SIZES, st.booleans())
def test_the_largest_binary_travels_by_itself_and_the_rest_beside_it(
    image: int, mask: int, points: int, labelled: bool
) -> None:
    sent = (
        bytes(image),
        bytes(mask),
        array.array("d", bytes(points * 8)),
        "x" if labelled else None,
    )
    payload, rest = SPLIT.parts(*sent)
    largest = max(image, mask, points * 8)
    assert bool(rest) is (largest >= LARGE)
    assert not rest or len(payload) == largest
    assert not rest or len(rest) < image + mask + points * 8 - largest + 100
    back = SPLIT.decode(bytes(payload), rest)
    assert (back.image, back.mask, back.label) == (sent[0], sent[1], sent[3])
    assert back.points == [0.0] * points


@pytest.mark.parametrize("octets", [bytes, bytearray, memoryview])
def test_the_content_of_a_large_field_is_not_copied(octets: Callable[[bytes], Any]) -> None:
    content = octets(bytes(LARGE))
    payload, _ = SPLIT.parts(content, b"", [], None)
    assert payload is content or (isinstance(payload, memoryview) and payload.obj is not None)
    assert SPLIT.decode(bytes(payload), SPLIT.parts(content, b"", [], None)[1]).image == content


SPLIT_REST = msgspec.msgpack.encode(["image", None, {"mask": b"", "points": []}])


@pytest.mark.parametrize(
    "rest",
    [
        b"\xc1",
        b"\x93",
        SPLIT_REST[:-1],
        SPLIT_REST + b"\x00",
        msgspec.msgpack.encode(["none", None, {"mask": b"", "points": []}]),
        msgspec.msgpack.encode(["label", None, {"mask": b"", "points": []}]),
        msgspec.msgpack.encode(["image", 9, {"mask": b"", "points": []}]),
        msgspec.msgpack.encode(["points", None, {"mask": b"", "image": b""}]),
        msgspec.msgpack.encode(["points", 9, {"mask": b"", "image": b""}]),
        msgspec.msgpack.encode(["image", None, {"points": []}]),
        msgspec.msgpack.encode(["image", None, 7]),
        b"\x93\xa5image\xc0" + b"\x91" * 50_000,
    ],
)
def test_what_rides_beside_a_payload_and_does_not_fit_it_makes_it_unreadable(rest: bytes) -> None:
    assert SPLIT.decode(b"content", SPLIT_REST).image == b"content"
    with pytest.raises(UnreadablePayload):
        SPLIT.decode(b"content", rest)


@given(st.binary(max_size=40), st.binary(min_size=1, max_size=40))
def test_foreign_bytes_in_two_parts_are_a_message_or_one_named_error(
    payload: bytes, rest: bytes
) -> None:
    decoded: object = None
    with contextlib.suppress(UnreadablePayload):
        decoded = SPLIT.decode(payload, rest)
    assert decoded is None or isinstance(decoded, Scene)


@given(st.binary(max_size=64))
def test_foreign_bytes_in_place_of_many_messages_are_messages_or_named_errors(
    payload: bytes,
) -> None:
    decoded: list[Any] = []
    with contextlib.suppress(UnreadablePayload):
        decoded = CODEC.decode_many(payload)
    assert all(isinstance(each, Message | UnreadablePayload) for each in decoded)


def test_the_payload_is_a_map_keyed_by_the_names_of_the_document() -> None:
    assert msgspec.msgpack.decode(CODEC.encode(message())) == {
        "header": {"stamp": 1_500_000_000, "frame_id": 7},
        "class": "cat",
        "pixels": b"\x00\x01",
        "corners": [0.5, 1.5],
        "marks": [],
    }


def test_an_absent_optional_field_does_not_travel_and_comes_back_as_none() -> None:
    payload = CODEC.encode(message(class_=None))
    assert "class" not in msgspec.msgpack.decode(payload)
    assert CODEC.decode(payload).class_ is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"header": MessageHeader(1.5, -1)},
            "field 'header.frame_id' is a u32 (0 to 4294967295), not -1",
        ),
        (
            {"header": MessageHeader(1.5, True)},
            "field 'header.frame_id' is a u32 (0 to 4294967295), not True",
        ),
        ({"header": None}, "field 'header' is required, not None"),
        ({"header": 3}, "field 'header' is a 'MessageHeader', not 3"),
        ({"class_": 3}, "field 'class' is a string, not 3"),
        ({"corners": [1.0]}, "field 'corners' is an array of 2 f32, not of 1"),
        ({"corners": [1.0, "x"]}, "field 'corners[1]' is an f32, not the text 'x'"),
        ({"corners": "ab"}, "field 'corners' is an array of f32, not the text 'ab'"),
        (
            {"marks": [MessageHeader(1.0, 1), MessageHeader(float("nan"), 1)]},
            "field 'marks[1].stamp' is a time in seconds since the epoch, not nan",
        ),
        ({"marks": [None]}, "field 'marks[0]' is required, not None"),
        ({"pixels": [1, 256]}, "field 'pixels[1]' is a u8 (0 to 255), not 256"),
        (
            {"pixels": array.array("d", [1.0])},
            "field 'pixels' is an array of u8, not a value of type 'array' with items 'd'",
        ),
        ({"pixels": object()}, "field 'pixels' is an array of u8, not a value of type 'object'"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_its_path(
    changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UnfitValue) as caught:
        CODEC.encode(message(**changes))
    assert str(caught.value) == f"{SUBJECT}: {sentence}"
    assert isinstance(caught.value, ValueError)


def test_something_else_than_the_message_is_refused() -> None:
    wrong: Any = "hello"
    with pytest.raises(UnfitValue, match="topic 'video_stream': is a 'Message', not the text"):
        CODEC.encode(wrong)


class Colour(enum.StrEnum):
    RED = "red"


class Index:
    """As numpy's integers are: none of Python's, but fit to index with."""

    def __index__(self) -> int:
        return 200


class Scalar:
    """As numpy's floats are."""

    def __float__(self) -> float:
        return 2.5


class Truth:
    """As numpy's booleans are."""

    def item(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("u8", Index(), 200),
        ("f64", Scalar(), 2.5),
        ("f32", 3, 3.0),
        ("bool", Truth(), True),
        ("string", Colour.RED, "red"),
        ("bytes", bytearray(b"ab"), b"ab"),
        ("bytes", memoryview(b"abcd")[::2], b"ac"),
        ("time", 1_763_672_000.25, 1_763_672_000.25),
        ("time", -1.5, -1.5),
        ("time", 0.000_000_001, 0.000_000_001),
        ("u64", 2**64 - 1, 2**64 - 1),
    ],
)
def test_what_can_stand_for_a_primitive_is_taken(kind: str, value: Any, expected: Any) -> None:
    returned = round_trip(primitive(kind), value)
    assert returned == expected
    assert type(returned) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("bool", 1),
        ("u8", 256),
        ("i8", -129),
        ("i64", 2**63),
        ("u64", 2**64),
        ("u16", 1.0),
        ("f32", 1e39),
        ("f64", True),
        ("f64", "1.0"),
        ("f64", 10**400),
        ("string", b"x"),
        ("string", "\ud800"),
        ("bytes", "text"),
        ("bytes", [1, 2]),
        ("time", 1e12),
        ("time", float("inf")),
    ],
)
def test_what_cannot_stand_for_a_primitive_is_refused(kind: str, value: Any) -> None:
    with pytest.raises(UnfitValue, match="field 'value' is "):
        round_trip(primitive(kind), value)


def _array_of(values: list[float]) -> Any:
    return array.array("d", values)


@pytest.mark.parametrize("sequence", [list, tuple, deque, _array_of])
def test_any_sequence_is_an_array(sequence: Callable[[list[float]], Any]) -> None:
    assert round_trip(Array(primitive("f64")), sequence([1.0, 2.5])) == [1.0, 2.5]


@pytest.mark.parametrize("kind", list(Kind))
def test_an_array_may_hold_every_primitive(kind: Kind) -> None:
    samples: dict[Kind, Any] = {
        Kind.BOOL: [True, False],
        Kind.STRING: ["a", "ü"],
        Kind.BYTES: [b"", b"x"],
        Kind.U8: b"\x01\x02",
    }
    values = samples.get(kind, [1, 2])
    assert round_trip(Array(Primitive(kind)), values) == values


@given(st.binary(max_size=64))
def test_foreign_bytes_are_a_message_or_one_named_error(payload: bytes) -> None:
    decoded: object = None
    with contextlib.suppress(UnreadablePayload):
        decoded = CODEC.decode(payload)
    assert decoded is None or isinstance(decoded, Message)


@pytest.mark.parametrize(
    "wire",
    [{}, [], {"value": -1}, {"value": 70_000}, {"value": True}, {"value": None}, {"value": "1"}],
)
def test_a_payload_outside_the_declared_bounds_is_unreadable(wire: Any) -> None:
    fields = (Field("value", primitive("u16")),)
    codec: Codec[Any] = Codec(SUBJECT, MessageFormat(fields), dataclass_for(fields))
    with pytest.raises(UnreadablePayload):
        codec.decode(msgspec.msgpack.encode(wire))


def test_a_deeply_nested_payload_is_unreadable_and_nothing_worse() -> None:
    with pytest.raises(UnreadablePayload):
        CODEC.decode(b"\x81\xa1z" + b"\x91" * 100_000)


def test_bindings_of_another_format_are_refused_when_they_are_compiled() -> None:
    with pytest.raises(TypeError, match="MessageHeader has 2 fields, its format 5"):
        Codec(SUBJECT, FORMAT, MessageHeader)
