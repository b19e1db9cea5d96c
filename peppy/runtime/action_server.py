"""The serving end of one action in one node: handlers are called for what came to the desk."""

from collections.abc import Callable
from typing import Any, Final

import anyio
import msgspec

from peppy.runtime.action_desk import ActionStatistics, Desk
from peppy.runtime.action_formats import ActionFormats, Part
from peppy.runtime.action_goals import Goal
from peppy.runtime.action_wire import Caller
from peppy.runtime.output import complain_of
from peppy.runtime.rules.goal_life import (
    Accepted,
    CancelBegun,
    CancelDecided,
    CancelInterrupted,
    Phase,
    PutBack,
    Rejected,
    ResultBegun,
    ResultGiven,
    ResultInterrupted,
    Superseded,
)
from peppy.runtime.runner import NodeRunner
from peppy.runtime.setup import outcome
from peppy.runtime.transport.exchange import ASKER, Service
from peppy.runtime.transport.loops import give_way
from peppy.runtime.transport.port import Listening
from peppy.runtime.transport.ring import TURN
from peppy.runtime.unfit import UnfitValue, UnreadablePayload
from peppy.schema import keys
from peppy.schema.traffic import EndKind, EndTraffic

Handler = Callable[[Any], Any]
"""Node code that answers a request: plain, or returning what can be awaited."""


_PARTS: Final = ("goal", "cancel", "result", "leave")


class RequestTypes(msgspec.Struct, frozen=True):
    """The classes by which node code sees requests: (instance id, core node[, data])."""

    goal: type[Any]
    cancel: type[Any]
    result: type[Any]


class _Answer(msgspec.Struct, frozen=True):
    """What a handler came to."""

    response: Any = None
    payload: bytes = b""
    failure: str | None = None
    """What its asker is told instead."""
    unfit: UnfitValue | None = None
    """What the node is told: its answer cannot be sent."""


class ActionServer:
    """One action of one node, exposed; all of the node's handles share it."""

    def __init__(
        self, name: str, runner: NodeRunner, formats: ActionFormats, types: RequestTypes
    ) -> None:
        self.name = name
        self._formats = formats
        self._types = types
        self._runner = runner
        self._in_a_row = 0
        self._desk = Desk(name, runner.address, runner.transport, formats, runner.notify)
        self._ways_in = _open(self._desk, runner)

    @property
    def statistics(self) -> ActionStatistics:
        """What became of what was asked so far."""
        return self._desk.statistics

    async def handle_goal(self, handler: Handler) -> None:
        """Have `handler` decide on the next goal, and return when its client has been told.

        Cancelled before that, it leaves the goal to the next call. An error of the handler is
        told to the client and printed. Raises `UnfitValue` for an answer that does not fit, and
        `Closed` once the node's connection is closed.
        """
        desk = self._desk
        while True:
            await desk.until(desk.goal_bell, lambda: desk.goals.queue)
            goal = desk.goals.queue[0]
            desk.deciding += 1
            try:
                desk.take(goal)
                if await self._decide(goal, handler):
                    return
            except BaseException:
                if goal.life.phase is Phase.DECIDING:
                    desk.goals.queue.appendleft(goal)
                    desk.feed(goal, PutBack())
                raise
            finally:
                desk.deciding -= 1
                desk.changed()

    async def _decide(self, goal: Goal, handler: Handler) -> bool:
        """Decide on a goal and return True, or False if it was not for us."""
        if not await goal.request.claim():
            self._desk.goals.drop(goal)
            return False
        if goal.life.phase is not Phase.DECIDING:
            return False
        goal.request.acknowledge()
        try:
            data = self._formats.decode("goal request", goal.request.payload)
        except UnreadablePayload as error:
            self._desk.statistics.unreadable += 1
            goal.failure = error.sentence
            self._desk.feed(goal, Rejected())
            return False
        answer = _Answer()
        with anyio.CancelScope() as goal.scope:
            answer = await self._ask(handler, self._types.goal, goal.caller, "goal response", data)
        goal.scope = None
        if goal.life.phase is not Phase.DECIDING:  # its client left
            return False
        self._settle_decision(goal, answer)
        if answer.unfit is not None:
            raise answer.unfit
        return True

    def _settle_decision(self, goal: Goal, answer: _Answer) -> None:
        desk, former = self._desk, self._desk.current
        goal.decision, goal.failure = answer.payload, answer.failure
        active = former is not None and former.life.phase is Phase.ACTIVE
        rejects = self._formats.can_reject and getattr(answer.response, "accepted", True) is False
        if answer.failure is not None or rejects:
            desk.statistics.rejected += 1
            desk.without_result = not active
            desk.feed(goal, Rejected())
            return
        desk.statistics.accepted += 1
        desk.without_result = False
        desk.current = goal
        if former is not None:
            desk.feed(former, Superseded())
        desk.feed(goal, Accepted())

    async def handle_result(self, handler: Handler) -> None:
        """Have `handler` give the result of the goal that is worked on, once somebody asks for it.

        That is the goal accepted last: whoever asks for the result of a former one is told that the
        server has gone on. An answer that `handler` was at when the next goal was accepted counts.
        It returns without calling `handler` if the goal decided last has ended without a result.
        What is said of `handle_goal` holds here as well.
        """
        desk = self._desk
        await desk.until(desk.result_bell, desk.has_result_work)
        goal = desk.next_result()
        if goal is None:
            desk.without_result = False
            return
        desk.feed(goal, ResultBegun())
        asking = [goal.asked[asker] for asker in goal.life.askers]
        for request, _ in asking:
            request.acknowledge()
        caller = asking[0][1] if asking else goal.caller
        try:
            answer = await self._ask(handler, self._types.result, caller, "result")
        except BaseException:
            desk.feed(goal, ResultInterrupted())
            raise
        if goal.life.settling:
            goal.answer, goal.failure = answer.payload, answer.failure
            desk.statistics.results += 1
            desk.feed(goal, ResultGiven())
        if answer.unfit is not None:
            raise answer.unfit

    async def handle_cancel(self, handler: Handler) -> None:
        """Have `handler` answer the next wish to cancel the goal that is worked on.

        A cancel of another goal is answered without it: that one has ended. What is said of
        `handle_goal` holds.
        """
        desk = self._desk
        await desk.until(desk.cancel_bell, desk.next_cancel)
        goal = desk.next_cancel()
        if goal is None:
            raise LookupError("a bell was rung for a cancel that is not there")
        request, caller = goal.asked[goal.life.cancels[0]]
        desk.feed(goal, CancelBegun())
        request.acknowledge()
        try:
            answer = await self._ask(handler, self._types.cancel, caller, "cancel response")
        except BaseException:
            desk.feed(goal, CancelInterrupted())
            raise
        if goal.life.cancelling:
            desk.statistics.cancels += 1
            goal.cancel_answer, goal.cancel_failure = answer.payload, answer.failure
            accepted = answer.failure is None and answer.response.accepted is True
            desk.statistics.cancelled += accepted
            desk.without_result |= accepted and goal is desk.current
            desk.feed(goal, CancelDecided(accepted))
        if answer.unfit is not None:
            raise answer.unfit

    async def emit_feedback(self, message: Any) -> None:
        """Tell the client of the goal that is worked on how far it is.

        Without such a goal it is counted and goes nowhere. Raises `UnfitValue` naming the field
        that does not fit, and `Closed` once the node's connection is closed.
        """
        payload = self._formats.encode("feedback", message)
        self._in_a_row += 1
        if self._in_a_row >= TURN:
            self._in_a_row = 0
            await give_way()
        statistics, goal = self._desk.statistics, self._desk.current
        if goal is None or goal.life.phase is not Phase.ACTIVE:
            statistics.feedback_unsent += 1
            return
        self._desk.goals.emit(goal, payload, self._formats.fingerprints["feedback"])
        statistics.feedback += 1
        statistics.feedback_bytes += len(payload)

    async def _ask(
        self, handler: Handler, kind: type[Any], caller: Caller, part: Part, *data: Any
    ) -> _Answer:
        """Return what `handler` answers; only what ends the task comes out."""
        given = tuple(each for each in data if each is not None)
        try:
            response = await outcome(handler(kind(caller.instance_id, caller.core_node, *given)))
        except Exception as error:
            self._desk.statistics.errors += 1
            complain_of(f"error: a handler of action '{self.name}' failed", error)
            return _Answer(failure=f"{type(error).__name__}: {error}")
        try:
            return _Answer(response, self._formats.encode(part, response))
        except UnfitValue as error:
            self._desk.statistics.errors += 1
            return _Answer(failure=str(error), unfit=error)

    def traffic(self) -> EndTraffic:
        """Return what came in and went out."""
        counted = msgspec.structs.asdict(self._desk.statistics)
        return EndTraffic(
            kind=EndKind.ACTION,
            name=self.name,
            messages=counted.pop("goals"),
            bytes=counted.pop("feedback_bytes"),
            foreign=counted.pop("foreign"),
            waiting=len(self._desk.goals.queue),
            more=counted | {"unanswered": sum(len(goal.asked) for goal in self._desk.goals)},
        )

    def close(self) -> None:
        """Serve no more; whoever waits gets `Closed`, and clients see that nobody serves."""
        for way_in in self._ways_in:
            way_in.close()
        self._desk.close()

    def __repr__(self) -> str:
        return f"<ActionServer '{self.name}'>"


def _open(desk: Desk, runner: NodeRunner) -> tuple[Service | Listening, ...]:
    """Let clients reach the desk; the announcement comes last."""
    exchange, address, transport = runner.exchange, runner.address, runner.transport
    goal, cancel, result, leave = (keys.action(part, desk.name, address) for part in _PARTS)
    return (
        transport.follow(f"{ASKER}/*", desk.presence_changed),
        transport.listen(leave, desk.client_left),
        exchange.serve(cancel, arrived=desk.cancel_asked),
        exchange.serve(result, arrived=desk.result_asked),
        exchange.serve(goal, announce=goal, arrived=desk.goal_arrived),
    )
