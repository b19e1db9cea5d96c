"""Filters and fields: what they find, and what is said of those that make no sense."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.cli.wire.expressions import (
    DEEPEST,
    LONGEST,
    BadExpression,
    compile_field,
    compile_filter,
)
from peppy.schema.errors import PeppyError
from peppy.schema.format_reader import parse_format

FORMAT = parse_format(
    {
        "header": {"frame-id": "u32", "at": "time"},
        "name": {"$type": "string", "$optional": True},
        "speed": "f64",
        "points": {"$type": "array", "$items": {"x": "f64"}},
        "ids": {"$type": "array", "$items": "i16"},
        "data": "bytes",
        "ok": "bool",
        "class": "string",
    }
)

MESSAGE: dict[str, Any] = {
    "header": {"frame-id": 7, "at": 1.5},
    "speed": 2.0,
    "points": [{"x": 1.0}, {"x": -1.0}],
    "ids": [1, -2],
    "data": b"ab",
    "ok": True,
    "class": "cup",
}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("speed > 1.5", True),
        ("speed > 2", False),
        ("speed >= 2 and speed <= 2.0", True),
        ("1 < speed < 3", True),
        ("3 < speed < 5", False),
        ("-speed < 0", True),
        ("abs(-3) == 3", True),
        ("header.frame_id == 7", True),
        ("header.frame_id != 7", False),
        ("ok", True),
        ("not ok", False),
        ("ok == true and ok is not False", True),
        ("not (ok and speed < 1) or False", True),
        ("ok and speed < 1", False),
        ("points[1].x == -1", True),
        ("points[-1].x == -1", True),
        ("ids[0] == 1 and len(ids) == 2", True),
        ("data[0] == 97", True),
        ("-2 in ids", True),
        ("3 not in ids", True),
        ("speed in (1, 2)", True),
        ("speed in [1, 3]", False),
        ("ids == [1, -2]", True),
        ("'u' in class_", True),
        ("contains(class_, 'x')", False),
        ("contains(ids, 1)", True),
        ("startswith(class_, 'cu') and endswith(class_, 'p')", True),
        ("class_ < 'd'", True),
        ("len(class_) == 3", True),
    ],
)
def test_a_filter_says_whether_a_message_fits(text: str, fits: bool) -> None:
    assert compile_filter(text, FORMAT)(MESSAGE) is fits


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("name == null", True),
        ("name is not None", False),
        ("name == 'x'", False),
        ("name != 'x'", True),
        ("name < 'x'", False),
        ("not name < 'x'", True),
        ("'x' in name", False),
        ("startswith(name, 'x')", False),
        ("len(name) == 3", False),
        ("points[2].x > 0", False),
        ("points[2].x <= 0", False),
        ("points[2].x == null", True),
    ],
)
def test_what_is_absent_equals_nothing_but_null(text: str, fits: bool) -> None:
    assert compile_filter(text, FORMAT)(MESSAGE) is fits


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("sped > 1", 1, "the message has no field 'sped'; did you mean 'speed'?"),
        ("ok and header.x == 1", 8, "'header' has no field 'x'"),
        ("speed = 1", 7, "this is not an expression"),
        ("ok && ok", 5, "this is not an expression"),
        ("speed >", 8, "this is not an expression"),
        ("speed", 1, "the filter comes to a number"),
        ("speed > 'fast'", 9, "'speed' is a number and this is text"),
        ("class_ == 3", 11, "'class' is text and this is a number"),
        ("class_ in ids", 11, "'class' is text and 'ids[]' is a number"),
        ("3 in class_", 6, "'in' looks for text in text"),
        ("ok > false", 6, "'ok' is true or false, which has no order"),
        ("not speed", 5, "'speed' is a number, not true or false"),
        ("points.x == 1", 1, "'points' has no fields, it is a list"),
        ("ok[0]", 1, "'ok' is true or false, not an array"),
        ("ids[ok] == 1", 5, "an index is a whole number"),
        ("ids[True] == 1", 5, "an index is a whole number"),
        ("len(speed) == 1", 1, "there is no function 'len' of these"),
        ("open('x') == 1", 1, "there is no function 'open' of these"),
        ("speed in (ids, 1)", 10, "a list of values holds no fields"),
        ("speed in (1, 'x')", 10, "'speed' is a number and this is text"),
        ("speed * 2 > 1", 1, "this is more than an expression over fields can do"),
        ("(lambda: True)()", 1, "this is more than"),
        ("class_.__class__ == 1", 1, "'class' has no fields, it is text"),
        ("'ä' == class_ and sped == 1", 19, "the message has no field 'sped'"),
    ],
)
def test_an_expression_without_sense_is_an_error_that_names_the_place(
    text: str, column: int, said: str
) -> None:
    with pytest.raises(BadExpression) as caught:
        compile_filter(text, FORMAT)
    assert caught.value.column == column
    assert said in caught.value.sentence
    assert caught.value.sentence.endswith(f"\n  {text}\n  {' ' * (column - 1)}^")


def test_an_unknown_field_lists_those_that_are_there() -> None:
    with pytest.raises(BadExpression) as caught:
        compile_filter("header.x == 1", FORMAT)
    assert caught.value.hint == "its fields are 'frame-id', 'at'"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("header", {"frame-id": 7, "at": 1.5}),
        ("header.frame_id", 7),
        ("points[0].x", 1.0),
        ("points[9].x", None),
        ("name", None),
        ("ids[-1]", -2),
        ("data", b"ab"),
    ],
)
def test_a_field_is_taken_out_of_a_message(text: str, found: object) -> None:
    assert compile_field(text, FORMAT)(MESSAGE) == found


@pytest.mark.parametrize("text", ["1", "speed > 1", "len(ids)", "-speed"])
def test_what_is_no_field_cannot_be_taken(text: str) -> None:
    with pytest.raises(BadExpression, match="this is no field"):
        compile_field(text, FORMAT)


def test_a_field_may_be_called_true() -> None:
    message = parse_format({"true": "u8"})
    assert compile_filter("true == 3", message)({"true": 3}) is True


@pytest.mark.parametrize(
    "text",
    ["-" * 500 + "1 == 1", "(" * 900, "not " * (DEEPEST + 1) + "ok", "ok and " * LONGEST, "\0", ""],
)
def test_what_is_too_long_or_too_deep_is_an_error_like_any_other(text: str) -> None:
    with pytest.raises(PeppyError):
        compile_filter(text, FORMAT)


NAMES = ("speed", "name", "ids", "points", "header", "ok", "x", "len", "0", "1", "'x'")
SIGNS = ("(", ")", "[", "]", ".", ",", "==", "<", "-", "[0]", ".x", "in", "not", "and", "or", "is")
WORDS = st.sampled_from(NAMES + SIGNS)


@given(st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=30))
def test_any_text_is_either_refused_with_a_sentence_or_answers_for_every_message(
    text: str,
) -> None:
    try:
        fits = compile_filter(text, FORMAT)
    except PeppyError:
        return
    assert fits(MESSAGE) in (True, False)
    assert fits({**MESSAGE, "points": [], "ids": [], "name": "x"}) in (True, False)
