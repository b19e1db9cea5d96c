"""What becomes of a journal that is damaged: it is kept, and what can be read of it goes on."""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from peppy.actors.host.journal_errors import Damaged, cannot_use
from peppy.actors.host.journal_file import (
    APPLICATION,
    VERSION,
    Contents,
    JournalFile,
    create,
    event_fits,
    event_of,
    record_fits,
)
from peppy.actors.host.ports import HostError
from peppy.schema.events import Event, EventKind
from peppy.schema.wording import counted

LONGEST_RESCUE: Final = 10.0
"""Seconds; pages that point at one another in circles are read no longer than this."""

_UNREADABLE: Final = (sqlite3.Error, UnicodeDecodeError)
"""What reading a damaged file raises; messages about it may hold bytes of it."""

_STEPS: Final = 10_000
"""Instructions of SQLite between two looks at the time."""


class NewerJournal(HostError):
    """A journal that a later version has written."""

    kind = "newer_journal"

    def __init__(self, path: Path, version: int) -> None:
        super().__init__(
            f"the journal '{path}' has version {version}, this peppy reads version {VERSION}",
            hint="install the peppy that wrote it, or move it away to begin with an empty stack",
        )


def refuse_newer(path: Path) -> None:
    """Raise `NewerJournal` for what a later version wrote; only look at its first bytes."""
    with cannot_use(path, "read"):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not path.is_file():
                raise HostError(f"cannot read the journal '{path}': it is not a regular file")
            header = os.pread(descriptor, 100, 0)
        finally:
            os.close(descriptor)
    # The places are those of SQLite's file format; they are the same in all of its versions.
    version = int.from_bytes(header[60:64])
    if int.from_bytes(header[68:72]) == APPLICATION and version > VERSION:
        raise NewerJournal(path, version)


def set_aside(path: Path, why: str, now: float) -> str:
    """Keep the damaged journal under another name, and begin anew with what can be read of it.

    Return the sentence that says so; the new journal has it as an event as well. Raises
    `HostError`; then the damaged journal is still at its path.
    """
    aside = _free_name(path, now)
    with cannot_use(path, "set aside"):
        # The old name stays until the new file takes its place: a kill in between loses nothing.
        try:
            os.link(path, aside)
        except OSError:
            shutil.copy2(path, aside)
        with suppress(FileNotFoundError):
            _beside(path).replace(_beside(aside))
    contents = salvaged(aside)
    sentence = (
        f"the journal was damaged ({why}); {_count(contents)} could be read and are kept;"
        f" the damaged file is '{aside}'"
    )
    create(path, contents, Event(number=0, at=now, kind=EventKind.WARNING, text=sentence))
    return sentence


def written_anew(file: JournalFile, now: float) -> str:
    """Write a journal that somebody has removed once more, from what is still open of it."""
    sentence = f"the journal '{file.path}' was removed, or replaced, and is written anew"
    try:
        contents = file.contents()
    except Damaged as damage:
        contents, sentence = Contents({}), f"{sentence}, empty: it was damaged ({damage})"
    event = Event(number=0, at=now, kind=EventKind.WARNING, text=sentence)
    create(file.path, contents, event)
    return sentence


def salvaged(path: Path) -> Contents:
    """Return what can be read of a damaged journal; changes nothing and raises nothing."""
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)
    except sqlite3.Error:
        return Contents({})
    deadline = time.monotonic() + LONGEST_RESCUE
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    try:
        with suppress(*_UNREADABLE):
            # A file that is shorter than its header says is otherwise not read at all.
            connection.execute("PRAGMA writable_schema = ON")
        records = dict(_rows(connection, "records", "key", "key, body, sum", record_fits))
        found = _rows(connection, "events", "number", "number, at, body, sum", event_fits)
        events = (event_of(number, *row) for number, row in sorted(found))
        return Contents({k: body for k, (body,) in records.items()}, tuple(events))
    finally:
        connection.close()


def _rows(
    connection: sqlite3.Connection,
    table: str,
    key: str,
    columns: str,
    fits: Callable[..., bool],
) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Yield the key and the rest, without its sum, of each row that is what was written."""
    for value in _keys(connection, table, key):
        with suppress(*_UNREADABLE):
            query = f"SELECT {columns} FROM {table} WHERE {key} = ?"  # noqa: S608  # our own words
            for row in connection.execute(query, (value,)):
                if fits(*row):
                    yield row[0], row[1:-1]


def _keys(connection: sqlite3.Connection, table: str, key: str) -> set[Any]:
    """Return the keys from both ends to where the damage is, in the table and in its pages."""
    found: set[Any] = set()
    for direction in ("ASC", "DESC"):
        query = f"SELECT {key} FROM {table} ORDER BY {key} {direction}"  # noqa: S608
        with suppress(*_UNREADABLE):
            for (value,) in connection.execute(query):
                if isinstance(value, str | int):
                    found.add(value)
    return found


def _free_name(path: Path, now: float) -> Path:
    stamp = datetime.fromtimestamp(now).astimezone().strftime("%Y%m%d_%H%M%S")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}_{number}")
    return aside


def _beside(path: Path) -> Path:
    """Return where SQLite keeps what it needs to undo a write that has not come to its end."""
    return path.with_name(f"{path.name}-journal")


def _count(contents: Contents) -> str:
    records, events = len(contents.records), len(contents.events)
    return f"{counted(records, 'record')} and {counted(events, 'event')}"
