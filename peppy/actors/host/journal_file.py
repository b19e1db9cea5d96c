"""The journal's file: an SQLite database, as plain functions that block. `journal` is its face.

It keeps a rollback journal rather than a write-ahead log: one file then holds all that was promised
whenever nothing is being written, also after a kill, and a file that is cut is seen to be cut. What
is missing at the end of a write-ahead log is missed by nobody. A commit costs about a millisecond
more for it, and there is none where time counts.

SQLite's own checks find a broken structure; the sums beside each row, the digest over all records
and the bounds of the events find what has a sound structure and is not what was written.
"""

import os
import sqlite3
import struct
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from peppy.actors.host.journal_errors import Damaged, cannot_use
from peppy.schema.events import Event, EventKind

VERSION: Final = 1
"""Goes up when an older daemon could misread the file."""

APPLICATION: Final = int.from_bytes(b"ppyj")
"""What SQLite's header says the file is for."""

MOST_EVENTS: Final = 100_000
"""How many events are kept; about 20 MB."""

LONGEST_KEPT: Final = 30 * 24 * 3600.0
"""Seconds, counted back from the newest event."""

KEPT_ANYWAY: Final = 1000
"""Events that stay however old they seem: clocks jump, and robots stand in a store for months."""

BUSY: Final = 3.0
"""Seconds that somebody else may hold the file before a call is refused."""

_SCHEMA: Final = f"""
    PRAGMA application_id = {APPLICATION};
    PRAGMA user_version = {VERSION};
    CREATE TABLE records (
        key TEXT PRIMARY KEY, body BLOB NOT NULL, sum INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE events (
        number INTEGER PRIMARY KEY, at REAL NOT NULL, body BLOB NOT NULL, sum INTEGER NOT NULL
    );
    CREATE TABLE state (digest INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL);
"""

_decode: Final = msgspec.msgpack.Decoder(Event).decode


class Contents(msgspec.Struct, frozen=True):
    """What a journal holds."""

    records: dict[str, bytes]
    events: tuple[Event, ...] = ()
    """With numbers that ascend, gaps or not."""


class JournalFile:
    """An open journal. Its methods raise `HostError`, or `Damaged` for what cannot be read."""

    def __init__(self, path: Path) -> None:
        """Open the journal at `path`, which is there, and look through all of it."""
        self.path = path
        status = path.stat()
        self._identity = (status.st_dev, status.st_ino)
        with cannot_use(path, "open"):
            self.connection = sqlite3.connect(
                path, timeout=BUSY, isolation_level=None, check_same_thread=False
            )
            try:
                # Without EXTRA, a power cut can bring a finished rollback journal back.
                for setting in ("journal_mode = DELETE", "synchronous = EXTRA"):
                    self.connection.execute(f"PRAGMA {setting}")
                self.connection.execute("PRAGMA temp_store = MEMORY")
                self._verify()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Let go of the file; fine if it is closed."""
        with suppress(sqlite3.Error):
            self.connection.close()

    @property
    def removed(self) -> bool:
        """Whether the file is no longer at its path: what is written then reaches nobody."""
        try:
            status = self.path.stat()
        except OSError:
            return True
        return (status.st_dev, status.st_ino) != self._identity

    def records(self) -> dict[str, bytes]:
        """Return every record."""
        with cannot_use(self.path, "read"):
            return dict(self.connection.execute("SELECT key, body FROM records"))

    def commit(
        self, records: Mapping[str, bytes | None], events: Sequence[Event]
    ) -> tuple[Event, ...]:
        """Write all of it or nothing; return the events with their numbers."""
        with cannot_use(self.path, "write"):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                numbered = self._write(records, events)
                self.connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has rolled it back already
                    self.connection.execute("ROLLBACK")
                raise
        return numbered

    def events(self, after: int, since: float | None, limit: int | None) -> tuple[Event, ...]:
        """Return the events that are newer, oldest first."""
        with cannot_use(self.path, "read"):
            rows = self.connection.execute(
                "SELECT number, at, body FROM events WHERE number > ? AND at >= ?"
                " ORDER BY number DESC LIMIT ?",
                (after, float("-inf") if since is None else since, -1 if limit is None else limit),
            )
            return tuple(event_of(*row) for row in rows)[::-1]

    def contents(self) -> Contents:
        """Return everything."""
        return Contents(self.records(), self.events(0, None, None))

    def _write(
        self, records: Mapping[str, bytes | None], events: Sequence[Event]
    ) -> tuple[Event, ...]:
        run = self.connection.execute
        digest, first, last = run("SELECT digest, first, last FROM state").fetchone()
        for key, body in records.items():
            for (old,) in run("SELECT sum FROM records WHERE key = ?", (key,)).fetchall():
                digest ^= old
            if body is None:
                run("DELETE FROM records WHERE key = ?", (key,))
            else:
                digest ^= record_sum(key, body)
                run("REPLACE INTO records VALUES (?, ?, ?)", (key, body, record_sum(key, body)))
        numbered = tuple(replace(event, number=n) for n, event in enumerate(events, last + 1))
        if numbered:
            self.connection.executemany(
                "INSERT INTO events VALUES (?, ?, ?, ?)", map(_event_row, numbered)
            )
            last = numbered[-1].number
            first = self._trim(first, last, numbered[-1].at)
        run("UPDATE state SET digest = ?, first = ?, last = ?", (digest, first, last))
        return numbered

    def _trim(self, first: int, last: int, now: float) -> int:
        """Remove what is too old or too much; return the first number that stays."""
        run = self.connection.execute
        most = max(first, last - MOST_EVENTS + 1)
        young = run(
            "SELECT number FROM events WHERE number >= ? AND (at >= ? OR number > ?)"
            " ORDER BY number LIMIT 1",
            (most, now - LONGEST_KEPT, last - KEPT_ANYWAY),
        ).fetchone()
        run("DELETE FROM events WHERE number < ?", young)
        return int(young[0])

    def _verify(self) -> None:
        """Raise `Damaged` unless everything is as it was written."""
        run = self.connection.execute
        (pages,) = run("SELECT count(*) FROM sqlite_master").fetchone()  # rolls back what is open
        (pages,), (size,) = run("PRAGMA page_count").fetchone(), run("PRAGMA page_size").fetchone()
        if self.path.stat().st_size != pages * size:
            raise Damaged("its size is not that of its pages")
        (found,) = run("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise Damaged("its pages do not fit together")
        digest = 0
        for key, body, checksum in run("SELECT key, body, sum FROM records"):
            if not record_fits(key, body, checksum):
                raise Damaged("a record is not what was written")
            digest ^= checksum
        numbers: list[int] = []
        for row in run("SELECT number, at, body, sum FROM events ORDER BY number"):
            if not event_fits(*row):
                raise Damaged("an event is not what was written")
            numbers.append(row[0])
        (state,) = run("SELECT digest, first, last FROM state").fetchall() or [None]
        if state is None or digest != state[0]:
            raise Damaged("records are missing")
        if numbers != list(range(state[1], state[2] + 1)):
            raise Damaged("events are missing")


def create(path: Path, contents: Contents, *more: Event) -> None:
    """Put a new journal at `path` in one step, with `more` events at the end of its contents.

    Raises `HostError`; then what was there is still there. The events are numbered anew if there
    are gaps in their numbers, so that the newest one keeps its own.
    """
    new = path.with_name(f"{path.name}.new")
    with cannot_use(path, "write"):
        try:
            new.unlink(missing_ok=True)
            _fill(new, contents, more)
            # A rollback journal of the file before would be rolled back into the new one.
            path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
            new.replace(path)
            _sync(path.parent)
        finally:
            new.unlink(missing_ok=True)


def _fill(new: Path, contents: Contents, more: Sequence[Event]) -> None:
    last = contents.events[-1].number if contents.events else 0
    old = contents.events[-MOST_EVENTS:]
    first = last - len(old) + 1
    events = [replace(event, number=n) for n, event in enumerate((*old, *more), first)]
    rows = [(key, body, record_sum(key, body)) for key, body in contents.records.items()]
    digest = 0
    for row in rows:
        digest ^= row[2]
    connection = sqlite3.connect(new, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = OFF")  # nobody sees it before it is whole
        connection.executescript(f"BEGIN; {_SCHEMA}")
        connection.executemany("INSERT INTO records VALUES (?, ?, ?)", rows)
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", map(_event_row, events))
        last = first + len(events) - 1
        connection.execute("INSERT INTO state VALUES (?, ?, ?)", (digest, first, last))
        connection.execute("COMMIT")
    finally:
        connection.close()
    new.chmod(0o600)
    _sync(new)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def record_sum(key: str, body: bytes) -> int:
    """Return what a record's row has as its sum."""
    return zlib.crc32(body, zlib.crc32(key.encode() + b"\0"))


def record_fits(key: object, body: object, checksum: object) -> bool:
    """Say whether a row of records is one that was written."""
    return isinstance(key, str) and isinstance(body, bytes) and checksum == record_sum(key, body)


def event_fits(number: object, at: object, body: object, checksum: object) -> bool:
    """Say whether a row of events is one that was written."""
    return (
        isinstance(number, int)
        and isinstance(at, float)
        and isinstance(body, bytes)
        and checksum == _event_sum(number, at, body)
    )


def event_of(number: int, at: float, body: bytes) -> Event:
    """Return the event of a row; of a kind that a later version has made, only when it was."""
    try:
        return _decode(body)
    except msgspec.MsgspecError:
        text = "what happened here is of a kind that this version of peppy does not know"
        return Event(number=number, at=at, kind=EventKind.WARNING, text=text)


def _event_row(event: Event) -> tuple[int, float, bytes, int]:
    body = msgspec.msgpack.encode(event)
    return event.number, event.at, body, _event_sum(event.number, event.at, body)


def _event_sum(number: int, at: float, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(struct.pack(">qd", number, at)))
