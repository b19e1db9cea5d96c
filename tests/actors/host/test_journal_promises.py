"""What every journal promises, in memory and on disk; on disk it is opened anew in between."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from peppy.actors.host.journal import SqliteJournal
from peppy.actors.host.memory_journal import MemoryJournal
from peppy.actors.host.ports import Journal
from peppy.schema.events import Event, EventKind
from peppy.schema.names import InstanceId, parse_node_id


def event(text: str = "", at: float = 1.0) -> Event:
    return Event(number=0, at=at, kind=EventKind.STARTED, text=text)


@asynccontextmanager
async def opened(kind: str, place: Path) -> AsyncGenerator[Journal, None]:
    if kind == "memory":
        yield MemoryJournal()
        return
    journal = SqliteJournal(place / "journal.sqlite")
    yield journal
    await journal.close()


both = pytest.mark.parametrize("kind", ["memory", "sqlite"])


@both
async def test_it_begins_empty(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path) as journal:
        assert await journal.load() == {}
        assert await journal.events() == ()


@both
async def test_a_record_is_replaced_and_removed_by_its_key(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path) as journal:
        await journal.commit({"a": b"1", "b": b"2"})
        await journal.commit({"a": b"3", "b": None, "absent": None, "c": b""})
        assert await journal.load() == {"a": b"3", "c": b""}


@both
async def test_events_are_numbered_in_their_order_whatever_number_they_had(
    kind: str, tmp_path: Path
) -> None:
    async with opened(kind, tmp_path) as journal:
        first = await journal.commit({}, [event("a"), replace(event("b"), number=17)])
        second = await journal.commit({"x": b"y"}, [event("c")])
        assert [(e.number, e.text) for e in (*first, *second)] == [(1, "a"), (2, "b"), (3, "c")]
        assert await journal.events() == (*first, *second)
        assert await journal.commit({"x": None}) == ()


@both
async def test_an_event_comes_back_with_all_that_it_says(kind: str, tmp_path: Path) -> None:
    said = Event(
        number=0,
        at=1_700_000_000.123456,
        kind=EventKind.UNHEALTHY,
        node=parse_node_id("camera:v1"),
        instance_id=InstanceId("front"),
        text="no answer: 'zäh'\n\x00",
    )
    async with opened(kind, tmp_path) as journal:
        await journal.commit({}, [said])
        assert await journal.events() == (replace(said, number=1),)


@both
async def test_of_the_events_that_fit_the_newest_stay(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path) as journal:
        await journal.commit({}, [event(str(n), at=float(n % 4)) for n in range(1, 9)])

        async def numbers(**bounds: Any) -> list[int]:
            return [e.number for e in await journal.events(**bounds)]

        assert await numbers(after=6) == [7, 8]
        assert await numbers(since=3.0) == [3, 7]
        assert await numbers(since=2.0, after=2) == [3, 6, 7]
        assert await numbers(limit=2) == [7, 8]
        assert await numbers(limit=0) == []
        assert await numbers(after=1, since=1.0, limit=3) == [5, 6, 7]


@both
async def test_calls_are_carried_out_in_their_order(kind: str, tmp_path: Path) -> None:
    numbers: list[int] = []

    async def commit(journal: Journal, number: int) -> None:
        (written,) = await journal.commit({"last": b"%d" % number}, [event(str(number))])
        numbers.append(written.number)

    async with opened(kind, tmp_path) as journal:
        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(commit, journal, number)
        assert numbers == list(range(1, 51))
        texts = [e.text for e in await journal.events()]
        assert sorted(texts, key=int) == [str(n) for n in range(50)]
        assert await journal.load() == {"last": texts[-1].encode()}


@both
async def test_who_is_cancelled_before_has_written_nothing(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path) as journal:
        await journal.load()
        with trio.CancelScope() as scope:
            scope.cancel()
            await journal.commit({"a": b"1"}, [event()])
        assert scope.cancelled_caught
        assert (await journal.load(), await journal.events()) == ({}, ())


async def test_who_is_cancelled_meanwhile_has_written_all_and_knows_it(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    written: tuple[Event, ...] = ()
    with trio.CancelScope() as scope:
        trio.lowlevel.current_trio_token().run_sync_soon(scope.cancel)
        written = await journal.commit({"a": b"1"}, [event("b")])
        await trio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert [e.text for e in written] == ["b"]
    assert await journal.load() == {"a": b"1"}
    with trio.CancelScope() as scope:
        scope.cancel()
        await journal.close()
    assert not scope.cancelled_caught


KEYS = st.sampled_from(["node/a:v1", "node/b:v1", "instance/front", "site", ""])
BODIES = st.none() | st.binary(max_size=9000)
EVENTS = st.lists(st.builds(event, st.text(max_size=50), st.floats(0, 2e9)), max_size=3)


class JournalMachine(RuleBasedStateMachine):
    """Commits against a dictionary and a list, with new beginnings in between."""

    place: TemporaryDirectory[str] | None = None
    journal: Any

    @initialize(memory=st.booleans())
    def begin(self, memory: bool) -> None:
        self.records: dict[str, bytes] = {}
        self.log: list[Event] = []
        if memory:
            self.journal = MemoryJournal()
            return
        self.place = TemporaryDirectory()
        self.journal = SqliteJournal(Path(self.place.name, "journal.sqlite"), warn=self.complain)

    def complain(self, sentence: str) -> None:
        raise AssertionError(sentence)

    @rule(records=st.dictionaries(KEYS, BODIES, max_size=4), events=EVENTS)
    def commit(self, records: dict[str, bytes | None], events: list[Event]) -> None:
        written = trio.run(self.journal.commit, records, events)
        for key, body in records.items():
            if body is None:
                self.records.pop(key, None)
            else:
                self.records[key] = body
        expected = [replace(e, number=n) for n, e in enumerate(events, len(self.log) + 1)]
        assert list(written) == expected
        self.log += expected

    @rule(close=st.booleans())
    def open_again(self, close: bool) -> None:
        """As a daemon that has ended, or was killed, and its successor."""
        if isinstance(self.journal, SqliteJournal):
            before = self.journal
            if close:
                trio.run(before.close)
            self.journal = SqliteJournal(before.path, warn=self.complain)
            trio.run(self.journal.load)
            trio.run(before.close)

    @invariant()
    def it_holds_what_was_written(self) -> None:
        assert trio.run(self.journal.load) == self.records
        assert list(trio.run(self.journal.events)) == self.log

    def teardown(self) -> None:
        if self.place is not None:
            trio.run(self.journal.close)
            assert list(Path(self.place.name).iterdir()) == [self.journal.path]
            self.place.cleanup()


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
