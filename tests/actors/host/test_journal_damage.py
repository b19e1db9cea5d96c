"""A journal on disk that is not what it was, and a disk that does not take it."""

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from peppy.actors.host import journal_file
from peppy.actors.host.journal import SqliteJournal
from peppy.actors.host.journal_rescue import NewerJournal
from peppy.actors.host.ports import HostError
from peppy.schema.events import Event, EventKind

# A real disk, and each of thousands of bytes: it goes with the tests that wait.
pytestmark = pytest.mark.e2e

RECORDS = {"node/camera:v1": b"c" * 60, "instance/front": b"f" * 300, "site": b""}
NOW = 1_700_000_000.0


def events(count: int = 4) -> list[Event]:
    return [
        Event(number=0, at=NOW + n, kind=EventKind.STARTED, text=f"{n} " * 4) for n in range(count)
    ]


class Story:
    """A journal's file, what was written to it, and what was said about it."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "journal.sqlite"
        self.said: list[str] = []
        self.log: tuple[Event, ...] = ()

    def journal(self) -> SqliteJournal:
        return SqliteJournal(self.path, now=lambda: NOW, warn=self.said.append)

    async def write(self, count: int = 4) -> bytes:
        """Return the bytes of a journal with some records and events, in small pages."""
        journal = self.journal()
        await journal.commit(RECORDS)
        self.log = await journal.commit({"gone": b"x"}, events(count))
        await journal.commit({"gone": None})
        await journal.close()
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA page_size = 512")
            connection.execute("VACUUM")
        return self.path.read_bytes()

    async def check(self, damaged: bytes | None = None) -> bool:
        """Open it: nothing is lost, or it is said; return whether it was.

        The file that is kept beside has the bytes `damaged`, if they are given.
        """
        self.said.clear()
        journal = self.journal()
        records, log = await journal.load(), await journal.events()
        await journal.close()
        beside = self.path.parent.glob("*.damaged-*")
        asides = [path for path in beside if not path.name.endswith("-journal")]
        if not self.said:
            assert (records, log, asides) == (RECORDS, self.log, [])
            return False
        (sentence,), (aside,) = self.said, asides
        assert "the journal was damaged" in sentence
        assert str(aside) in sentence
        assert damaged is None or aside.read_bytes() == damaged
        assert (log[-1].kind, log[-1].text) == (EventKind.WARNING, sentence)
        assert records.items() <= RECORDS.items()
        assert {e.text for e in log[:-1]} <= {e.text for e in self.log}
        aside.unlink()
        return True


@contextmanager
def quick_directory() -> Generator[Path, None, None]:
    """A directory in memory where there is one: thousands of journals are written there."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


async def test_a_journal_that_is_cut_at_any_byte_is_said_to_be_damaged() -> None:
    with quick_directory() as directory:
        story = Story(directory)
        whole = await story.write()
        assert not await story.check(whole)
        for length in range(len(whole)):
            story.path.write_bytes(whole[:length])
            assert await story.check(whole[:length]), length
            assert sorted(p.name for p in directory.iterdir()) == ["journal.sqlite"]


async def test_a_byte_that_is_changed_changes_nothing_unsaid() -> None:
    with quick_directory() as directory:
        story = Story(directory)
        whole = await story.write()
        noticed = 0
        for position in range(100, len(whole), 2):
            damaged = bytearray(whole)
            damaged[position] ^= 0xFF
            story.path.write_bytes(damaged)
            noticed += await story.check(bytes(damaged))
        assert noticed > 500


@pytest.mark.parametrize("seed", range(60))
async def test_garbage_is_survived(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    story = Story(tmp_path)
    damaged = bytearray(await story.write())
    for _ in range(random.randint(1, 4)):
        begin = random.randrange(len(damaged))
        damaged[begin : begin + random.randint(1, 600)] = random.randbytes(random.randint(1, 600))
    story.path.write_bytes(damaged)
    try:
        await story.check(bytes(damaged))
    except NewerJournal:
        assert story.path.read_bytes() == damaged


@pytest.mark.parametrize("text", [b"", b"hello", b"SQLite format 3\0", bytes(5000), b"x" * 100_000])
async def test_what_never_was_a_journal_is_kept_beside(text: bytes, tmp_path: Path) -> None:
    story = Story(tmp_path)
    story.path.write_bytes(text)
    assert await story.check(text)
    assert "0 records and 0 events could be read" in story.said[0]


async def test_what_lies_around_the_damage_is_carried_over(tmp_path: Path) -> None:
    story = Story(tmp_path)
    whole = await story.write(300)
    wanted = story.log[150].text.encode()
    position = whole.index(wanted)
    damaged = whole[:position] + b"?" + whole[position + 1 :]
    story.path.write_bytes(damaged)
    assert await story.check(damaged)
    journal = story.journal()
    assert await journal.load() == RECORDS
    log = await journal.events()
    assert [e.text for e in log[:-1]] == [e.text for e in story.log if e != story.log[150]]
    assert [e.number for e in log] == list(range(2, 302))
    assert await journal.commit({}, events(1)) == (
        Event(number=302, at=NOW, kind=EventKind.STARTED, text=events()[0].text),
    )
    await journal.close()


async def test_what_stands_before_a_cut_is_carried_over(tmp_path: Path) -> None:
    story = Story(tmp_path)
    whole = await story.write(300)
    cut = whole[: len(whole) * 3 // 4]
    story.path.write_bytes(cut)
    assert await story.check(cut)
    journal = story.journal()
    assert await journal.load() == RECORDS
    assert len(await journal.events()) > 100
    await journal.close()


async def test_what_is_left_of_a_journal_that_was_removed_reaches_no_new_one(
    tmp_path: Path,
) -> None:
    story = Story(tmp_path)
    await story.write()
    beside = Path(f"{story.path}-journal")
    with closing(sqlite3.connect(story.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("UPDATE records SET body = zeroblob(3000)")
        undo = beside.read_bytes()
        connection.execute("ROLLBACK")
    story.path.unlink()
    beside.write_bytes(undo)
    journal = story.journal()
    assert (await journal.load(), await journal.events(), story.said) == ({}, (), [])
    await journal.close()


async def test_a_record_that_cannot_be_written_takes_the_whole_commit_with_it(
    tmp_path: Path,
) -> None:
    journal = Story(tmp_path).journal()
    with pytest.raises(UnicodeEncodeError):
        await journal.commit({"a": b"1", "\udcff": b"2"})
    assert await journal.load() == {}
    await journal.commit({"b": b"3"})
    assert await journal.load() == {"b": b"3"}
    await journal.close()


async def test_a_record_that_another_program_has_taken_out_is_missed(tmp_path: Path) -> None:
    story = Story(tmp_path)
    await story.write()
    with closing(sqlite3.connect(story.path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM records WHERE key = 'site'")
    assert await story.check(story.path.read_bytes())
    assert "records are missing" in story.said[0]


async def test_damage_while_the_journal_is_open_is_survived_too(tmp_path: Path) -> None:
    story = Story(tmp_path)
    whole = await story.write(300)
    journal = story.journal()
    await journal.load()
    os.truncate(story.path, len(whole) // 2)
    await journal.commit({"more": b"m"})
    records = await journal.load()
    await journal.close()
    assert len(story.said) == 1
    assert records["more"] == b"m"


async def test_half_a_commit_is_undone_wherever_its_undoing_is_cut(tmp_path: Path) -> None:
    story = Story(tmp_path)
    whole = await story.write()
    journal = Path(f"{story.path}-journal")
    with closing(sqlite3.connect(story.path, isolation_level=None)) as connection:
        # Pages are written before the commit where the cache is too small for them.
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("UPDATE records SET body = zeroblob(3000), sum = 0")
        connection.execute("UPDATE state SET digest = 0")
        half, undo = story.path.read_bytes(), journal.read_bytes()
        connection.execute("ROLLBACK")
    assert half != whole
    noticed = 0
    for length in range(0, len(undo) + 1, 16):
        story.path.write_bytes(half)
        journal.write_bytes(undo[:length])
        noticed += await story.check()  # what SQLite has undone in part is kept as it is then
        for path in tmp_path.glob("*.damaged-*"):
            path.unlink()
        journal.unlink(missing_ok=True)
    assert noticed > 0
    story.path.write_bytes(half)
    journal.write_bytes(undo)
    assert not await story.check()


async def test_a_newer_journal_is_left_as_it_is(tmp_path: Path) -> None:
    story = Story(tmp_path)
    await story.write()
    with closing(sqlite3.connect(story.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 7")
        connection.execute("DROP TABLE events")
    before = story.path.read_bytes()
    with pytest.raises(NewerJournal, match=r"has version 7, this peppy reads version 1") as refused:
        await story.journal().load()
    assert "install the peppy that wrote it" in (refused.value.hint or "")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [before]


@contextmanager
def full_disk(size: int) -> Generator[None, None, None]:
    """Let no file of this process grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_what_does_not_fit_has_not_happened_and_what_fits_later_does(tmp_path: Path) -> None:
    story = Story(tmp_path)
    journal = story.journal()
    await journal.commit({"a": b"1"})
    with full_disk(story.path.stat().st_size + 8192):
        for _ in range(3):
            with pytest.raises(HostError, match="cannot write the journal"):
                await journal.commit({"a": b"2", "b": b"x" * 100_000}, events())
        assert (await journal.load(), await journal.events()) == ({"a": b"1"}, ())
        await journal.commit({"a": b"3"})
    (written, *_) = await journal.commit({"b": b"x" * 100_000}, events())
    assert written.number == 1
    await journal.close()
    assert await story.journal().load() == {"a": b"3", "b": b"x" * 100_000}
    assert story.said == []


async def test_a_journal_that_does_not_fit_at_all_is_refused(tmp_path: Path) -> None:
    story = Story(tmp_path)
    with full_disk(1000), pytest.raises(HostError, match="cannot write the journal"):
        await story.journal().load()
    assert list(tmp_path.iterdir()) == []


async def test_where_nothing_can_be_written_a_damaged_journal_stays(tmp_path: Path) -> None:
    story = Story(tmp_path)
    damaged = (await story.write())[:-5]
    story.path.write_bytes(damaged)
    with full_disk(1000), pytest.raises(HostError):
        await story.journal().load()
    assert story.path.read_bytes() == damaged


@pytest.mark.parametrize("where", ["file/journal.sqlite", "absent/journal.sqlite", "directory"])
async def test_a_place_that_cannot_hold_a_journal_is_named(where: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    path = tmp_path / where
    with pytest.raises(HostError, match=str(path)):
        await SqliteJournal(path).load()


async def test_a_pipe_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(HostError, match="not a regular file"):
        await SqliteJournal(tmp_path / "pipe").load()


async def test_who_holds_it_locked_is_waited_for_and_then_named_as_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_file, "BUSY", 0.2)
    story = Story(tmp_path)
    journal = story.journal()
    await journal.commit({"a": b"1"})
    holder = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        " c.execute('BEGIN EXCLUSIVE'); print('held', flush=True); input()"
    )
    with subprocess.Popen(  # noqa: ASYNC220  # it is read from and killed, and not waited for
        [sys.executable, "-c", holder, story.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        for asking in (journal, story.journal()):
            with pytest.raises(HostError, match="another program holds it locked"):
                await asking.commit({"a": b"2"})
        other.kill()
    await journal.commit({"a": b"3"})
    assert (await journal.load(), story.said) == ({"a": b"3"}, [])
    await journal.close()


async def test_a_journal_that_is_removed_under_the_daemon_is_written_anew(tmp_path: Path) -> None:
    story = Story(tmp_path)
    await story.write()
    journal = story.journal()
    await journal.load()
    story.path.unlink()
    await journal.commit({"more": b"m"})
    await journal.close()
    again = story.journal()
    assert await again.load() == {**RECORDS, "more": b"m"}
    assert [e.text for e in await again.events()] == [e.text for e in story.log] + story.said
    await again.close()


async def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    story = Story(tmp_path)
    await story.write()
    assert story.path.stat().st_mode & 0o777 == 0o600


async def test_the_newest_events_stay_and_the_oldest_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_file, "MOST_EVENTS", 50)
    monkeypatch.setattr(journal_file, "KEPT_ANYWAY", 5)
    journal = Story(tmp_path).journal()
    await journal.commit({}, events(60))
    assert [e.number for e in await journal.events()] == list(range(11, 61))
    month = journal_file.LONGEST_KEPT
    late = Event(number=0, at=NOW + 40 + month, kind=EventKind.STARTED)
    await journal.commit({}, [late])
    assert [e.number for e in await journal.events()] == list(range(41, 62))
    much_later = Event(number=0, at=NOW + 10 * month, kind=EventKind.STARTED)
    await journal.commit({}, [much_later])
    assert [e.number for e in await journal.events()] == list(range(58, 63))
    await journal.close()
    again = Story(tmp_path)
    assert len(await again.journal().events()) == 5
    assert again.said == []
