"""What a node under test offers, as the test sees and uses it."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Generic, TypeVar, overload

import anyio

from peppy.runtime.action_client import ActionClient
from peppy.runtime.action_errors import ActionFeedbackEnded
from peppy.runtime.action_fired import AnswerTypes, FiredGoal
from peppy.runtime.actions import ExposedAction
from peppy.runtime.qos import QoSProfile
from peppy.runtime.service_caller import Caller
from peppy.runtime.services import ExposedService
from peppy.runtime.topics import EmittedTopic
from peppy.runtime.transport.port import Sample
from peppy.schema import keys
from peppy.testing.failures import WITHIN, NodeEnded, NotSeen, seconds
from peppy.testing.peers import Peers, readers

M = TypeVar("M")
Q = TypeVar("Q")
A = TypeVar("A")
G = TypeVar("G")
R = TypeVar("R")
F = TypeVar("F")
S = TypeVar("S")


class TopicProbe(Generic[M]):
    """A topic that the node under test emits: the test hears every message of it."""

    def __init__(self, peers: Peers, topic: EmittedTopic[M]) -> None:
        self.received: list[M] = []
        """All messages so far, the first one first."""
        self._peers = peers
        self._topic = topic
        self._handed_out = 0
        peers.knows(topic.name, peers.under_test.node, topic.codec, topic.message)
        peers.at_opening(self._listen)

    async def next(self, within: float = WITHIN, where: Callable[[M], object] | None = None) -> M:
        """Return the next message that was not returned before, waiting for it.

        With `where`, those for which it is not true are passed over. Raises `NotSeen` after so many
        seconds, and `NodeEnded` as soon as none can come any more.
        """
        __tracebackhide__ = True
        begun = self._handed_out

        def found() -> bool:
            while len(self.received) > self._handed_out:
                self._handed_out += 1
                if where is None or where(self.received[self._handed_out - 1]):
                    return True
            return False

        def missing(when: str) -> str:
            return self._missing(begun, when, chosen=where is not None)

        await self._peers.until(found, within, missing)
        return self.received[self._handed_out - 1]

    async def stays_silent(self, for_seconds: float) -> None:
        """Return after so many seconds; raise `AssertionError` if a message comes meanwhile.

        Those count as well that came before and were not returned.
        """
        try:
            message = await self.next(for_seconds)
        except NotSeen:
            return
        except NodeEnded:
            return
        name = self._topic.name
        raise AssertionError(f"topic '{name}' was to stay silent, and this came: {message!r}")

    def __aiter__(self) -> AsyncIterator[M]:
        """Iterate over the messages that were not returned before, until the node has ended."""
        return self._messages()

    async def _messages(self) -> AsyncGenerator[M, None]:
        while True:
            try:
                yield await self.next(float("inf"))
            except NodeEnded:
                return

    def _listen(self) -> None:
        peers = self._peers
        key = keys.topic(peers.under_test, self._topic.name)
        peers.tester().transport.listen(key, self._heard)

    def _heard(self, sample: Sample) -> None:
        self.received.extend(read() for read in readers(sample, self._topic.codec))
        self._peers.changed()

    def _missing(self, begun: int, when: str, *, chosen: bool) -> str:
        node, name = self._peers.under_test.node, self._topic.name
        what = "such message" if chosen else "message"
        sentence = f"node '{node}' has emitted no {what} on topic '{name}' {when}"
        passed = self.received[begun:]
        if passed:
            others_came = "1 other came" if len(passed) == 1 else f"{len(passed)} others came"
            return f"{sentence}; {others_came}, the last is {passed[-1]!r}"
        if begun:
            return f"{sentence}; {begun} came before, the last is {self.received[begun - 1]!r}"
        others = Counter(self._peers.emitted)
        others.pop(name, None)
        if not others:
            return f"{sentence}, and none on any other"
        counted = ", ".join(f"'{other}' ({count})" for other, count in sorted(others.items()))
        return f"{sentence}; it has emitted {counted}"

    def __repr__(self) -> str:
        return f"<TopicProbe of '{self._topic.name}'>"


class _Answer:
    """An answer as the probes' ends of the wire see it."""

    __slots__ = ("data",)

    def __init__(self, core_node: str, instance_id: str, data: Any = None) -> None:
        del core_node, instance_id
        self.data = data


class ServiceProbe(Generic[Q, A]):
    """A service that the node under test exposes: the test calls it."""

    def __init__(self, peers: Peers, service: ExposedService) -> None:
        self._peers = peers
        self._service = service
        self._caller: Caller | None = None
        peers.names.others.add(service.name)

    @overload
    async def call(
        self: "ServiceProbe[None, A]", request: None = None, timeout: float = WITHIN
    ) -> A: ...

    @overload
    async def call(self, request: Q, timeout: float = WITHIN) -> A: ...

    async def call(self, request: Any = None, timeout: float = WITHIN) -> A:
        """Return the node's answer, None if there is nothing in one; within `timeout` seconds.

        Raises `ServiceUnreachable`, `ServiceTimeout`, `ServiceError` and `ValueError`, as a call of
        another node does (`ConsumedService.poll`).
        """
        peers, name = self._peers, self._service.name
        if self._caller is None:
            runner, formats = peers.tester(), self._service.formats
            node = peers.under_test.node
            self._caller = runner.add_end(Caller(runner, node, name, formats, _Answer))
        peers.note(peers.tester().address.instance_id, f"{name} request", request)
        answer = await self._caller.call(request, timeout, None, peers.under_test.instance_id)
        data: Any = None if answer is None else answer.data
        peers.note(peers.under_test.instance_id, f"{name} response", data)
        return data  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"<ServiceProbe of '{self._service.name}'>"


class ProbedGoal(Generic[R, F, S]):
    """A goal that the test has fired, and the node under test has decided on."""

    def __init__(self, peers: Peers, name: str, goal: FiredGoal) -> None:
        """For `ActionProbe`."""
        self._peers = peers
        self._name = name
        self._goal = goal

    @property
    def data(self) -> R:
        """The node's answer to the goal; None if the action has no format for it."""
        data: R = self._goal.data
        return data

    async def next_feedback(self, within: float = WITHIN) -> F:
        """Return the next feedback, waiting for it.

        Raises `NotSeen` after so many seconds, `ActionFeedbackEnded` once no more can come.
        """
        with anyio.move_on_after(within):
            message: F = await self._goal.next_feedback()
            self._note("feedback", message)
            return message
        node = self._peers.under_test.node
        what = f"no feedback for the goal of '{self._name}'"
        raise NotSeen(f"node '{node}' has given {what} {seconds(within)}")

    async def feedback(self) -> AsyncGenerator[F, None]:
        """Iterate over the feedback until the goal has ended."""
        while True:
            try:
                message = await self.next_feedback(float("inf"))
            except ActionFeedbackEnded:
                return
            yield message

    async def result(self, timeout: float = WITHIN) -> S:
        """Return the goal's result within `timeout` seconds, None if there is nothing in it.

        Raises `ActionResultUnreachable`, `ActionResultTimeout` and `ActionError`, as
        `FiredGoal.get_result` does.
        """
        answer: _Answer = await self._goal.get_result(timeout)
        self._note("result", answer.data)
        result: S = answer.data
        return result

    async def cancel(self, timeout: float = WITHIN) -> Any:
        """Ask the node to cancel it; return its answer, with `accepted` and `error_message`.

        Raises `ActionUnreachable`, `ActionTimeout` and `ActionError`, as `FiredGoal.cancel_goal`
        does, after `timeout` seconds at the latest.
        """
        answer: _Answer = await self._goal.cancel_goal(timeout)
        self._note("cancel", answer.data)
        return answer.data

    def _note(self, what: str, message: object) -> None:
        self._peers.note(self._peers.under_test.instance_id, f"{self._name} {what}", message)

    def __repr__(self) -> str:
        return f"<ProbedGoal of '{self._name}'>"


class ActionProbe(Generic[G, R, F, S]):
    """An action that the node under test exposes: the test fires goals."""

    def __init__(self, peers: Peers, action: ExposedAction) -> None:
        self._peers = peers
        self._action = action
        self._client: ActionClient | None = None
        peers.names.others.add(action.name)

    @overload
    async def fire(
        self: "ActionProbe[None, R, F, S]",
        request: None = None,
        timeout: float = WITHIN,
        *,
        on_queued: Callable[[int], None] | None = None,
    ) -> ProbedGoal[R, F, S]: ...

    @overload
    async def fire(
        self,
        request: G,
        timeout: float = WITHIN,
        *,
        on_queued: Callable[[int], None] | None = None,
    ) -> ProbedGoal[R, F, S]: ...

    async def fire(
        self,
        request: Any = None,
        timeout: float = WITHIN,
        *,
        on_queued: Callable[[int], None] | None = None,
    ) -> ProbedGoal[R, F, S]:
        """Fire a goal; return once the node has accepted or rejected it.

        Raises `ActionUnreachable`, `ActionTimeout`, `ActionError` and `ValueError`, as a client in
        another node does (`ActionClient.fire`).
        """
        peers, name = self._peers, self._action.name
        if self._client is None:
            runner, types = peers.tester(), AnswerTypes(_Answer, _Answer)
            node, formats = peers.under_test.node, self._action.formats
            self._client = runner.add_end(ActionClient(node, name, runner, formats, types))
        peers.note(peers.tester().address.instance_id, f"{name} goal", request)
        to = peers.under_test.instance_id
        # No feedback is to be lost on a test that looks at it late.
        qos = QoSProfile.Reliable
        goal = await self._client.fire(request, timeout, qos, None, to, on_queued)
        peers.note(to, f"{name} goal response", goal.data)
        return ProbedGoal(peers, name, goal)

    def __repr__(self) -> str:
        return f"<ActionProbe of '{self._action.name}'>"
