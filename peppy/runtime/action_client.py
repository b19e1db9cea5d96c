"""The asking end of one action in one node: goals are fired, followed, cancelled.

Source: seed 003, "Actions"; behaviour.md 8.6, 8.7.
"""

from typing import Any
from weakref import WeakValueDictionary

import anyio
import msgspec

from peppy.runtime.action_errors import (
    ActionError,
    ActionMismatch,
    ActionTimeout,
    ActionUnreachable,
)
from peppy.runtime.action_feedback import Feedback, FeedbackStatistics, OnQueued, inbox_of
from peppy.runtime.action_fired import (
    GONE,
    SHUT_DOWN,
    AnswerTypes,
    ClientEnd,
    FiredGoal,
    check_timeout,
)
from peppy.runtime.action_formats import ActionFormats
from peppy.runtime.action_reach import neighbours_of
from peppy.runtime.action_wire import AskLabel, GoalLabel, pack
from peppy.runtime.qos import QoSProfile, capacity_of
from peppy.runtime.reach import Missing, Target
from peppy.runtime.runner import NodeRunner
from peppy.runtime.transport.exchange import Reply
from peppy.runtime.transport.exchange_errors import Refused, Unanswered, Unreachable
from peppy.runtime.transport.port import Delivery, Presence, TransportError
from peppy.runtime.unfit import UnreadablePayload
from peppy.schema import keys
from peppy.schema.names import is_name
from peppy.schema.traffic import EndKind, EndTraffic


class ActionClient(ClientEnd):
    """One action of another node, as one node uses it."""

    def __init__(
        self,
        node: str,
        name: str,
        runner: NodeRunner,
        formats: ActionFormats,
        types: AnswerTypes,
        link: str | None = None,
    ) -> None:
        """`link` is the dependency's label, by which an instance of it may be bound."""
        super().__init__(node, name, runner, formats, types)
        self._bound = runner.instance_of(link)
        self.feedback_statistics = FeedbackStatistics()
        # A handle that nobody holds any more need not hear of its server.
        self._goals: WeakValueDictionary[int, FiredGoal] = WeakValueDictionary()
        self._departed: dict[int, set[str]] = {}
        """By goals that are being fired: the servers that have gone since. One of them may be who
        took the goal; one that is not yet among `servers` may be there all the same."""
        self._closed = False
        pattern = f"{keys.action_pattern('goal', name, node)}/*"
        self._presence = runner.transport.follow(pattern, self._presence_changed)

    async def fire(
        self,
        request: Any,
        timeout: float,
        qos: QoSProfile,
        core_node: str | None,
        instance_id: str | None,
        on_queued: OnQueued | None,
    ) -> FiredGoal:
        """Offer a goal to the servers of these names; return once one has decided on it.

        Raises `ActionUnreachable` if nobody takes it up, `ActionTimeout` if nobody decides within
        `timeout` seconds, `ActionError` if the goal handler fails, `ActionMismatch` if the server
        was made for other formats, and `ValueError` for a time-out or a target that is none, or a
        field that does not fit.
        """
        check_timeout(timeout)
        if instance_id is None:
            instance_id = self._bound
        for wanted in (core_node, instance_id):
            if wanted is not None and not is_name(wanted):
                raise ValueError(f"action '{self.name}': '{wanted}' cannot be a server's name")
        payload = self.formats.encode("goal request", request)
        capacity = capacity_of(qos, self.runner.buffers)
        stream = Feedback(self.name, capacity, self.feedback_statistics, on_queued)
        inbox = inbox_of(self.runner)
        number = inbox.open(stream)
        label = GoalLabel(
            number, self.caller, qos.value, self.formats.fingerprints, self.formats.literals
        )
        self.statistics.fired += 1
        target = Target(self.node, core_node, instance_id)
        self._departed[number] = set()
        try:
            reply = await self._offer(payload, pack(label), timeout, target, stream)
        except BaseException as error:
            inbox.forget(number)
            if not isinstance(error, Refused | Missing):
                self._leave(number, target)
            self._count(error)
            if isinstance(error, Missing):
                raise ActionUnreachable(self.name, str(error), instance_id) from None
            if isinstance(error, TransportError):
                raise self._translated(error, stream, timeout, instance_id) from None
            raise
        finally:
            departed = self._departed.pop(number)
        return self._fired(number, stream, reply, target, departed)

    async def _offer(
        self, payload: bytes, label: bytes, timeout: float, target: Target, stream: Feedback
    ) -> Reply:
        """Return what the server that took the goal says; wait for one that is about to come."""
        pattern = keys.action_pattern(
            "goal", self.name, self.node, target.core_node, target.instance_id
        )
        servers = f"{pattern}/*"
        deadline = anyio.current_time() + timeout
        neighbours, again = neighbours_of(self.runner), False
        while True:
            left = max(0.0, deadline - anyio.current_time())
            try:
                return await self.runner.exchange.ask(
                    pattern,
                    payload,
                    attachment=label,
                    timeout=left,
                    servers=servers,
                    contested=True,
                    on_note=stream.noted,
                )
            except Unreachable as error:
                if error.left:
                    raise
            await neighbours.wait_for(target, left, self.servers, again=again)
            again = True

    def _fired(
        self, number: int, stream: Feedback, reply: Reply, target: Target, departed: set[str]
    ) -> FiredGoal:
        try:
            data = self.formats.decode("goal response", reply.payload)
        except UnreadablePayload as error:
            self.statistics.unreadable += 1
            self._leave(number, target)
            raise ActionError(self.name, error.sentence, target.instance_id) from None
        goal = FiredGoal(self, number, reply, stream, data)
        if self.formats.can_reject and getattr(data, "accepted", True) is False:
            self.statistics.rejected += 1
            goal.end("the goal was rejected")
        else:
            self.statistics.accepted += 1
            self._goals[number] = goal
            if self._closed:
                goal.end(SHUT_DOWN)
            elif goal.announcement in departed:
                goal.end(GONE)
        return goal

    def _leave(self, number: int, target: Target) -> None:
        """Let servers know that a goal is not wanted: one may have decided on it by now."""
        transport = self.runner.transport
        pattern = keys.action_pattern(
            "leave", self.name, self.node, target.core_node, target.instance_id
        )
        try:
            way = transport.publisher(pattern, Delivery.RELIABLE)
            way.put(transport.identity.encode(), pack(AskLabel(number, self.caller)))
            way.close()
        except TransportError:
            return  # then they see that we are gone

    def _presence_changed(self, presence: Presence) -> None:
        if presence.present:
            self.servers.add(presence.key)
            for departed in self._departed.values():
                departed.discard(presence.key)
            return
        self.servers.discard(presence.key)
        for departed in self._departed.values():
            departed.add(presence.key)
        for goal in list(self._goals.values()):
            if goal.announcement == presence.key:
                goal.end(GONE)

    def _count(self, error: BaseException) -> None:
        match error:
            case Refused(kind="mismatch"):
                self.statistics.mismatched += 1
            case Refused():
                self.statistics.refused += 1
            case _:
                self.statistics.unanswered += 1

    def _translated(
        self, error: TransportError, stream: Feedback, timeout: float, instance_id: str | None
    ) -> Exception:
        match error:
            case Refused(kind="mismatch", reason=reason):
                return ActionMismatch(self.name, reason, instance_id)
            case Refused(reason=reason):
                return ActionError(self.name, reason, instance_id)
            case Unanswered(acknowledged=True):
                why = f"its goal handler has not decided within {timeout:g} s"
                return ActionTimeout(self.name, why, instance_id)
            case Unanswered() if stream.ahead:
                goals = "1 other goal" if stream.ahead == 1 else f"{stream.ahead} other goals"
                why = f"after {timeout:g} s the goal was still waiting behind {goals}"
                return ActionTimeout(self.name, why, instance_id, stream.ahead)
            case Unreachable():
                return ActionUnreachable(self.name, GONE, instance_id)
            case Unanswered():
                why = f"nobody has taken up the goal within {timeout:g} s"
                return ActionUnreachable(self.name, why, instance_id)
            case _:
                return error

    def traffic(self) -> EndTraffic:
        """Return what went out and came back."""
        counted = msgspec.structs.asdict(self.statistics)
        feedback = self.feedback_statistics
        return EndTraffic(
            kind=EndKind.ACTION_CLIENT,
            name=self.name,
            messages=counted.pop("fired"),
            bytes=feedback.bytes,
            dropped=feedback.dropped,
            more=counted | {"feedback": feedback.received, "feedback_lost": feedback.lost},
        )

    def close(self) -> None:
        """End all goals here; whoever waits for feedback hears that."""
        self._closed = True
        self._presence.close()
        for goal in list(self._goals.values()):
            goal.end(SHUT_DOWN)

    def __repr__(self) -> str:
        return f"<ActionClient of '{self.name}' of '{self.node}'>"
