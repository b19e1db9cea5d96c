"""Patterns mean in memory what they mean to zenoh."""

import contextlib

import pytest
import zenoh
from hypothesis import example, given
from hypothesis import strategies as st

from peppy.runtime.transport.ring import Ring
from peppy.runtime.transport.routes import BadKey, Routes, canonical, intersect

PATTERNS = st.lists(st.sampled_from(["a", "b", "*", "**"]), min_size=1, max_size=5).map("/".join)

TEXTS = st.text("a*/$#?@é ", min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("a/*", "a/b", True),
        ("a/*", "a", False),
        ("a/*", "a/b/c", False),
        ("a/**", "a", True),
        ("**/c", "a/b/c", True),
        ("a/*/c", "a/**", True),
        ("a/*", "b/**", False),
    ],
)
def test_one_star_is_one_part_and_two_are_any_number(
    pattern: str, key: str, expected: bool
) -> None:
    assert intersect(pattern, key) is expected


@given(PATTERNS, PATTERNS)
def test_two_patterns_intersect_where_zenoh_says_so(one: str, other: str) -> None:
    one, other = canonical(one), canonical(other)
    assert intersect(one, other) == zenoh.KeyExpr(one).intersects(other)


@given(PATTERNS)
def test_the_canonical_spelling_is_zenohs(pattern: str) -> None:
    assert canonical(pattern) == str(zenoh.KeyExpr.autocanonize(pattern))


@given(TEXTS)
@example("a//b")
@example("/a")
@example("a*")
def test_what_is_taken_as_a_key_zenoh_takes_too(text: str) -> None:
    with contextlib.suppress(BadKey):
        key = canonical(text)
        assert str(zenoh.KeyExpr(key)) == key


def test_a_ring_that_was_removed_listens_no_more() -> None:
    routes: Routes = Routes()
    rings = [Ring[int]("it", 1, lambda _: None) for _ in range(2)]
    for ring in rings:
        routes.add("a/*", ring)
    assert routes.listening("a/b") == tuple(rings)
    routes.remove(rings[0])
    assert routes.listening("a/b") == (rings[1],)
    assert routes.listening("b") == ()
