"""What the datastore holds, against a plain dict; and each limit, at it and one beyond."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from peppy.actors.rules.datastore import BadWriter, DatastoreFull, Values
from peppy.schema.datastore import (
    COMMAND_LINE,
    LARGEST_VALUE,
    LONGEST_ENCODING,
    LONGEST_KEY,
    BadKey,
    DatastoreEntry,
    DatastoreRefusal,
    Encoding,
    SetValue,
    StoredValue,
    ValueTooLarge,
)

TEXT = Encoding.TEXT_PLAIN

MOST_KEYS = 4
LARGEST = 120

keys = st.sampled_from(["a", "b", "é", "zz", "\0", "q" * 30])
encodings = st.sampled_from([TEXT, Encoding("image/gif")])


def put(values: Values, key: str, value: bytes = b"x", by: str = "front") -> bool:
    return values.set(SetValue(key=key, value=value, encoding=TEXT, by=by))


def size_of(key: str, stored: StoredValue) -> int:
    return len(key.encode()) + len(stored.value) + len(stored.encoding.encode())


class Against(RuleBasedStateMachine):
    """The store does what a dict does, or refuses and changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.values = Values(most_keys=MOST_KEYS, largest=LARGEST)
        self.model: dict[str, StoredValue] = {}

    @rule(key=keys, value=st.binary(max_size=60), encoding=encodings)
    def sets(self, key: str, value: bytes, encoding: Encoding) -> None:
        wanted = {**self.model, key: StoredValue(value, encoding, "front")}
        fits = (
            len(wanted) <= MOST_KEYS and sum(size_of(*item) for item in wanted.items()) <= LARGEST
        )
        request = SetValue(key=key, value=value, encoding=encoding, by="front")
        if fits:
            assert self.values.set(request) is (key in self.model)
            self.model = wanted
        else:
            with pytest.raises(DatastoreFull):
                self.values.set(request)

    @rule(key=keys)
    def removes(self, key: str) -> None:
        assert self.values.remove(key) is (self.model.pop(key, None) is not None)

    @invariant()
    def holds_what_the_dict_holds(self) -> None:
        assert self.values.bytes == sum(size_of(*item) for item in self.model.items())
        assert len(self.values) == len(self.model)
        for key in ("a", "b", "é", "zz", "\0", "q" * 30):
            assert self.values.get(key) == self.model.get(key)

    @rule(size=st.integers(min_value=1, max_value=3))
    def pages_show_each_key_once_and_in_order(self, size: int) -> None:
        seen: list[DatastoreEntry] = []
        more = True
        while more:
            page = self.values.page(seen[-1].key if seen else "", size)
            seen.extend(page.entries)
            more = page.more
        assert seen == [
            DatastoreEntry(key, stored.encoding, "front", len(stored.value))
            for key, stored in sorted(self.model.items())
        ]


TestAgainst = Against.TestCase
TestAgainst.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("call", [Values.get, Values.remove, put])
@pytest.mark.parametrize("key", ["", "é" * (LONGEST_KEY // 2) + "x", "\ud800"])
def test_what_cannot_be_a_key_is_refused(call: Callable[[Values, str], object], key: str) -> None:
    with pytest.raises(BadKey):
        call(Values(), key)


def test_the_longest_key_the_longest_encoding_and_the_largest_value_are_kept() -> None:
    values = Values()
    key, encoding = "é" * (LONGEST_KEY // 2), Encoding("x" * LONGEST_ENCODING)
    value = bytes(LARGEST_VALUE)
    assert not values.set(SetValue(key=key, value=value, encoding=encoding))
    assert values.get(key) == StoredValue(value, encoding, COMMAND_LINE)


@pytest.mark.parametrize(
    ("value", "encoding"),
    [(bytes(LARGEST_VALUE + 1), TEXT), (b"", Encoding("x" * (LONGEST_ENCODING + 1)))],
)
def test_what_is_longer_is_refused_and_changes_nothing(value: bytes, encoding: Encoding) -> None:
    values = Values()
    with pytest.raises(ValueTooLarge):
        values.set(SetValue(key="a", value=value, encoding=encoding))
    assert len(values) == values.bytes == 0


@given(by=st.sampled_from(["", "front door", "a/b", "x" * 129]))
def test_a_writer_without_a_name_is_refused(by: str) -> None:
    with pytest.raises(BadWriter):
        put(Values(), "a", by=by)


def test_a_full_store_still_takes_a_smaller_value_for_a_key_that_it_has() -> None:
    values = Values(largest=100)
    put(values, "a", bytes(80))
    with pytest.raises(DatastoreFull) as refused:
        put(values, "a", bytes(90))
    assert refused.value.hint is not None
    assert put(values, "a", bytes(70))


def test_the_last_page_is_known_to_be_the_last() -> None:
    values = Values()
    for key in "abcd":
        put(values, key)
    assert [values.page("", size).more for size in (1, 3, 4, 5)] == [True, True, False, False]
    assert [values.page("b", size).more for size in (1, 2)] == [True, False]


def test_every_refusal_is_one_that_a_person_can_tell_apart() -> None:
    kinds = {kind.kind for kind in (BadKey, ValueTooLarge, DatastoreFull, BadWriter)}
    assert len(kinds - {DatastoreRefusal.kind}) == 4
