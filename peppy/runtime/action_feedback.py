"""What a client is told of its goals: one way in per node, one stream per goal."""

import itertools
from collections import deque
from collections.abc import Callable
from typing import Final
from weakref import WeakValueDictionary

import anyio
import msgspec

from peppy.runtime.action_errors import ActionFeedbackEnded
from peppy.runtime.action_waiting import Bell
from peppy.runtime.action_wire import Mark, Told, ahead_in, unpack_mark
from peppy.runtime.complaints import Complaints
from peppy.runtime.output import complain_of
from peppy.runtime.runner import NodeRunner
from peppy.runtime.transport.loops import give_way
from peppy.runtime.transport.port import Sample
from peppy.runtime.transport.ring import TURN
from peppy.schema import keys

TAIL: Final = 0.25
"""Seconds for feedback that the word of its end has overtaken, on its way at another priority."""

UNKNOWN: Final = 2**64
"""In place of a count that nobody can tell any more."""

OnQueued = Callable[[int], None]
"""Is told how many goals the server has before ours, each time that changes."""


class FeedbackStatistics(msgspec.Struct):
    """What came for a goal, or for all goals of an action."""

    received: int = 0
    bytes: int = 0
    dropped: int = 0
    """Given up by the full ring."""
    lost: int = 0
    """Missing in the server's sequence: given up by the wire."""


class Feedback:
    """The feedback of one goal that is there and not yet handed out, as payloads."""

    def __init__(
        self,
        action: str,
        capacity: int,
        statistics: FeedbackStatistics,
        on_queued: OnQueued | None = None,
    ) -> None:
        self.action = action
        self.ended_by: str | None = None
        """Why no more comes, once that is known."""
        self.fingerprint = 0
        self._capacity = capacity
        self._statistics = statistics
        self._on_queued = on_queued
        self._ahead: dict[str, int] = {}
        self._items: deque[tuple[int, bytes]] = deque()
        self._bell = Bell()
        self._next = 0
        self._last: int | None = None
        self._in_a_row = 0

    @property
    def ahead(self) -> int:
        """How many goals come before ours, at the server where that is fewest."""
        return min(self._ahead.values(), default=0)

    async def next(self) -> tuple[int, bytes]:
        """Return the fingerprint and the payload of the oldest feedback, waiting for it.

        Raises `ActionFeedbackEnded` when there is none and none can come. A cancelled wait loses
        nothing.
        """
        self._in_a_row += 1
        if self._in_a_row >= TURN:
            self._in_a_row = 0
            await give_way()
        while not self._items:
            if self.ended_by is not None and self._last is None:
                raise ActionFeedbackEnded(self.action, self.ended_by)
            self._in_a_row = 0
            if self.ended_by is None:
                await self._bell.wait()
            else:
                with anyio.move_on_after(TAIL):
                    await self._bell.wait()
                    continue
                self._last = None
        return self._items.popleft()

    def add(self, mark: Mark, payload: bytes) -> None:
        """Take in one message of the server."""
        if mark.sequence < self._next:
            return
        self._statistics.lost += mark.sequence - self._next
        self._next = mark.sequence + 1
        self._statistics.received += 1
        self._statistics.bytes += len(payload)
        if len(self._items) >= self._capacity:
            self._items.popleft()
            self._statistics.dropped += 1
        self._items.append((mark.fingerprint, payload))
        self._bell.ring()
        self._look_at_end()

    def end(self, why: str, count: int | None = None) -> None:
        """Take in that no more comes, after `count` messages in all, or at once without one."""
        if self.ended_by is None:
            self.ended_by = why
            self._last = count
            self._look_at_end()
            self._bell.ring_for_all()

    def noted(self, note: bytes) -> None:
        """Take in what a server says of its queue."""
        said = ahead_in(note)
        if said is None:
            return
        before = self.ahead
        self._ahead[said.instance_id] = said.goals
        if self._on_queued is not None and self.ahead != before:
            try:
                self._on_queued(self.ahead)
            except Exception as error:  # it is the node's, and nothing here ends for it
                complain_of(f"error: 'on_queued' of action '{self.action}' failed", error)

    def _look_at_end(self) -> None:
        if self._last is not None and self._next >= self._last:
            self._last = None
            self._bell.ring_for_all()


class FeedbackInbox:
    """Where all that servers tell this node comes in, and where its goals get their numbers."""

    def __init__(self, runner: NodeRunner) -> None:
        self.foreign = 0
        """Messages that are none of a server of ours."""
        self.late = 0
        """Messages for goals that have ended here."""
        # A handle that nobody holds any more needs no feedback.
        self._streams: WeakValueDictionary[int, Feedback] = WeakValueDictionary()
        self._numbers = itertools.count(1)
        self._complaints = Complaints()
        transport = runner.transport
        transport.listen(keys.feedback_pattern(transport.identity), self._take_in)

    def open(self, stream: Feedback) -> int:
        """Return a number for a new goal; what comes for it goes to `stream`."""
        number = next(self._numbers)
        self._streams[number] = stream
        return number

    def forget(self, number: int) -> None:
        """Let what comes for this goal go."""
        self._streams.pop(number, None)

    def _take_in(self, sample: Sample) -> None:
        mark = unpack_mark(sample.attachment)
        if mark is None:
            self.foreign += 1
            self._complaints.about(
                "foreign",
                f"warning: what comes on '{sample.key}' is no feedback of an action; skipped",
            )
            return
        stream = self._streams.get(mark.number)
        if stream is None:
            self.late += 1
            return
        match mark.told:
            case Told.FEEDBACK:
                stream.add(mark, sample.payload)
            case Told.END:
                stream.end(sample.payload.decode(errors="replace"), mark.sequence)


def inbox_of(runner: NodeRunner) -> FeedbackInbox:
    """Return the node's inbox, opening it at the first call."""
    return runner.kept(FeedbackInbox, lambda: FeedbackInbox(runner))
