"""In what formats differ."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.schema.format_difference import differences
from peppy.schema.format_reader import parse_format

OPTIONAL = {"$type": "u8", "$optional": True}
THREE = {"$type": "array", "$items": "f32", "$length": 3}


@pytest.mark.parametrize(
    ("here", "there", "said"),
    [
        ({"x": "f64"}, {"x": "f32"}, ["field 'x' is 'f64' here and 'f32' there"]),
        ({"x": "u8"}, {}, ["field 'x' is 'u8' here and missing there"]),
        ({}, {"x": THREE}, ["field 'x' is missing here and an array of 3 'f32' there"]),
        ({"x": "u8"}, {"x": OPTIONAL}, ["field 'x' is required here and optional there"]),
        (
            {"x": OPTIONAL},
            {"x": "u16"},
            [
                "field 'x' is 'u8' here and 'u16' there",
                "field 'x' is optional here and required there",
            ],
        ),
        (
            {"x": {"$type": "array", "$items": "f32"}},
            {"x": THREE},
            ["field 'x' is an array of 'f32' here and an array of 3 'f32' there"],
        ),
        ({"x": {"a": "u8"}}, {"x": "u8"}, ["field 'x' is an object here and 'u8' there"]),
        (
            {"x": {"a": "u8", "b": {"c": "u8"}}},
            {"x": {"a": "i8", "b": {}}},
            [
                "field 'x.a' is 'u8' here and 'i8' there",
                "field 'x.b.c' is 'u8' here and missing there",
            ],
        ),
        (
            {"x": {"$type": "array", "$items": {"a": "u8"}}},
            {"x": {"$type": "array", "$items": {"a": "bool"}}},
            ["field 'x[].a' is 'u8' here and 'bool' there"],
        ),
        (
            {"x": {"$type": "array", "$items": {"a": "u8"}}},
            {"x": {"$type": "array", "$items": "u8"}},
            ["field 'x' is an array of objects here and an array of 'u8' there"],
        ),
        ({"x": "u8", "y": "u8"}, {"y": "u8", "x": "u8"}, []),
    ],
)
def test_each_difference_is_a_sentence(
    here: dict[str, Any], there: dict[str, Any], said: list[str]
) -> None:
    assert differences(parse_format(here), parse_format(there)) == said


NAMES = st.sampled_from(["a", "b", "c"])
KINDS = st.sampled_from(["u8", "f64", OPTIONAL, THREE, {"$type": "array", "$items": "u8"}])
INNER = st.dictionaries(NAMES, st.sampled_from(["u8", "f64"]), max_size=3)
OBJECTS = INNER | INNER.map(lambda fields: {"$type": "array", "$items": fields})
FORMATS = st.dictionaries(NAMES, KINDS | OBJECTS, max_size=3)


@given(FORMATS, FORMATS)
def test_formats_differ_exactly_if_their_fingerprints_do(
    here: dict[str, Any], there: dict[str, Any]
) -> None:
    ours, theirs = parse_format(here), parse_format(there)
    assert bool(differences(ours, theirs)) is (ours.fingerprint() != theirs.fingerprint())
