"""The trace of a real stack: what its topics carry, its event log tells and its instances print."""

import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from peppy.runtime.log_following import End, lines_after
from peppy.runtime.transport.port import Sample, Transport
from peppy.schema import envelope, keys
from peppy.schema.control import DescribeWire, ListStack
from peppy.schema.errors import PeppyError
from peppy.schema.events import Event, EventKind, ListEvents
from peppy.schema.format_reader import parse_format
from peppy.schema.frames import Note
from peppy.testing.stack.names import Documented
from peppy.testing.stack.reading import Reader, topic_in
from peppy.testing.stack.real_daemon import OwnDaemon
from peppy.testing.trace import Kind, Trace

DAEMON: Final = "daemon"
"""Whom an event concerns that is about no instance and no node."""

LOGS: Final = "logs/run"
"""Below the home: a file for each instance."""

LOOK: Final = 0.02
"""Seconds between two looks at the logs."""

AGAIN: Final = 0.05
"""Seconds until a daemon that is away is asked again what has happened."""

TOLD: Final = 1.0
"""Seconds for what a daemon has noted to be told."""

MOST_EVENTS: Final = 4000
"""Of the past, that a daemon is asked for: those that it noted while nobody could follow them."""

_LINE: Final = re.compile(r"\[[^\]]*\] \[(stdout|stderr)\] (.*)", re.DOTALL)

_NEWS: Final = (EventKind.NODE_ADDED, EventKind.LAUNCHED)
"""After these there may be other formats than before."""


class Recorder:
    """Fills the trace of one real stack."""

    def __init__(self, trace: Trace, daemon: OwnDaemon) -> None:
        self.trace = trace
        self._daemon = daemon
        self.documented = Documented()
        """What the documents of all nodes have said that there have been."""
        self._reader = Reader(())
        self._news = False
        self._number = 0
        """Of the last event that was seen."""
        self._came = trio.Event()
        """Set when it is seen."""
        self._ends: dict[Path, End] = {}
        self._quiet = trio.Event()
        """Set while no daemon tells anything."""

    def listen(self, transport: Transport) -> None:
        """From now on, add what is sent on topics."""
        transport.listen(keys.topic_pattern(keys.ANY), self._heard)

    async def learn(self) -> None:
        """Find out which formats there are now."""
        topics = (await self._daemon.ask(DescribeWire())).topics
        self._reader = Reader(topics)
        for topic in topics:
            known = None if topic.format is None else parse_format(topic.format)
            self.documented.add_topic(topic.name, known)
        view = await self._daemon.ask(ListStack())
        self.documented.nodes.update(str(row.node) for row in view.nodes)

    async def follow_events(self) -> None:
        """Add what is in the event log, until cancelled, from one daemon to the next."""
        token = trio.lowlevel.current_trio_token()

        def told(note: Note) -> None:
            if note.stream == "event":
                token.run_sync_soon(self._happened, note.text)

        while True:
            self._quiet = trio.Event()
            try:
                await self._daemon.ask(ListEvents(follow=True, limit=MOST_EVENTS), told)
            except PeppyError:
                self._quiet.set()
            await trio.sleep(AGAIN)

    async def follow_logs(self) -> None:
        """Add what instances print, and keep up with the formats, until cancelled."""
        while True:
            self.read_logs()
            if self._news:
                self._news = False
                try:
                    await self.learn()
                except PeppyError:
                    self._news = True  # the next daemon can say it
            await trio.sleep(LOOK)

    def read_logs(self) -> None:
        """Add what instances have printed since the last look."""
        for log in sorted((self._daemon.home / LOGS).glob("*.log")):
            lines = lines_after(log, self._ends.get(log, End(0, None)))
            while True:
                try:
                    self._add_line(log.stem, next(lines))
                except StopIteration as stop:
                    self._ends[log] = stop.value
                    break

    async def last_words(self) -> None:
        """Add what daemon and instances have said before they ended."""
        with trio.move_on_after(TOLD):
            await self._quiet.wait()
        self.read_logs()

    async def catch_up(self) -> None:
        """Return when all is there that has happened by now; without a daemon, at once."""
        with suppress(PeppyError), trio.move_on_after(TOLD):
            past = await self._daemon.ask(ListEvents(limit=1))
            while past.events and self._number < past.events[-1].number:
                await self._came.wait()
            if self._news:
                await self.learn()
                self._news = False
        self.read_logs()

    def _heard(self, sample: Sample) -> None:
        key = sample.key
        topic, _ = topic_in(key)
        number = envelope.number_in(sample.attachment[envelope.SIZE :])
        read = partial(self._read, sample, [])
        sender, size = keys.sender_of(key), len(sample.payload)
        for place in range(number):
            self.trace.add_lazily(Kind.MESSAGE, sender, topic, partial(read, place), size)

    def _read(self, sample: Sample, messages: list[dict[str, Any]], place: int) -> dict[str, Any]:
        """Return one message of those that came in a sample, which is read at the first one."""
        if not messages:
            messages += self._reader.read(sample.payload, sample.attachment)
        return messages[place] if place < len(messages) else {}

    def _happened(self, text: str) -> None:
        event = msgspec.json.decode(text, type=Event)
        if event.number <= self._number:
            return  # another daemon told it
        self._number = event.number
        self._came.set()
        self._came = trio.Event()
        self._news = self._news or event.kind in _NEWS
        who = event.instance_id or event.node or DAEMON
        self.trace.add(Kind.EVENT, str(who), event.kind.value, event.text)

    def _add_line(self, instance_id: str, line: str) -> None:
        if (found := _LINE.fullmatch(line)) is not None:
            self.trace.add(Kind.LINE, instance_id, found[1], found[2])

    def __repr__(self) -> str:
        return f"<Recorder of {self.trace!r}>"
