"""What was seen in one run, in one order: messages, lifecycle events, lines, faults."""

import enum
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

LIMIT: Final = 100_000
"""Entries that are kept; the oldest give way, and are counted."""


class Kind(enum.Enum):
    """What an entry is."""

    MESSAGE = "message"
    EVENT = "event"
    LINE = "line"
    FAULT = "fault"


class Entry:
    """One thing that was seen."""

    __slots__ = ("_read", "_what", "at", "kind", "name", "who")

    def __init__(
        self, at: float, kind: Kind, who: str, name: str, read: Callable[[], Any] | None = None
    ) -> None:
        self.at = at
        """Seconds since the trace began."""
        self.kind = kind
        self.who = who
        """The instance id of who sent, printed or was concerned; `daemon`, `test`."""
        self.name = name
        """A topic's name, an event's kind, `stdout` or `stderr`, a fault's name."""
        self._read = read
        self._what: Any = None

    @property
    def what(self) -> Any:
        """A message as plain values, an event's or a line's text; read when first asked for."""
        if self._read is not None:
            self._what, self._read = self._read(), None
        return self._what


class Trace:
    """All entries of a run, oldest first."""

    def __init__(self, now: Callable[[], float], limit: int = LIMIT) -> None:
        """`now` tells seconds of whichever clock the run is on."""
        self._now = now
        self._began = now()
        self._entries: deque[Entry] = deque(maxlen=limit)
        self._listeners: list[Callable[[Entry], None]] = []
        self.dropped = 0

    @property
    def entries(self) -> Sequence[Entry]:
        """What is kept, oldest first."""
        return self._entries

    def add(self, kind: Kind, who: str, name: str, what: Any = None) -> None:
        """Add what is known already."""
        self.add_lazily(kind, who, name, lambda: what)

    def add_lazily(self, kind: Kind, who: str, name: str, read: Callable[[], Any]) -> None:
        """Add what costs something to read, as messages do."""
        if len(self._entries) == self._entries.maxlen:
            self.dropped += 1
        entry = Entry(self._now() - self._began, kind, who, name, read)
        self._entries.append(entry)
        for listener in self._listeners:
            listener(entry)
