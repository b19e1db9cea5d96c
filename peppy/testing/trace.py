"""What was seen in one run, in one order: messages, lifecycle events, lines, faults."""

from collections import deque
from collections.abc import Callable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Protocol

import anyio

from peppy.schema.errors import PeppyError
from peppy.testing import trace_shown, trace_text
from peppy.testing.present import PRESENT
from peppy.testing.sentences import Sentence
from peppy.testing.trace_abridged import LARGE
from peppy.testing.trace_entry import Entry, Kind
from peppy.testing.trace_shown import NotShown, Shown

__all__ = ["Entry", "Kind", "NotShown", "Shown", "Trace"]

LIMIT: Final = 100_000
"""Messages that are kept, and as many other entries; the oldest give way, and are counted."""

MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes of large messages that are kept: of those before, only the length and a digest."""

UNTIL: Final = 10.0
"""Seconds that are waited for something if the test does not say how long."""


class Names(Protocol):
    """What there is, and was, by name where a run takes place."""

    def check(self, sentence: Sentence) -> None:
        """Raise `PeppyError` if nothing that is there can ever be this."""
        ...


class Trace:
    """All entries of a run, oldest first.

    Claims about what is not there by name, so that they would hold or fail whatever happens, raise
    `PeppyError`.
    """

    def __init__(
        self, now: Callable[[], float], limit: int = LIMIT, most_bytes: int = MOST_BYTES
    ) -> None:
        """`now` tells seconds of whichever clock the run is on."""
        self._now = now
        self._began = now()
        self._count = 0
        self._lost: set[Kind] = set()
        # Apart, so that the frames of a camera do not push the one event out that matters.
        self._messages: deque[tuple[int, Entry]] = deque(maxlen=limit)
        self._others: deque[tuple[int, Entry]] = deque(maxlen=limit)
        self._most_bytes = most_bytes
        self._bytes = 0
        self._large: deque[tuple[Entry, int]] = deque()
        """Those whose bytes are kept."""
        self._listeners: list[Callable[[Entry], None]] = []
        self.names: Names | None = None
        """What there is by name where the run takes place; else any name may be right."""
        if (test := PRESENT.get()) is not None:
            test.traces.append(self)

    @property
    def entries(self) -> Sequence[Entry]:
        """What is kept, oldest first."""
        numbered = [*self._messages, *self._others]
        numbered.sort(key=itemgetter(0))
        return [entry for _, entry in numbered]

    @property
    def dropped(self) -> int:
        """How many entries are no longer kept."""
        return self._count - len(self._messages) - len(self._others)

    def add(self, kind: Kind, who: str, name: str, what: Any = None) -> None:
        """Add what is known already."""
        self.add_lazily(kind, who, name, lambda: what)

    def add_lazily(
        self, kind: Kind, who: str, name: str, read: Callable[[], Any], size: int = 0
    ) -> None:
        """Add what costs something to read, as messages do, and about how many bytes it keeps."""
        entry = Entry(self._now() - self._began, kind, who, name, read)
        kept = self._messages if kind is Kind.MESSAGE else self._others
        if len(kept) == kept.maxlen:
            self._lost.add(kept[0][1].kind)
        kept.append((self._count, entry))
        self._count += 1
        if self._listeners:
            for listener in tuple(self._listeners):
                listener(entry)
        if size >= LARGE:
            self._large.append((entry, size))
            self._bytes += size
            while self._bytes > self._most_bytes:
                oldest, size = self._large.popleft()
                self._bytes -= size
                oldest.abridge()

    # What it has to show.

    def shows(self, sentence: Sentence) -> Shown:
        """See that an entry is this; go on with `then`, `before`, `times`. Raises `NotShown`."""
        self._check(sentence)
        return trace_shown.shown(self.entries, sentence)

    def never_shows(
        self, sentence: Sentence, *, after: Sentence | None = None, before: Sentence | None = None
    ) -> None:
        """See that no entry is this, or none after the first `after`, or none before `before`.

        Holds as well where nothing is `after`. Raises `NotShown`, also where entries are no longer
        kept that could have been it.
        """
        self._check(sentence, after, before)
        if self._lost & sentence.kinds:
            entries, words = self.entries, f"whether {sentence} was ever shown cannot be told: "
            raise NotShown(f"{words}{self.dropped} entries are no longer kept", entries, -1)
        trace_shown.never_shown(self.entries, sentence, after, before)

    def shows_after_each(self, first: Sentence, second: Sentence, *, within: float) -> None:
        """See that each entry that is `first` is followed by `second` within so many seconds.

        What is not due yet is not missed. Raises `NotShown`.
        """
        self._check(first, second)
        now = self._now() - self._began
        trace_shown.each_followed(self.entries, first, second, within, now)

    def first(self, sentence: Sentence) -> Entry:
        """Return the first entry that is this; raises `NotShown`."""
        return self.shows(sentence).entry

    def all(self, sentence: Sentence) -> list[Entry]:
        """Return every entry that is this, oldest first."""
        self._check(sentence)
        return [entry for entry in self.entries if sentence.matches(entry)]

    async def until(
        self, sentence: Sentence, *, within: float = UNTIL, anew: bool = False
    ) -> Entry:
        """Wait for an entry that is this, and return it.

        What was seen already counts, unless it has to come `anew`. Raises `NotShown` once `within`
        seconds are over, of the clock that the test runs on.
        """
        if not anew:
            for entry in self.entries:
                if sentence.matches(entry):
                    return entry
        came = anyio.Event()
        heard: list[Entry | Exception] = []

        def listen(entry: Entry) -> None:
            try:
                if not sentence.matches(entry):
                    return
                heard.append(entry)
            except Exception as error:  # It is the test's own, and not for whoever adds an entry.
                heard.append(error)
            came.set()

        self._listeners.append(listen)
        try:
            with anyio.move_on_after(within):
                await came.wait()
        finally:
            self._listeners.remove(listen)
        if not heard:
            words = f"{sentence} did not come within {within:g} s{self._doubt(sentence)}"
            entries = self.entries
            raise NotShown(words, entries, len(entries) - 1)
        if isinstance(heard[0], Exception):
            raise heard[0]
        return heard[0]

    def _check(self, *sentences: Sentence | None) -> None:
        for sentence in sentences:
            if self.names is not None and sentence is not None:
                self.names.check(sentence)

    def _doubt(self, sentence: Sentence) -> str:
        """Return what speaks against its ever coming, to end a sentence with."""
        try:
            self._check(sentence)
        except PeppyError as error:
            return f": {error}"
        return ""

    # How it is looked at.

    def text(self, last: int | None = None, width: int | None = None) -> str:
        """Return all entries or the `last` so many, one per line of at most `width` characters."""
        entries = self.entries
        shown = entries if last is None else entries[len(entries) - min(last, len(entries)) :]
        missing = self._count - len(shown)
        head = f"  ... {missing} earlier\n" if missing else ""
        return head + trace_text.text(shown, width)

    def write(self, path: str | Path) -> None:
        """Write all entries to a file, one per line: as JSON if it ends in `.jsonl`, else as text.

        Bytes stand there as their length and digest. Equal runs give equal files.
        """
        trace_text.write(Path(path), self.entries)

    def __len__(self) -> int:
        return len(self._messages) + len(self._others)

    def __repr__(self) -> str:
        return f"<Trace of {self._count} entries, {self.dropped} of them no longer kept>"
