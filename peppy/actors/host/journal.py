"""The journal on disk: what the daemon has promised, and what has happened, in SQLite.

    journal             the port's face: one call at a time, in a worker thread
    ├─ journal_file     the database: its tables, its checks, its bounds
    ├─ journal_rescue   what becomes of a damaged one
    └─ journal_errors   what SQLite's complaints mean

The file is opened at the first call. A damaged one is set aside then, and what can be read of it
goes on: that is said on stderr, and by an event.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import trio

from peppy.actors.host.daemon_log import complain
from peppy.actors.host.journal_errors import Damaged, cannot_use
from peppy.actors.host.journal_file import Contents, JournalFile, create
from peppy.actors.host.journal_rescue import refuse_newer, set_aside, written_anew
from peppy.actors.host.ports import HostError
from peppy.schema.events import Event

T = TypeVar("T")


class SqliteJournal:
    """A `Journal` in one file.

    A caller that is cancelled before its turn has come has changed nothing; one whose turn has come
    is carried out whole, and learns what came of it.
    """

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], float] = time.time,
        warn: Callable[[str], None] = complain,
    ) -> None:
        """`warn` gets a sentence about each journal that was damaged, in a worker thread."""
        self.path = path
        self._now = now
        self._warn = warn
        self._file: JournalFile | None = None
        self._turn = trio.CapacityLimiter(1)

    def __repr__(self) -> str:
        return f"<SqliteJournal {self.path}>"

    async def load(self) -> dict[str, bytes]:
        """Return every record, by its key. Raises `HostError` where they cannot be had."""
        return await self._in_turn(lambda file: file.records())

    async def commit(
        self, records: Mapping[str, bytes | None], events: Sequence[Event] = ()
    ) -> tuple[Event, ...]:
        """Write records and append events; return the events with their numbers."""
        return await self._in_turn(lambda file: file.commit(records, events))

    async def events(
        self, *, after: int = 0, since: float | None = None, limit: int | None = None
    ) -> tuple[Event, ...]:
        """Return the events that are newer, oldest first."""
        return await self._in_turn(lambda file: file.events(after, since, limit))

    async def close(self) -> None:
        """Let go of the file, also where the caller is cancelled; a later call opens it again."""
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._close, limiter=self._turn)

    async def _in_turn(self, use: Callable[[JournalFile], T]) -> T:
        return await trio.to_thread.run_sync(self._used, use, limiter=self._turn)

    def _used(self, use: Callable[[JournalFile], T]) -> T:
        """Return what `use` returns; once more if the file turns out to be damaged meanwhile."""
        try:
            return use(self._opened())
        except Damaged:
            self._close()
        try:
            return use(self._opened())
        except Damaged as error:
            self._close()
            raise HostError(f"the journal '{self.path}' is damaged: {error}") from error

    def _opened(self) -> JournalFile:
        if self._file is not None and self._file.removed:
            self._warn(written_anew(self._file, self._now()))
            self._close()
        if self._file is None:
            self._file = self._open()
        return self._file

    def _open(self) -> JournalFile:
        with cannot_use(self.path, "read"):
            there = self.path.exists()
        if not there:
            create(self.path, Contents({}))
        refuse_newer(self.path)
        try:
            return JournalFile(self.path)
        except Damaged as damage:
            self._warn(set_aside(self.path, str(damage), self._now()))
        return JournalFile(self.path)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
