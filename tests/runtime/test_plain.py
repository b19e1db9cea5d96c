"""Plain values and messages of a format that no code was generated for."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peppy.runtime.codec import Codec
from peppy.runtime.plain import PlainCodec, written
from peppy.runtime.unfit import UnreadablePayload
from peppy.schema.errors import DocumentError
from peppy.schema.format_reader import parse_format
from peppy.schema.formats import MessageFormat
from tests.runtime.codec_strategies import dataclass_for, formats, messages

FORMAT = parse_format(
    {
        "header": {"frame-id": "u32", "at": "time"},
        "class": {"$type": "string", "$optional": True},
        "data": "bytes",
        "points": {"$type": "array", "$items": {"x": "f64"}},
        "ids": {"$type": "array", "$items": "i16"},
        "mask": {"$type": "array", "$items": "u8", "$length": 2},
    }
)

VALUES: dict[str, Any] = {
    "header": {"frame-id": 7, "at": 1.5},
    "class": "cup",
    "data": b"\x00\x01",
    "points": [{"x": 1.0}, {"x": -2.5}],
    "ids": [1, -2],
    "mask": b"\x03\x04",
}


@pytest.fixture(scope="module")
def codec() -> PlainCodec:
    return PlainCodec("topic 'seen'", FORMAT)


def problems(codec: PlainCodec, values: Any) -> dict[str, str]:
    """Return what is said of values that do not fit, by path."""
    with pytest.raises(DocumentError) as caught:
        codec.encode(values)
    return {problem.path: problem.what for problem in caught.value.problems}


def there_and_back(codec: PlainCodec, values: dict[str, Any]) -> dict[str, Any]:
    payload, rest = codec.encode(values)
    return codec.decode(bytes(payload), rest)


def test_values_come_back_under_the_documents_names(codec: PlainCodec) -> None:
    assert there_and_back(codec, VALUES) == VALUES


def test_an_absent_optional_field_stays_absent(codec: PlainCodec) -> None:
    values = {name: value for name, value in VALUES.items() if name != "class"}
    assert there_and_back(codec, values) == values
    assert there_and_back(codec, {**values, "class": None}) == values


def test_bytes_are_taken_as_base64_and_as_numbers(codec: PlainCodec) -> None:
    typed = {**VALUES, "data": "AAE=", "mask": [3, 4]}
    assert there_and_back(codec, typed) == VALUES


def test_a_large_binary_comes_back_from_beside_the_rest(codec: PlainCodec) -> None:
    large = {**VALUES, "data": bytes(100_000)}
    payload, rest = codec.encode(large)
    assert (len(payload), rest != b"") == (100_000, True)
    assert codec.decode(bytes(payload), rest) == large


def test_every_unknown_and_missing_field_is_named_at_once(codec: PlainCodec) -> None:
    wrong = {"header": {"frame_id": 7}, "klass": "cup", "points": [{"x": 1.0}, {"y": 2.0}]}
    found = problems(codec, wrong)
    assert found["klass"] == "'klass' is not known here; did you mean 'class'?"
    assert "did you mean 'frame-id'?" in found["header.frame_id"]
    assert found["points[1].y"] == "'y' is not known here; known are 'x'"
    assert found["header.at"] == "is missing: time"
    assert found["mask"] == "is missing: [u8; 2]"
    assert set(found) >= {"header.frame-id", "points[1].x", "data", "ids"}
    assert "class" not in found


@pytest.mark.parametrize(
    ("values", "path", "what"),
    [
        ({"header": {"frame-id": -1, "at": 0}}, "header.frame-id", "u32"),
        ({"header": {"frame-id": 1, "at": "now"}}, "header.at", "seconds"),
        ({"header": 3}, "header", "must be an object, not a whole number"),
        ({"header": None}, "header", "is required"),
        ({"points": [{"x": "far"}]}, "points[0].x", "f64"),
        ({"points": {"x": 1}}, "points", "array"),
        ({"points": [None]}, "points[0]", "must be an object, not null"),
        ({"ids": [1, 70000]}, "ids[1]", "i16"),
        ({"data": "no base64"}, "data", "base64"),
        ({"data": [256]}, "data", "base64"),
        ({"mask": [1, 2, 3]}, "mask", "2 u8, not of 3"),
        ({"class": 3}, "class", "is a string, not 3"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_with_its_path(
    codec: PlainCodec, values: dict[str, Any], path: str, what: str
) -> None:
    found = problems(codec, {**VALUES, **values})
    assert list(found) == [path]
    assert what in found[path]


def test_the_hint_lists_the_fields_and_their_types(codec: PlainCodec) -> None:
    with pytest.raises(DocumentError, match=r"'class' \(string\?\), 'data' \(bytes\)") as caught:
        codec.encode({})
    assert caught.value.source == "the values for topic 'seen'"


def test_what_is_no_object_at_all_is_refused(codec: PlainCodec) -> None:
    assert problems(codec, [1]) == {"": "must be an object, not a list"}


def test_a_payload_that_is_none_is_unreadable(codec: PlainCodec) -> None:
    with pytest.raises(UnreadablePayload, match="topic 'seen'"):
        codec.decode(b"\x93")


def test_types_are_written_in_short() -> None:
    shown = {field.name: written(field) for field in FORMAT.fields}
    assert shown["header"] == "{frame-id, at}"
    assert (shown["class"], shown["points"], shown["mask"]) == ("string?", "[{x}]", "[u8; 2]")


@st.composite
def formats_and_messages(draw: st.DrawFn) -> tuple[MessageFormat, Any]:
    """A format, and a message of the dataclass that would be generated for it."""
    message_format = draw(formats())
    message = dataclass_for(message_format.fields)
    return message_format, draw(messages(message_format.fields, message))


def same(left: Any, right: Any) -> bool:
    """Compare values, where NaN is the same as NaN."""
    match left:
        case float():
            return bool(left == right) or (math.isnan(left) and math.isnan(right))
        case dict():
            pairs = cast("dict[str, Any]", left).items()
            return left.keys() == right.keys() and all(same(v, right[k]) for k, v in pairs)
        case list():
            items = cast("Sequence[Any]", left)
            return len(items) == len(right) and all(map(same, items, right))
        case _:
            return bool(left == right)


@settings(max_examples=60, deadline=None)
@given(formats_and_messages())
def test_what_generated_code_sends_is_read_and_sent_again_as_it_was(
    case: tuple[MessageFormat, Any],
) -> None:
    message_format, message = case
    kind: Any = message.__class__
    generated: Codec[Any] = Codec("topic 'any'", message_format, kind)
    plain = PlainCodec("topic 'any'", message_format)
    assert plain.fingerprint == generated.fingerprint
    sent = generated.encode(message)
    values = plain.decode(sent)
    assert same(there_and_back(plain, values), values)
    payload, rest = plain.encode(values)
    read = generated.decode(bytes(payload), rest)
    assert same(dataclasses.asdict(read), dataclasses.asdict(generated.decode(sent)))
