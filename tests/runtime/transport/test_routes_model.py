"""Patterns and routes against a matcher that is too simple to be wrong."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from peppy.runtime.transport.ring import Ring
from peppy.runtime.transport.routes import Routes, canonical, intersect

KEYS = st.lists(st.sampled_from("ab"), min_size=1, max_size=5).map("/".join)

PATTERNS = st.lists(st.sampled_from(["a", "b", "*", "**"]), min_size=1, max_size=5).map("/".join)


def naive(pattern: Sequence[str], key: Sequence[str]) -> bool:
    """Match as the port says it: `*` is one part, `**` any number of them."""
    if not pattern:
        return not key
    if pattern[0] == "**":
        return any(naive(pattern[1:], key[taken:]) for taken in range(len(key) + 1))
    return bool(key) and pattern[0] in ("*", key[0]) and naive(pattern[1:], key[1:])


def matches(pattern: str, key: str) -> bool:
    return naive(pattern.split("/"), key.split("/"))


@given(PATTERNS, KEYS)
def test_a_pattern_matches_the_keys_that_the_port_says(pattern: str, key: str) -> None:
    assert intersect(pattern, key) == intersect(key, pattern) == matches(pattern, key)


@given(PATTERNS, KEYS)
def test_the_canonical_spelling_matches_the_same_keys(pattern: str, key: str) -> None:
    assert matches(canonical(pattern), key) == matches(pattern, key)


@given(PATTERNS)
def test_the_canonical_spelling_is_its_own(pattern: str) -> None:
    assert canonical(canonical(pattern)) == canonical(pattern)


@given(PATTERNS, PATTERNS, KEYS)
def test_two_patterns_that_match_the_same_key_intersect(one: str, other: str, key: str) -> None:
    assert intersect(one, other) or not (matches(one, key) and matches(other, key))


@given(st.lists(st.tuples(st.sampled_from(["add", "remove", "ask"]), PATTERNS, KEYS), max_size=30))
def test_who_listens_is_right_however_rings_come_and_go(steps: list[tuple[str, str, str]]) -> None:
    routes: Routes = Routes()
    present: list[tuple[str, Ring[int]]] = []
    for step, pattern, key in steps:
        if step == "add":
            present.append((pattern, Ring("it", 1, lambda _: None)))
            routes.add(*present[-1])
        elif step == "remove" and present:
            routes.remove(present.pop(len(key) % len(present))[1])
        expected = tuple(ring for listened, ring in present if matches(listened, key))
        assert routes.listening(key) == expected
