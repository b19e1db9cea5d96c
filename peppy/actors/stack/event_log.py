"""The event log: kept in the journal, told to whoever follows, and a line each in the stack's log.

Events come in two ways: `note` writes one, `pass_on` takes those that others have written together
with their records. Followers get them at once; nobody waits for a follower, nor for the log file.
"""

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import trio

from peppy.actors.host.daemon_log import complain
from peppy.actors.host.ports import LOG_LIMIT, Clock, Files, HostError, Journal
from peppy.actors.kernel import Promise
from peppy.actors.stack.logs import line
from peppy.schema.events import Event, EventKind, EventsView, ListEvents
from peppy.schema.frames import LONGEST_FRAME, Note
from peppy.schema.names import InstanceId, NodeId

LINES_WAITING: Final = 4096
"""Lines that may wait while the log is written; of more the oldest are left out."""

LAST_WORDS: Final = 1.0
"""Seconds for the last lines of the log when the daemon ends."""

MOST_FOLLOWED: Final = 4000
"""Events of the past that a follower gets; a few less than notes may wait for a slow client."""

LARGEST_ANSWER: Final = LONGEST_FRAME // 2
"""Bytes of events in one answer."""

_MARKS: Final = {
    EventKind.WARNING: "warning",
    EventKind.UNHEALTHY: "warning",
    EventKind.FORCE_KILLED: "warning",
    EventKind.FAILED: "error",
    EventKind.START_FAILED: "error",
    EventKind.GIVEN_UP: "error",
}
"""How lines of the stack's log are marked (behaviour.md 7.3); others are not."""


class EventLog:
    """What has happened, for one daemon. `keep_log` runs beside it."""

    def __init__(self, journal: Journal, clock: Clock, files: Files, stack_log: Path) -> None:
        self._journal = journal
        self._clock = clock
        self._files = files
        self._stack_log = stack_log
        self._followers: list[_Follower] = []
        self._lines: deque[bytes] = deque(maxlen=LINES_WAITING)
        self._came = trio.Event()
        self.unwritten = 0
        """Events that the journal has not taken since it last took one."""
        self._complained = False

    def __repr__(self) -> str:
        return f"<EventLog {len(self._followers)} followers, {self.unwritten} unwritten>"

    @property
    def followers(self) -> int:
        """How many ask to be told what happens."""
        return len(self._followers)

    async def note(
        self,
        kind: EventKind,
        text: str,
        *,
        node: NodeId | None = None,
        instance_id: InstanceId | None = None,
    ) -> None:
        """Write down what happens now.

        Where the journal cannot take it, that is said once on stderr, and the next event that it
        takes comes behind one that says how many are missing.
        """
        now = self._clock.now()
        event = Event(number=0, at=now, kind=kind, node=node, instance_id=instance_id, text=text)
        missing = self.unwritten
        try:
            written = await self._journal.commit({}, (*_missing(missing, now), event))
        except HostError as error:
            self.unwritten += 1
            self._complain(error)
        else:
            self.unwritten -= missing
            self.pass_on(written)

    def pass_on(self, events: Sequence[Event]) -> None:
        """Tell of events that have been written down, with the numbers that they have got.

        Called right after they were written, so that everybody gets them in their order.
        """
        for event in events:
            self._lines.append(log_line(event))
            for follower in self._followers:
                follower.take(event)
        if events:
            self._came.set()

    async def keep_log(self) -> None:
        """Write the stack's log until cancelled. One that cannot be written ends nothing."""
        try:
            while True:
                await self._came.wait()
                self._came = trio.Event()
                await self._write_lines()
        finally:
            with trio.move_on_after(LAST_WORDS, shield=True):
                await self._write_lines()

    async def answer(self, promise: Promise[EventsView], request: ListEvents) -> None:
        """Answer with the past; where it is followed, tell by notes what comes, until cancelled."""
        try:
            if request.follow:
                await self._follow(promise, request)
            else:
                promise.answer(EventsView(events=await self._past(request)))
        except HostError as error:
            promise.refuse(error)

    async def _follow(self, promise: Promise[EventsView], request: ListEvents) -> None:
        follower = _Follower(promise, request.instance_id)
        self._followers.append(follower)
        try:
            # One look at the journal divides the past, which is in it, from the present, which
            # comes by `pass_on`: so nothing is lost, and nothing comes twice.
            all_of_it = request.since is None and request.instance_id is None
            found = await self._journal.events(limit=max(1, request.limit) if all_of_it else None)
            follower.begin(
                _fitting(found, request)[-MOST_FOLLOWED:], found[-1].number if found else 0
            )
            await trio.sleep_forever()
        finally:
            self._followers.remove(follower)

    async def _past(self, request: ListEvents) -> tuple[Event, ...]:
        limit = max(0, request.limit) if request.instance_id is None else None
        found = await self._journal.events(since=request.since, limit=limit)
        return _newest(_fitting(found, request))

    async def _write_lines(self) -> None:
        lines = list(self._lines)
        self._lines.clear()
        if not lines:
            return
        try:
            await self._files.append(self._stack_log, b"".join(lines), limit=LOG_LIMIT)
        except trio.Cancelled:
            self._lines.extendleft(reversed(lines))
            raise
        except HostError:
            pass  # the journal has them

    def _complain(self, error: HostError) -> None:
        if not self._complained:
            self._complained = True
            complain(f"an event is not written down, nor may others be: {error}")


class _Follower:
    """One who is told what happens: what comes while the past is read waits."""

    def __init__(self, promise: Promise[EventsView], instance_id: InstanceId | None) -> None:
        self._promise = promise
        self._wanted = instance_id
        self._waiting: list[Event] | None = []

    def begin(self, past: Sequence[Event], upto: int) -> None:
        """Tell of the past, then of what has come since; the journal's look went up to `upto`."""
        waiting, self._waiting = self._waiting or [], None
        for event in (*past, *(event for event in waiting if event.number > upto)):
            self.take(event)

    def take(self, event: Event) -> None:
        """Tell of an event, at once or when the past has been told; never waits."""
        if self._waiting is not None:
            self._waiting.append(event)
        elif self._wanted is None or event.instance_id == self._wanted:
            self._promise.note(Note(stream="event", text=msgspec.json.encode(event).decode()))


def log_line(event: Event) -> bytes:
    """Return an event's line of the stack's log: `[time] [mark] who: what`."""
    who = event.instance_id or event.node
    what = " ".join(event.text.splitlines()) or event.kind.replace("_", " ")
    return line(event.at, what if who is None else f"{who}: {what}", _MARKS.get(event.kind))


def _missing(number: int, now: float) -> tuple[Event, ...]:
    if number == 0:
        return ()
    events = "event before this one is" if number == 1 else "events before this one are"
    text = f"{number} {events} not written down: the journal did not take them"
    return (Event(number=0, at=now, kind=EventKind.WARNING, text=text),)


def _fitting(events: Sequence[Event], request: ListEvents) -> Sequence[Event]:
    """Return the newest events that are asked for."""
    fitting = [
        event
        for event in events
        if (request.since is None or event.at >= request.since)
        and (request.instance_id is None or event.instance_id == request.instance_id)
    ]
    return fitting[max(0, len(fitting) - max(0, request.limit)) :]


def _newest(events: Sequence[Event]) -> tuple[Event, ...]:
    """Return the newest events, as many as an answer may hold."""
    size = 0
    for count, event in enumerate(reversed(events)):
        size += len(msgspec.msgpack.encode(event))
        if size > LARGEST_ANSWER:
            return tuple(events[len(events) - count :])
    return tuple(events)
