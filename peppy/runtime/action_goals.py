"""The goals of one action at its server: each with its life, its askers and its answers.

What happens to a goal goes through `goal_life.step`; what that decides is carried out here. Nothing
here waits.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, assert_never

import anyio
import msgspec

from peppy.runtime.action_wire import AskLabel, Caller, GoalLabel, Told, pack_mark
from peppy.runtime.qos import TERMS, QoSProfile
from peppy.runtime.rules.goal_life import (
    ENDED,
    Action,
    AnswerCancel,
    AskerLeft,
    CancelAsked,
    DenyCancel,
    DropOffer,
    EndFeedback,
    Event,
    Expired,
    Forget,
    GiveResult,
    Life,
    Phase,
    RefuseResult,
    ResultAsked,
    StopDeciding,
    TellDecision,
    step,
)
from peppy.runtime.transport.exchange import IncomingRequest
from peppy.runtime.transport.port import Delivery, Publisher, TooLarge, Transport, TransportError

RESULT_KEPT: Final = 60.0
"""Seconds for which the answer of a goal that has ended is kept for who asks late."""

MOST_KEPT: Final = 64
"""Goals that have ended and are kept."""

MOST_CLIENTS: Final = 64
"""Clients to which a way is kept open."""

GoalId = tuple[str, int]
"""The identity of the client's transport, and the number that the client gave."""

_GONE_ON: Final = "the server has gone on to its next goal"

WHY: Final = {
    Phase.SETTLED: "its result was given",
    Phase.CANCELLED: "the goal was cancelled",
    Phase.REJECTED: "the goal was rejected",
    Phase.ABANDONED: "the goal was given up",
    Phase.FINISHING: _GONE_ON,
    Phase.SUPERSEDED: _GONE_ON,
}
"""What ended a goal, as its client is told."""


class Goal:
    """One goal, and what is to be said to those who ask about it."""

    def __init__(self, request: IncomingRequest, label: GoalLabel) -> None:
        self.request = request
        self.id: GoalId = (request.sender, label.number)
        self.caller = label.caller
        self.qos = QoSProfile(label.qos)
        self.life = Life()
        self.decision = b""
        self.answer = b""
        self.failure: str | None = None
        """What is said in place of the decision, or of the answer."""
        self.cancel_answer = b""
        self.cancel_failure: str | None = None
        self.asked: dict[int, tuple[IncomingRequest, Caller]] = {}
        """The requests about it that are not answered."""
        self.scope: anyio.CancelScope | None = None
        """Of the goal handler while it runs."""
        self.told_ahead = 0
        self.emitted = 0
        self.since = anyio.current_time()
        """When its phase began, in seconds of the loop's clock."""

    def __repr__(self) -> str:
        return f"<Goal {self.id[1]} of '{self.caller.instance_id}', {self.life.phase.value}>"


class Goals:
    """All goals that a server knows, by their ids, and the queue of those not yet taken."""

    def __init__(
        self,
        transport: Transport,
        feedback_key: Callable[[str], str],
        on_change: Callable[[], None],
    ) -> None:
        """`feedback_key` says where a client listens; `on_change` is called after each event."""
        self.queue: deque[Goal] = deque()
        self._goals: dict[GoalId, Goal] = {}
        self._numbers = itertools.count(1)
        self._ways = _Ways(transport, feedback_key)
        self._on_change = on_change

    def __iter__(self) -> Iterator[Goal]:
        """Iterate over all goals that are known."""
        return iter(self._goals.values())

    def find(self, goal_id: GoalId) -> Goal | None:
        """Return the goal of this id, or None."""
        return self._goals.get(goal_id)

    def of_client(self, client: str) -> list[Goal]:
        """Return all goals of one client."""
        return [goal for goal in self._goals.values() if goal.id[0] == client]

    def offer(self, goal: Goal) -> None:
        """Put a new goal at the end of the queue."""
        self.forget_old()
        self._goals[goal.id] = goal
        self.queue.append(goal)
        self._on_change()

    def drop(self, goal: Goal) -> None:
        """Forget a goal that is not for us."""
        self._goals.pop(goal.id, None)
        with suppress(ValueError):
            self.queue.remove(goal)
        self._on_change()

    def ask(self, goal: Goal, request: IncomingRequest, label: AskLabel, *, cancel: bool) -> None:
        """Take in a request for a goal's result, or to cancel it."""
        asker = next(self._numbers)
        goal.asked[asker] = request, label.caller

        def left() -> None:
            if goal.asked.pop(asker, None) is not None:
                self.feed(goal, AskerLeft(asker))

        request.when_gone(left)
        if goal.life.settling and not cancel:
            request.acknowledge()
        self.feed(goal, CancelAsked(asker) if cancel else ResultAsked(asker))

    def feed(self, goal: Goal, event: Event) -> None:
        """Have `event` happen to a goal, and carry out what that decides."""
        before = goal.life.phase
        goal.life, actions = step(goal.life, event)
        if goal.life.phase is not before:
            goal.since = anyio.current_time()
        for action in actions:
            self._carry_out(goal, action)
        self._on_change()

    def end_feedback(self, goal: Goal, why: str) -> None:
        """Let a goal's client know, for certain, that no more feedback comes."""
        with suppress(TransportError):  # a client that cannot be told sees that we are gone
            way = self._ways.to(goal.id[0], Delivery.RELIABLE)
            way.put(why.encode(), pack_mark(Told.END, goal.id[1], goal.emitted))

    def emit(self, goal: Goal, payload: bytes, fingerprint: int) -> None:
        """Send feedback. Raises `TransportError` if the wire does not take it."""
        way = self._ways.to(goal.id[0], TERMS[goal.qos].delivery)
        way.put(payload, pack_mark(Told.FEEDBACK, goal.id[1], goal.emitted, fingerprint))
        goal.emitted += 1

    def forget_old(self) -> None:
        """Let go of what has been kept long enough, and of the oldest beyond what is kept."""
        now = anyio.current_time()
        kept = [g for g in self._goals.values() if g.life.phase in ENDED]
        kept.sort(key=lambda goal: goal.since)
        surplus = kept[: max(0, len(kept) - MOST_KEPT)]
        for goal in (*surplus, *(g for g in kept if now - g.since >= RESULT_KEPT)):
            if goal.id in self._goals:
                self.feed(goal, Expired())

    def _carry_out(self, goal: Goal, action: Action) -> None:
        match action:
            case TellDecision():
                answer(goal.request, goal.decision, goal.failure)
            case DropOffer():
                with suppress(ValueError):
                    self.queue.remove(goal)
            case StopDeciding():
                if goal.scope is not None:
                    goal.scope.cancel()
            case EndFeedback():
                self.end_feedback(goal, WHY[goal.life.phase])
            case GiveResult(asker):
                answer(goal.asked.pop(asker)[0], goal.answer, goal.failure)
            case RefuseResult(asker):
                with suppress(TransportError):
                    goal.asked.pop(asker)[0].refuse(WHY[goal.life.phase], kind="ended")
            case AnswerCancel(asker):
                answer(goal.asked.pop(asker)[0], goal.cancel_answer, goal.cancel_failure)
            case DenyCancel(asker):
                deny_cancel(goal.asked.pop(asker)[0], WHY[goal.life.phase])
            case Forget():
                self._goals.pop(goal.id, None)
            case _:
                assert_never(action)


def answer(request: IncomingRequest, payload: bytes, failure: str | None) -> None:
    """Answer a request with a payload, or refuse it if there was a failure instead."""
    with suppress(TransportError):  # whoever asked is left to its time-out, or has gone
        if failure is not None:
            request.refuse(failure, kind="error")
            return
        try:
            request.reply(payload)
        except TooLarge as error:
            request.refuse(error.sentence, kind="error")


def deny_cancel(request: IncomingRequest, why: str) -> None:
    """Answer a cancel that comes too late, in the format that every `CancelResponse` has."""
    said = {"accepted": False, "error_message": f"the goal has ended: {why}"}
    answer(request, msgspec.msgpack.encode(said), None)


class _Ways:
    """Declared ways out to clients, the least recently used giving way."""

    def __init__(self, transport: Transport, key: Callable[[str], str]) -> None:
        self._transport = transport
        self._key = key
        self._publishers: dict[tuple[str, Delivery], Publisher] = {}

    def to(self, client: str, delivery: Delivery) -> Publisher:
        """Return the way to a client."""
        publisher = self._publishers.pop((client, delivery), None)
        if publisher is None:
            publisher = self._transport.publisher(self._key(client), delivery)
            if len(self._publishers) >= MOST_CLIENTS:
                self._publishers.pop(next(iter(self._publishers))).close()
        self._publishers[client, delivery] = publisher
        return publisher
