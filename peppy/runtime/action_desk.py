"""Where an action's requests come in at its server: looked at as they arrive, on the loop.

What the runtime can answer by itself it answers at once; the rest waits at the desk until the node
asks for it. Source: seed 003, "Actions"; behaviour.md 8.5.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from peppy.runtime.action_formats import ActionFormats
from peppy.runtime.action_goals import Goal, Goals, deny_cancel
from peppy.runtime.action_waiting import Bell
from peppy.runtime.action_wire import Ahead, GoalLabel, ask_label, goal_label, pack
from peppy.runtime.complaints import Complaints
from peppy.runtime.qos import QoSProfile
from peppy.runtime.rules.goal_life import (
    OPEN,
    ClientLeft,
    Event,
    Phase,
    Taken,
    cancel_wanted,
    result_wanted,
)
from peppy.runtime.transport.exchange import IncomingRequest
from peppy.runtime.transport.loops import give_way
from peppy.runtime.transport.port import Closed, Presence, Sample, Transport, TransportError
from peppy.runtime.transport.ring import TURN
from peppy.schema import keys
from peppy.schema.keys import Address

MOST_WAITING: Final = 128
"""Goals that wait for the server; those that come then are refused."""

MOST_NAMED: Final = 256
"""Clients of other formats that the daemon is told of."""

_PROFILES: Final = frozenset(profile.value for profile in QoSProfile)


class ActionStatistics(msgspec.Struct):
    """What became of what was asked of an action."""

    goals: int = 0
    accepted: int = 0
    rejected: int = 0
    results: int = 0
    cancels: int = 0
    cancelled: int = 0
    gone: int = 0
    """Goals whose client left before they had ended, or that another server took."""
    errors: int = 0
    """Handlers that failed, or answered what does not fit."""
    refused: int = 0
    """Goals that found the queue full."""
    mismatched: int = 0
    """Goals of clients that were made for other formats."""
    unreadable: int = 0
    unknown: int = 0
    """Requests about goals that are not known here, or no more."""
    foreign: int = 0
    """Requests that are none of a client of ours."""
    feedback: int = 0
    feedback_bytes: int = 0
    feedback_unsent: int = 0
    """Feedback that was emitted while no goal was worked on."""


class Desk:
    """The goals of one action, and the bells by which the node hears of them."""

    def __init__(
        self,
        name: str,
        address: Address,
        transport: Transport,
        formats: ActionFormats,
        notify: Callable[[str, str], None],
    ) -> None:
        """`notify` tells the daemon what a person should see: a kind, and a sentence."""
        self.name = name
        self.statistics = ActionStatistics()
        self.goals = Goals(
            transport, lambda client: keys.feedback(client, name, address), self.changed
        )
        self.current: Goal | None = None
        """The goal that was accepted last."""
        self.deciding = 0
        """Goals whose handler runs."""
        self.without_result = False
        """Whether the goal decided last has ended without a result, and the node has not seen it.
        """
        self.goal_bell, self.result_bell, self.cancel_bell = Bell(), Bell(), Bell()
        self._address = address
        self._formats = formats
        self._notify = notify
        self._mismatched: set[str] = set()
        self._complaints = Complaints()
        self._closed = False
        self._in_a_row = 0

    # What arrives.

    def goal_arrived(self, request: IncomingRequest) -> None:
        """Queue a goal, unless it can be answered at once."""
        label = goal_label(request.attachment)
        if label is None or label.qos not in _PROFILES:
            self._count_foreign(request.key)
            _refuse(request, "what came is no goal of a client", "error")
        elif label.fingerprints != self._formats.fingerprints:
            self._refuse_formats(request, label)
        elif len(self.goals.queue) >= MOST_WAITING:
            self.statistics.refused += 1
            _refuse(request, f"{MOST_WAITING} goals are waiting for it already", "error")
        elif self.goals.find((request.sender, label.number)) is not None:
            self._count_foreign(request.key)
            _refuse(request, "its client has used this goal's number before", "error")
        else:
            goal = Goal(request, label)
            self.statistics.goals += 1
            request.when_gone(lambda: self._client_left(goal))
            self.goals.offer(goal)

    def result_asked(self, request: IncomingRequest) -> None:
        """Take in that somebody wants a result."""
        self._asked(request, cancel=False)

    def cancel_asked(self, request: IncomingRequest) -> None:
        """Take in that somebody wants a goal cancelled."""
        self._asked(request, cancel=True)

    def _asked(self, request: IncomingRequest, *, cancel: bool) -> None:
        label = ask_label(request.attachment)
        if label is None:
            self._count_foreign(request.key)
            _refuse(request, "what came is no request of a client", "error")
            return
        self.goals.forget_old()
        goal = self.goals.find((request.sender, label.number))
        if goal is not None:
            self.goals.ask(goal, request, label, cancel=cancel)
            return
        self.statistics.unknown += 1
        why = "the goal is not known here, or no more"
        if cancel:
            deny_cancel(request, why)
        else:
            _refuse(request, why, "ended")

    def client_left(self, sample: Sample) -> None:
        """Take in that a client waits no more for the decision on its goal."""
        label = ask_label(sample.attachment)
        if label is None:
            self._count_foreign(sample.key)
            return
        client = sample.payload.decode("ascii", errors="replace")
        goal = self.goals.find((client, label.number))
        if goal is not None:
            self._client_left(goal)

    def presence_changed(self, presence: Presence) -> None:
        """Take in that a client has died, if that is what it is."""
        if not presence.present:
            for goal in self.goals.of_client(keys.last(presence.key)):
                self._client_left(goal)

    def _client_left(self, goal: Goal) -> None:
        waits = goal.life.phase in {*OPEN, Phase.OFFERED, Phase.DECIDING}
        if waits and not goal.life.client_gone:
            self.statistics.gone += 1
            self.goals.feed(goal, ClientLeft())

    def _count_foreign(self, key: str) -> None:
        self.statistics.foreign += 1
        self._complaints.about(
            "foreign",
            f"warning: action '{self.name}': what came on '{key}' is none of a client; skipped",
        )

    def _refuse_formats(self, request: IncomingRequest, label: GoalLabel) -> None:
        self.statistics.mismatched += 1
        who, said = label.caller.instance_id, self._formats.differences(label.literals)
        sentence = f"action '{self.name}': '{who}' was made for other formats: {said}"
        if who not in self._mismatched and len(self._mismatched) < MOST_NAMED:
            self._mismatched.add(who)
            self._notify("format_mismatch", sentence)
        self._complaints.about(("mismatch", who), f"error: {sentence}; its goals are refused")
        _refuse(request, f"the server was made for other formats: {said}", "mismatch")

    # What waits.

    def next_result(self) -> Goal | None:
        """Return the goal that is worked on, if its result is wanted."""
        goal = self.current
        return goal if goal is not None and result_wanted(goal.life) else None

    def next_cancel(self) -> Goal | None:
        """Return the goal that is worked on, if it is to be cancelled."""
        goal = self.current
        return goal if goal is not None and cancel_wanted(goal.life) else None

    def has_result_work(self) -> bool:
        """Say whether a wait for the next result is over."""
        return self.without_result or self.next_result() is not None

    def changed(self) -> None:
        """Wake whoever may go on now, and tell clients how far away their turn is."""
        if self.goals.queue:
            self.goal_bell.ring_for_all()
        if self.has_result_work():
            self.result_bell.ring_for_all()
        if self.next_cancel() is not None:
            self.cancel_bell.ring_for_all()
        busy = self.current is not None and self.current.life.phase is Phase.ACTIVE
        for ahead, goal in enumerate(self.goals.queue, self.deciding + busy):
            if goal.told_ahead != ahead:
                self._tell_ahead(goal, ahead)

    def _tell_ahead(self, goal: Goal, ahead: int) -> None:
        goal.told_ahead = ahead
        goal.request.note(pack(Ahead(self._address.instance_id, ahead)))

    def take(self, goal: Goal) -> None:
        """Take a goal out of the queue, to decide on it."""
        self.goals.queue.remove(goal)
        if goal.told_ahead:
            self._tell_ahead(goal, 0)
        self.goals.feed(goal, Taken())

    def feed(self, goal: Goal, event: Event) -> None:
        """Have `event` happen to a goal."""
        self.goals.feed(goal, event)

    async def until(self, bell: Bell, there: Callable[[], object]) -> None:
        """Return when something is there; raise `Closed` once nothing can come any more."""
        self._in_a_row += 1
        if self._in_a_row >= TURN:
            self._in_a_row = 0
            await give_way()
        while not self._closed and not there():
            self._in_a_row = 0
            await bell.wait()
        if self._closed:
            raise Closed(f"action '{self.name}'")

    def close(self) -> None:
        """Let everybody go who waits."""
        self._closed = True
        for bell in (self.goal_bell, self.result_bell, self.cancel_bell):
            bell.ring_for_all()


def _refuse(request: IncomingRequest, reason: str, kind: str) -> None:
    with suppress(TransportError):  # whoever asks is left to its time-out
        request.refuse(reason, kind=kind)
