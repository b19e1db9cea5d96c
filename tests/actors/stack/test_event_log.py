"""The event log: what is kept, who is told of it, and what becomes of the stack's log file."""

import errno
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.host.files import cannot
from peppy.actors.host.memory import MemoryClock
from peppy.actors.host.memory_files import File, MemoryFiles
from peppy.actors.host.memory_journal import MemoryJournal
from peppy.actors.host.ports import LOG_LIMIT, HostError
from peppy.actors.kernel import Actor, Background, Promise, Ref, run_actor
from peppy.actors.stack import event_log
from peppy.actors.stack.event_log import EventLog, log_line
from peppy.schema.events import Event, EventKind, EventsView, ListEvents
from peppy.schema.frames import Note
from peppy.schema.names import InstanceId, parse_node_id

LOG = Path("/home/robot/.peppy/stack_log.log")
FRONT = InstanceId("front")
START = 1_700_000_000.0


class SlowJournal(MemoryJournal):
    """A journal that takes a second for reading, and can be made to fail."""

    full = False

    async def commit(
        self, records: Mapping[str, bytes | None], events: Sequence[Event] = ()
    ) -> tuple[Event, ...]:
        if self.full:
            raise HostError("cannot write the journal: the disk is full")
        return await super().commit(records, events)

    async def events(
        self, *, after: int = 0, since: float | None = None, limit: int | None = None
    ) -> tuple[Event, ...]:
        found = await super().events(after=after, since=since, limit=limit)
        await trio.sleep(1)
        return found


class ShortLogs(MemoryFiles):
    """A disk whose logs are full after a few lines."""

    async def append(self, path: Path, data: bytes, *, limit: int | None = None) -> None:
        assert limit == LOG_LIMIT
        await super().append(path, data, limit=100)


class FullFiles(MemoryFiles):
    """A disk that takes nothing."""

    async def append(self, path: Path, data: bytes, *, limit: int | None = None) -> None:
        raise cannot("write", path, OSError(errno.ENOSPC, "No space left on device"))


class Keeper(Actor[Any]):
    """Holds the promises, as the daemon does."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def started(self) -> None:
        self.background(self._log.keep_log)

    def receive(self, message: Any) -> None:
        match message:
            case ListEvents():
                promise: Promise[EventsView] = self.promise(message)
                promise.on_abandon(self.background(self._log.answer, promise, message))
            case Background():
                message.cancel()
            case _:
                raise AssertionError(message)


@dataclass
class Kept:
    """A log that is kept, and ways to look at it."""

    log: EventLog
    journal: SlowJournal
    files: MemoryFiles
    daemon: Ref[Any]

    async def ask(self, **request: Any) -> list[str]:
        view = await self.daemon.ask(ListEvents(**request))
        return [event.text for event in view.events]

    def text(self) -> str:
        item = self.files.items.get(LOG)
        return item.data.decode() if isinstance(item, File) else ""

    @asynccontextmanager
    async def follower(self, into: list[Event], **request: Any) -> AsyncGenerator[None, None]:
        """Follow while the block lasts."""

        def hear(note: object) -> None:
            assert isinstance(note, Note)
            assert note.stream == "event"
            into.append(msgspec.json.decode(note.text, type=Event))

        async def follow() -> None:
            await self.daemon.ask(ListEvents(follow=True, **request), note=hear)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow)
            yield
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def kept(files: MemoryFiles | None = None) -> AsyncGenerator[Kept, None]:
    journal, disk = SlowJournal(), files or MemoryFiles()
    log = EventLog(journal, MemoryClock(START), disk, LOG)
    async with run_actor(lambda: Keeper(log), name="keeper") as keeper:
        yield Kept(log, journal, disk, keeper)
    assert log.followers == 0


async def test_what_is_noted_is_in_the_journal_with_its_time(autojump_clock: MockClock) -> None:
    async with kept() as robot:
        await trio.sleep(5)
        node = parse_node_id("camera:v1")
        await robot.log.note(EventKind.FAILED, "exit code 3", node=node, instance_id=FRONT)
        (event,) = robot.journal.log
        assert event == Event(
            number=1,
            at=event.at,
            kind=EventKind.FAILED,
            node=node,
            instance_id=FRONT,
            text="exit code 3",
        )
        assert event.at == pytest.approx(START + 5)


async def test_the_past_is_answered_as_it_was_asked_for(autojump_clock: MockClock) -> None:
    async with kept() as robot:
        for number in range(6):
            who = FRONT if number % 2 else InstanceId("rear")
            await robot.log.note(EventKind.STARTED, str(number), instance_id=who)
            await trio.sleep(10)
        assert await robot.ask() == ["0", "1", "2", "3", "4", "5"]
        assert await robot.ask(limit=2) == ["4", "5"]
        assert await robot.ask(limit=0) == []
        assert await robot.ask(since=START + 35) == ["4", "5"]
        assert await robot.ask(instance_id=FRONT) == ["1", "3", "5"]
        assert await robot.ask(instance_id=FRONT, limit=1, since=START + 15) == ["5"]
        assert await robot.ask(instance_id=FRONT, limit=0) == []


async def test_an_answer_holds_no_more_than_a_frame(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "LARGEST_ANSWER", 5000)
    async with kept() as robot:
        for number in range(9):
            await robot.log.note(EventKind.WARNING, f"{number}" * 1000)
        assert await robot.ask() == [f"{number}" * 1000 for number in range(5, 9)]


async def test_each_event_is_a_line_of_the_stack_s_log(autojump_clock: MockClock) -> None:
    async with kept() as robot:
        await robot.log.note(EventKind.STARTED, "runs (pid 7)", instance_id=FRONT)
        await robot.log.note(EventKind.WARNING, "FormatMismatch: a\nb", instance_id=FRONT)
        written = await robot.journal.commit(
            {"x": b"y"},
            [Event(number=0, at=START, kind=EventKind.DAEMON_STARTED, text="the daemon is up")],
        )
        robot.log.pass_on(written)
        await wait_all_tasks_blocked()
        lines = [text.split("] ", 1)[1] for text in robot.text().splitlines()]
        assert lines == [
            "front: runs (pid 7)",
            "[warning] front: FormatMismatch: a b",
            "the daemon is up",
        ]
        await robot.log.note(EventKind.DAEMON_STOPPED, "last words")
    assert robot.text().endswith("] last words\n")


def test_a_line_of_the_log_has_the_time_and_a_mark() -> None:
    event = Event(number=1, at=START, kind=EventKind.GIVEN_UP, node=parse_node_id("arm:v1"))
    line = log_line(event).decode()
    assert line.startswith("[2023-11-1")
    assert line.endswith("] [error] arm:v1: given up\n")


async def test_a_log_that_cannot_be_written_ends_nothing(autojump_clock: MockClock) -> None:
    async with kept(FullFiles()) as robot:
        followed: list[Event] = []
        async with robot.follower(followed):
            for number in range(event_log.LINES_WAITING + 10):
                await robot.log.note(EventKind.STARTED, str(number))
            await trio.sleep(5)
        assert len(followed) == event_log.LINES_WAITING + 10
        assert robot.daemon.is_running


async def test_a_follower_gets_the_past_and_then_what_comes(autojump_clock: MockClock) -> None:
    async with kept() as robot:
        for text in "abc":
            await robot.log.note(EventKind.STARTED, text)
        followed: list[Event] = []
        async with robot.follower(followed, limit=2):
            await trio.sleep(5)
            assert [event.text for event in followed] == ["b", "c"]
            await robot.log.note(EventKind.STARTED, "d")
            assert [event.text for event in followed] == ["b", "c", "d"]
            assert robot.log.followers == 1


async def test_a_follower_of_one_instance_hears_of_no_other(autojump_clock: MockClock) -> None:
    async with kept() as robot:
        followed: list[Event] = []
        await robot.log.note(EventKind.STARTED, "a", instance_id=FRONT)
        await robot.log.note(EventKind.STARTED, "b")
        async with robot.follower(followed, instance_id=FRONT):
            await trio.sleep(5)
            await robot.log.note(EventKind.STARTED, "c", instance_id=InstanceId("rear"))
            await robot.log.note(EventKind.FINISHED, "d", instance_id=FRONT)
        assert [event.text for event in followed] == ["a", "d"]


@given(before=st.integers(0, 3), gaps=st.lists(st.floats(0, 1.5), max_size=8), late=st.booleans())
def test_nothing_is_lost_or_doubled_between_the_past_and_the_present(
    before: int, gaps: list[float], late: bool
) -> None:
    """Events come while the past is read, and are passed on at once or somewhat later."""
    followed: list[Event] = []

    async def passing(robot: Kept, events: tuple[Event, ...]) -> None:
        await trio.sleep(0.7)
        robot.log.pass_on(events)

    async def main() -> None:
        async with kept() as robot, trio.open_nursery() as nursery:
            for number in range(before):
                await robot.log.note(EventKind.STARTED, str(number))
            async with robot.follower(followed):
                for gap in gaps:
                    await trio.sleep(gap)
                    event = Event(number=0, at=START, kind=EventKind.STARTED)
                    written = await robot.journal.commit({}, [event])
                    if late:
                        nursery.start_soon(passing, robot, written)
                    else:
                        robot.log.pass_on(written)
                await trio.sleep(5)

    trio.run(main, clock=MockClock(autojump_threshold=0))
    numbers = [event.number for event in followed]
    assert (sorted(numbers) if late else numbers) == list(range(1, before + len(gaps) + 1))


async def test_what_is_passed_on_after_the_past_was_read_comes_once(
    autojump_clock: MockClock,
) -> None:
    async with kept() as robot:
        event = Event(number=0, at=START, kind=EventKind.STARTED)
        written = await robot.journal.commit({}, [event])
        followed: list[Event] = []
        async with robot.follower(followed):
            await trio.sleep(0.5)
            robot.log.pass_on(written)
            await trio.sleep(5)
        assert followed == list(written)


async def test_the_stack_s_log_is_rotated_and_no_line_is_cut(autojump_clock: MockClock) -> None:
    async with kept(ShortLogs()) as robot:
        for number in range(8):
            await robot.log.note(EventKind.STARTED, f"number {number}", instance_id=FRONT)
            await wait_all_tasks_blocked()
    assert robot.text().endswith("number 7\n")
    older = robot.files.items[LOG.with_name(f"{LOG.name}.1")]
    assert isinstance(older, File)
    for text in (robot.text(), older.data.decode()):
        assert text.count("[20") == text.count(" front: number ") == text.count("\n") == 2


async def test_a_follower_that_leaves_is_forgotten_also_where_nothing_happens(
    autojump_clock: MockClock,
) -> None:
    async with kept() as robot:
        for _ in range(3):
            async with robot.follower([]):
                await trio.sleep(5)
                assert robot.log.followers == 1
            await wait_all_tasks_blocked()
            assert robot.log.followers == 0


async def test_a_journal_that_takes_nothing_stops_nobody_and_is_complained_of_once(
    autojump_clock: MockClock, capsys: pytest.CaptureFixture[str]
) -> None:
    async with kept() as robot:
        robot.journal.full = True
        for _ in range(3):
            await robot.log.note(EventKind.STARTED, "lost")
        assert robot.log.unwritten == 3
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert "an event is not written down" in err
        assert "the disk is full" in err
        robot.journal.full = False
        await robot.log.note(EventKind.STARTED, "kept")
        await robot.log.note(EventKind.STARTED, "also kept")
        assert robot.log.unwritten == 0
        assert await robot.ask() == [
            "3 events before this one are not written down: the journal did not take them",
            "kept",
            "also kept",
        ]


async def test_a_past_that_cannot_be_read_is_refused(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def events(**bounds: Any) -> tuple[Event, ...]:
        raise HostError("cannot read the journal")

    async with kept() as robot:
        monkeypatch.setattr(robot.journal, "events", events)
        for follow in (False, True):
            with pytest.raises(HostError, match="cannot read the journal"):
                await robot.daemon.ask(ListEvents(follow=follow))
