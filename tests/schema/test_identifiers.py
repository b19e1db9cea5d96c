"""Names as identifiers."""

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.schema.identifiers import collisions, identifier


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("video_stream", "video_stream"),
        ("Video-Stream", "video_stream"),
        ("0front", "_0front"),
        ("class", "class_"),
        ("Class", "class_"),
        ("a.b c", "a_b_c"),
        ("é", "_"),
        ("", "_"),
    ],
)
def test_a_name_becomes_this_identifier(name: str, expected: str) -> None:
    assert identifier(name) == expected


@given(st.text())
def test_every_text_becomes_an_identifier_that_is_no_keyword(name: str) -> None:
    made = identifier(name)
    assert made.isidentifier()
    assert made.isascii()
    assert not keyword.iskeyword(made)


@given(st.text())
def test_an_identifier_stays_as_it_is(name: str) -> None:
    assert identifier(identifier(name)) == identifier(name)


def test_collisions_name_the_later_and_the_earlier_name() -> None:
    assert collisions(["a-b", "c", "A_b", "c", "a_b"]) == [("A_b", "a-b"), ("a_b", "a-b")]
