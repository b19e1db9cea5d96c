"""Parameters from the command line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.schema.arguments import parse_arguments
from peppy.schema.formats import Kind
from peppy.schema.kinds import LARGEST_F32, RANGES
from peppy.schema.parameters import ParameterError, complete, parse_schema

SCHEMA = parse_schema(
    {
        **{kind.value: kind.value for kind in Kind},
        **{f"{kind.value}s": {"$type": "array", "$items": kind.value} for kind in Kind},
        "video": {"size": {"width": "u16"}, "rate": "f32"},
    }
)


def refused(*texts: str) -> tuple[str, ...]:
    with pytest.raises(ParameterError) as caught:
        parse_arguments(texts, SCHEMA)
    assert caught.value.missing == ()
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("string=42", "string", "42"),
        ("string=true", "string", "true"),
        ("string=", "string", ""),
        ("string=a=b", "string", "a=b"),
        (" string = a b ", "string", "a b"),
        ("string=[1]", "string", "[1]"),
        ("bool=true", "bool", True),
        ("bool=FALSE", "bool", False),
        ("u8=255", "u8", 255),
        ("u8=0xff", "u8", 255),
        ("i8=-0x80", "i8", -128),
        ("i8=+7", "i8", 7),
        ("u8=007", "u8", 7),
        ("f64=1", "f64", 1.0),
        ("f64=-1.5e3", "f64", -1500.0),
        ("f64=.5", "f64", 0.5),
        ("bytes=é", "bytes", "é".encode()),
        ("time=1.5", "time", 1.5),
        ("time=1970-01-01T00:00:01Z", "time", 1.0),
        ("u8s=[1, 0x2,3,]", "u8s", [1, 2, 3]),
        ("u8s=[]", "u8s", []),
        ("u8s=[ ]", "u8s", []),
        ("bools=[true,FALSE]", "bools", [True, False]),
        ("strings=[a b , 'c, d', \"e\\n]\"]", "strings", ["a b", "c, d", "e\n]"]),
        ("strings=['']", "strings", [""]),
        ("f32s=[1, 2.5]", "f32s", [1.0, 2.5]),
    ],
)
def test_an_argument_has_the_type_that_its_parameter_declares(
    text: str, name: str, value: object
) -> None:
    assert parse_arguments([text], SCHEMA) == {name: value}


def test_dots_nest() -> None:
    given = ["video.size.width=640", "u8=1", "video.rate=30"]
    assert parse_arguments(given, SCHEMA) == {
        "video": {"size": {"width": 640}, "rate": 30.0},
        "u8": 1,
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("u8", "'u8' is not an argument: write key=value"),
        ("=1", "'=1' is not an argument: write key=value"),
        ("u9=1", "'u9' is not a parameter; did you mean 'u8'?"),
        ("video.siez.width=1", "'video.siez' is not a parameter; did you mean 'size'?"),
        ("u8.a=1", "'u8' is one parameter, it has no 'a'"),
        (
            "video.size=1",
            "'video.size' is a group of parameters: give its members, as in video.size.width=...",
        ),
        ("u8=256", "'u8' must be from 0 to 255 (u8), not '256'"),
        ("u8=1.0", "'u8' must be a whole number (u8), not '1.0'"),
        ("u8=", "'u8' must be a whole number (u8), not ''"),
        ("u8=1_0", "'u8' must be a whole number (u8), not '1_0'"),
        ("u8=\u0661", "'u8' must be a whole number (u8), not '\u0661'"),
        ("bool=1", "'bool' must be true or false (bool), not '1'"),
        ("f64=nan", "'f64' must be a finite number (f64), not 'nan'"),
        ("f32=1e39", "'f32' must be a finite number (f32), not '1e+39'"),
        ("time=noon", "'time' must be seconds since the epoch or an ISO 8601 text (time), not"),
        ("u8s=1,2", "'u8s' must be a list of u8, as in [1, 2], not '1,2'"),
        ("u8s=[1,,2]", "'u8s' must be a list of u8, as in [1, 2], not '[1,,2]'"),
        ("u8s=[[1]]", "'u8s' must be a list of u8, as in [1, 2], not '[[1]]'"),
        ("u8s=[1,x]", "'u8s' must be a whole number (u8), not 'x'"),
        ("strings=['a]", "'strings' must be a list of string, as in [1, 2], not"),
        ('strings=["\\q"]', "'strings' must be a list of string, as in [1, 2], not"),
        ("string=\udcff", "'string' must be a text (string), not bytes that are not UTF-8"),
    ],
)
def test_a_wrong_argument_names_its_key_and_what_was_expected(text: str, sentence: str) -> None:
    (problem,) = refused(text)
    assert problem.startswith(sentence)


def test_all_problems_come_at_once() -> None:
    assert refused("u8=1", "u8=2", "x", "bool=1") == (
        "'u8' is given a second time",
        "'x' is not an argument: write key=value",
        "'bool' must be true or false (bool), not '1'",
    )


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"])).map(str.strip)
SCALARS: dict[Kind, st.SearchStrategy[object]] = {
    Kind.BOOL: st.booleans(),
    Kind.STRING: TEXTS,
    Kind.BYTES: TEXTS.map(str.encode),
    Kind.F32: st.floats(-LARGEST_F32, LARGEST_F32),
    Kind.F64: st.floats(allow_nan=False, allow_infinity=False),
    Kind.TIME: st.floats(-1e12, 1e12),
    **{kind: st.integers(allowed[0], allowed[-1]) for kind, allowed in RANGES.items()},
}


def written(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@given(st.fixed_dictionaries({}, optional={kind.value: SCALARS[kind] for kind in Kind}))
def test_written_values_read_back(values: dict[str, object]) -> None:
    texts = [f"{name}={written(value)}" for name, value in values.items()]
    assert parse_arguments(texts, SCHEMA) == values


@given(st.lists(st.text()))
def test_written_lists_of_texts_read_back(values: list[str]) -> None:
    assert parse_arguments([f"strings={json.dumps(values)}"], SCHEMA) == {"strings": values}


@given(st.sampled_from([*SCHEMA.members, "video.rate"]), st.text())
def test_no_argument_raises_anything_but_problems(name: str, value: str) -> None:
    try:
        parsed = parse_arguments([f"{name}={value}"], SCHEMA)
    except ParameterError as error:
        found = error.problems
    else:
        assert list(parsed) == [name.split(".")[0]]
        return
    assert len(found) == 1


def test_what_is_parsed_is_what_completing_takes() -> None:
    schema = parse_schema({"a": "bytes", "b": "time", "c": {"d": "u8"}})
    parsed = parse_arguments(["a=x", "b=1970-01-02", "c.d=3"], schema)
    assert complete(schema, parsed) == parsed == {"a": b"x", "b": 86400.0, "c": {"d": 3}}
