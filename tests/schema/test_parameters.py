"""Parameter schemas, and given parameters against them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.schema.errors import DocumentError
from peppy.schema.formats import Kind
from peppy.schema.kinds import LARGEST_F32, RANGES
from peppy.schema.node import Group, Leaf, ParameterArray
from peppy.schema.parameters import (
    ParameterError,
    as_json,
    complete,
    parameter_lines,
    parse_schema,
    schema_literal,
)

CAMERA = parse_schema(
    {
        "name": "str",
        "video": {
            "frame_rate": {"$type": "u16", "$default": 30},
            "size": {"width": "u16", "height": "u16"},
        },
        "gains": {"$type": "array", "$items": "f32", "$length": 2, "$default": [1, 0.5]},
        "key": "bytes",
        "since": "time",
    }
)
GIVEN: dict[str, object] = {
    "name": "front",
    "video": {"size": {"width": 640, "height": 480}},
    "key": "secret",
    "since": 1,
}


def schema_problems(literal: object) -> list[tuple[str, str]]:
    with pytest.raises(DocumentError) as caught:
        parse_schema(literal)
    return [(problem.path, problem.what) for problem in caught.value.problems]


def refused(kind: str | dict[str, object], value: object) -> str:
    with pytest.raises(ParameterError) as caught:
        complete(parse_schema({"a": {"b": kind}}), {"a": {"b": value}})
    (problem,) = caught.value.problems
    return problem


def test_a_schema_has_leaves_groups_arrays_and_defaults() -> None:
    video = CAMERA.members["video"]
    assert isinstance(video, Group)
    assert video.members["frame_rate"] == Leaf(Kind.U16, 30)
    assert CAMERA.members["name"] == Leaf(Kind.STRING)
    assert CAMERA.members["gains"] == Leaf(ParameterArray(Kind.F32, 2), [1.0, 0.5])


@pytest.mark.parametrize(
    ("literal", "path", "what"),
    [
        ({"a": "u33"}, "a", "'u33' is not a type; did you mean 'u32'?"),
        ({"a": 1}, "a", "must be a type or a group of parameters, not a whole number"),
        (
            {"a": {"$type": "u8", "$optional": True}},
            "a.$optional",
            "a parameter cannot be optional: give it a '$default' instead",
        ),
        (
            {"a": {"$optional": True, "b": "u8"}},
            "a.$optional",
            "a parameter cannot be optional: give it a '$default' instead",
        ),
        (
            {"a": {"b": "u8", "$default": {"b": 1}}},
            "a.$default",
            "a group of parameters has no '$default', only its members have",
        ),
        ({"$type": "object"}, "$type", "'$type' has no meaning on a group of parameters"),
        ({"a": {"$type": "u8", "$default": 256}}, "a.$default", "must be from 0 to 255 (u8)"),
        ({"a": {"$type": "u8", "$default": "1"}}, "a.$default", "must be a whole number (u8)"),
        (
            {"a": {"$type": "bytes", "$default": "x"}},
            "a.$default",
            "a parameter of type 'bytes' cannot have a '$default'",
        ),
        (
            {"a": {"$type": "time", "$default": 1}},
            "a.$default",
            "a parameter of type 'time' cannot have a '$default'",
        ),
        (
            {"a": {"$type": "array", "$items": "time", "$default": [1]}},
            "a.$default",
            "a parameter of type 'time' cannot have a '$default'",
        ),
        (
            {"a": {"$type": "array", "$items": "u8", "$length": 2, "$default": [1]}},
            "a.$default",
            "must be a list of 2 u8, not a list of 1",
        ),
        (
            {"a": {"$type": "array", "$items": "string", "$length": 2}},
            "a.$length",
            "arrays of 'string' have no fixed length",
        ),
        (
            {"a": {"$type": "array", "$items": {"b": "u8"}}},
            "a.$items",
            "an array of parameters holds primitive values only",
        ),
        ({"a-b": "u8", "a_b": "u8"}, "a_b", "'a_b' and 'a-b' both become 'a_b' in code"),
        ({"a.b": "u8"}, "['a.b']", "'a.b' is not a name"),
    ],
)
def test_a_schema_that_breaks_a_rule_says_which(literal: object, path: str, what: str) -> None:
    ((found, sentence),) = schema_problems(literal)
    assert found == path
    assert sentence.startswith(what)


def test_the_depth_of_a_schema_is_bounded() -> None:
    literal: dict[str, object] = {}
    literal["a"] = literal
    ((_, what),) = schema_problems(literal)
    assert what == "is nested more than 32 levels deep"


def test_given_parameters_are_converted_and_filled_up_in_the_schemas_order() -> None:
    whole = complete(CAMERA, GIVEN)
    assert whole == {
        "name": "front",
        "video": {"frame_rate": 30, "size": {"width": 640, "height": 480}},
        "gains": [1.0, 0.5],
        "key": b"secret",
        "since": 1.0,
    }
    assert list(whole) == list(CAMERA.members)
    assert isinstance(whole["since"], float)


def test_complete_parameters_are_complete() -> None:
    whole = complete(CAMERA, GIVEN)
    assert complete(CAMERA, whole) == whole


def test_a_default_list_is_not_shared() -> None:
    first = complete(CAMERA, GIVEN)["gains"]
    assert isinstance(first, list)
    first.clear()
    assert complete(CAMERA, GIVEN)["gains"] == [1.0, 0.5]


def test_parameters_survive_json() -> None:
    whole = complete(CAMERA, GIVEN)
    assert as_json(whole)["key"] == "secret"
    assert complete(CAMERA, as_json(whole)) == whole


def test_bytes_that_are_no_text_do_not_go_into_json() -> None:
    with pytest.raises(ParameterError, match="'key' is not UTF-8"):
        as_json({"key": b"\xff"})


def test_every_missing_leaf_is_listed_by_its_dotted_name() -> None:
    with pytest.raises(ParameterError) as caught:
        complete(CAMERA, {"name": "front", "since": 0})
    assert caught.value.missing == ("video.size.width", "video.size.height", "key")
    assert caught.value.sentence == (
        "3 parameters are missing: 'video.size.width', 'video.size.height', 'key'"
    )


def test_all_problems_come_at_once() -> None:
    with pytest.raises(ParameterError) as caught:
        complete(CAMERA, {"nmae": "x", "video": 3, "gains": [1], "key": 1, "since": 0})
    assert caught.value.missing == ("name",)
    assert caught.value.problems == (
        "'nmae' is not a parameter; did you mean 'name'?",
        "'video' is a group of parameters, not a whole number",
        "'gains' must be a list of 2 f32, not a list of 1",
        "'key' must be a text (bytes), not '1'",
    )
    assert str(caught.value).endswith("1 parameter is missing: 'name'")


def test_an_unknown_nested_name_is_dotted() -> None:
    with pytest.raises(ParameterError) as caught:
        complete(CAMERA, {**GIVEN, "video": {"size": {"width": 1, "height": 1, "hieght": 1}}})
    assert caught.value.problems == (
        "'video.size.hieght' is not a parameter; did you mean 'height'?",
    )


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        ("u8", 256, "'a.b' must be from 0 to 255 (u8), not '256'"),
        ("u8", -1, "'a.b' must be from 0 to 255 (u8), not '-1'"),
        ("i8", 2**300, "'a.b' must be from -128 to 127 (i8), not a far larger one"),
        ("u8", 1.0, "'a.b' must be a whole number (u8), not '1.0'"),
        ("u8", True, "'a.b' must be a whole number (u8), not true"),
        ("u8", "1", "'a.b' must be a whole number (u8), not a string, '1'"),
        ("bool", 1, "'a.b' must be true or false (bool), not '1'"),
        ("f32", 1e39, "'a.b' must be a finite number (f32), not '1e+39'"),
        ("f64", math.inf, "'a.b' must be a finite number (f64), not 'inf'"),
        ("f64", True, "'a.b' must be a finite number (f64), not true"),
        ("string", None, "'a.b' must be a text (string), not null"),
        ("string", "\udcff", "'a.b' must be a text (string), not bytes that are not UTF-8"),
        ("bytes", [1], "'a.b' must be a text (bytes), not a list"),
        ("time", "noon", "'a.b' must be seconds since the epoch or an ISO 8601 text (time), not"),
        ("time", math.nan, "'a.b' must be seconds since the epoch or an ISO 8601 text (time), not"),
        (
            {"$type": "array", "$items": "u8"},
            [1, "x"],
            "'a.b' must be a whole number (u8) at [1], not a string, 'x'",
        ),
        ({"$type": "array", "$items": "u8"}, "1", "'a.b' must be a list of u8, not a string, '1'"),
    ],
)
def test_an_unfit_value_is_told_what_is_expected_and_what_was_received(
    kind: str | dict[str, object], value: object, sentence: str
) -> None:
    assert refused(kind, value).startswith(sentence)


@pytest.mark.parametrize("kind", list(RANGES))
def test_an_integer_type_holds_its_whole_range_and_no_more(kind: Kind) -> None:
    schema = parse_schema({"a": kind.value})
    least, most = RANGES[kind][0], RANGES[kind][-1]
    assert complete(schema, {"a": least}) == {"a": least}
    assert complete(schema, {"a": most}) == {"a": most}
    for beyond in (least - 1, most + 1):
        with pytest.raises(ParameterError):
            complete(schema, {"a": beyond})


def test_the_largest_float_of_32_bits_fits() -> None:
    assert complete(parse_schema({"a": "f32"}), {"a": LARGEST_F32}) == {"a": LARGEST_F32}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1970-01-01T00:00:01Z", 1.0), ("1970-01-01T01:00:00+01:00", 0.0), ("1970-01-02", 86400.0)],
)
def test_a_time_may_be_iso_8601_text(text: str, seconds: float) -> None:
    assert complete(parse_schema({"a": "time"}), {"a": text}) == {"a": seconds}


def test_each_leaf_is_a_line_with_its_type_and_default() -> None:
    assert parameter_lines(CAMERA) == (
        "name: string",
        "video.frame_rate: u16 = 30",
        "video.size.width: u16",
        "video.size.height: u16",
        "gains: f32[2] = [1.0, 0.5]",
        "key: bytes",
        "since: time",
    )


def test_a_schema_reads_back_from_its_literal() -> None:
    assert parse_schema(schema_literal(CAMERA)) == CAMERA


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["$type", "$items", "$default", "a"]) | st.text(), inner)
    ),
    max_leaves=10,
)


@given(VALUES)
def test_no_schema_raises_anything_but_problems(literal: object) -> None:
    try:
        schema = parse_schema(literal)
    except DocumentError as error:
        found = error.problems
    else:
        assert parse_schema(schema_literal(schema)) == schema
        return
    assert found


@given(st.dictionaries(st.sampled_from(list(CAMERA.members)) | st.text(), VALUES))
def test_no_values_raise_anything_but_problems(values: dict[str, object]) -> None:
    try:
        whole = complete(CAMERA, {**GIVEN, **values})
    except ParameterError as error:
        found = error.problems + error.missing
    else:
        assert complete(CAMERA, whole) == whole
        return
    assert found
