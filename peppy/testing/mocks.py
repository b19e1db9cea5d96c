"""What a node under test consumes, played by the test."""

import dataclasses
from collections.abc import Awaitable, Callable
from contextlib import suppress
from inspect import isawaitable
from typing import Any, Generic, TypeVar, cast

import anyio

from peppy.runtime.service_server import Server
from peppy.runtime.services import ConsumedService
from peppy.runtime.topics import ConsumedTopic
from peppy.runtime.transport.loops import give_way
from peppy.runtime.transport.port import Closed
from peppy.runtime.unfit import UnfitValue, shown
from peppy.schema import keys
from peppy.testing.action_mock import ActionMock
from peppy.testing.arrivals import Arrivals
from peppy.testing.failures import WITHIN, HandlerFailure
from peppy.testing.peers import OUTSIDE, Peers
from peppy.testing.played_goal import PlayedGoal

__all__ = ["ActionMock", "HandlerFailure", "PlayedGoal", "ServiceMock", "TopicMock"]

M = TypeVar("M")
Q = TypeVar("Q")
A = TypeVar("A")


class TopicMock(Generic[M]):
    """A topic that the node under test consumes: the test publishes it."""

    def __init__(self, peers: Peers, topic: ConsumedTopic[M]) -> None:
        self._peers = peers
        self._consumed = topic
        self._topic = topic.other_end()
        peers.knows(topic.name, topic.node or OUTSIDE, self._topic.codec, topic.message)
        if topic.node is not None:
            peers.consumes(topic.node, topic.link)

    async def publish(
        self, message: M, *, instance_id: str | None = None, within: float = WITHIN
    ) -> None:
        """Publish `message`, once the node listens to it; then let the node have a turn.

        It comes from `instance_id`, by default from the one that stands for the dependency. Raises
        `UnfitValue` naming a field that does not fit, and `NotSeen` if the node has not subscribed
        within so many seconds.
        """
        expected = self._topic.message
        if not isinstance(message, expected):
            problem = f"must be a {expected.__qualname__}, not {shown(message)}"
            raise UnfitValue(problem, subject=f"topic '{self._topic.name}'")
        __tracebackhide__ = True
        topic, peers = self._consumed, self._peers
        runner = peers.stand_in(topic.node, topic.link, instance_id)
        await self.subscribed(instance_id=instance_id, within=within)
        values: Any = message
        names = [field.name for field in dataclasses.fields(values)]
        await self._topic.emit(runner, *(getattr(message, name) for name in names))
        await give_way()

    async def subscribed(self, *, instance_id: str | None = None, within: float = WITHIN) -> None:
        """Return once the node listens to this topic of that instance; else as `publish`."""
        topic, peers = self._consumed, self._peers
        who = instance_id or peers.instance_for(topic.node, topic.link)
        __tracebackhide__ = True

        def missing(when: str) -> str:
            return (
                f"node '{peers.under_test.node}' has not subscribed to topic '{topic.name}' of"
                f" '{who}' {when}"
            )

        await peers.until(lambda: self.matched(instance_id=instance_id), within, missing)

    def matched(self, *, instance_id: str | None = None) -> bool:
        """Say whether the node listens to this topic of that instance."""
        topic, peers = self._consumed, self._peers
        who = instance_id or peers.instance_for(topic.node, topic.link)
        return peers.listened_to(keys.topic(peers.address_of(topic.node, who), topic.name))

    def __repr__(self) -> str:
        return f"<TopicMock of '{self._topic.name}'>"


class _Incoming:
    """A request as the server of a mock sees it."""

    __slots__ = ("data", "instance_id")

    def __init__(self, instance_id: str, core_node: str, data: Any = None) -> None:
        del core_node
        self.instance_id = instance_id
        self.data = data


class ServiceMock(Generic[Q, A]):
    """A service that the node under test calls: the test answers.

    Until it is told how, nobody serves it. What is said last holds, from the next request on.
    """

    def __init__(self, peers: Peers, service: ConsumedService) -> None:
        self._arrived = Arrivals[Q](peers, f"called service '{service.name}'")
        self._peers = peers
        self._service = service
        self._handler: Callable[[Q], A | Awaitable[A]] | None = None
        self._server: Server | None = None
        peers.consumes(service.node, service.link)
        peers.names.others.add(service.name)
        peers.at_opening(self._follow)

    @property
    def requests(self) -> list[Q]:
        """All that was asked so far."""
        return self._arrived.all

    def answer_with(self, response: A) -> None:
        """Answer every request with `response`; raises `UnfitValue` if that does not fit."""
        self._check(response)
        self.answer(lambda _: response)

    def answer(self, handler: Callable[[Q], A | Awaitable[A]]) -> None:
        """Answer every request with what `handler`, plain or `async`, returns for it.

        What it raises is told to the caller and fails the test; `HandlerFailure` is only told.
        """
        self._handler = handler
        self._peers.at_opening(self._follow)

    def fail_with(self, text: str) -> None:
        """Have every call fail, with `text` in what the caller is told."""

        def fail(_: Q) -> A:
            raise HandlerFailure(text)

        self.answer(fail)

    def leave_unanswered(self) -> None:
        """Take requests up and never answer them: calls time out."""

        async def wait(_: Q) -> A:
            await anyio.sleep_forever()
            raise AssertionError

        self.answer(wait)

    def be_unreachable(self) -> None:
        """Serve it no more, as if nobody were there."""
        self._handler = None
        self._peers.at_opening(self._follow)

    async def next_request(self, within: float = WITHIN) -> Q:
        """Return the next request that was not returned before, waiting for it.

        Raises `NotSeen` after so many seconds.
        """
        __tracebackhide__ = True
        return await self._arrived.next(within)

    def _follow(self) -> None:
        """Serve, or do not, as it was said last."""
        service = self._service
        if self._handler is None and self._server is not None:
            self._server.close()
            self._server = None
        elif self._handler is not None and self._server is None:
            runner = self._peers.stand_in(service.node, service.link)
            formats = service.formats
            self._server = runner.add_end(
                Server(runner, service.name, formats, _Incoming, formats.response_message)
            )
            self._serve(self._server)

    def _serve(self, server: Server) -> None:
        async def one() -> None:
            with suppress(Closed):
                await server.handle_next(lambda request: self._take(server, request))

        self._peers.spawn(one)

    def _take(self, server: Server, request: _Incoming) -> Awaitable[A]:
        self._serve(server)  # a request may wait long for its answer, and keeps no other waiting
        data = cast("Q", request.data)
        self.requests.append(data)
        self._peers.note(request.instance_id, f"{self._service.name} request", data)
        self._peers.changed()
        return self._answered(data)

    async def _answered(self, data: Q) -> A:
        if self._handler is None:
            raise HandlerFailure("it is not served any more")
        try:
            returned = self._handler(data)
            answer = cast("A", await returned if isawaitable(returned) else returned)
            self._check(answer)
        except HandlerFailure:
            raise
        except Exception as error:
            self._peers.trouble(error)
            raise
        who = self._peers.instance_for(self._service.node, self._service.link)
        self._peers.note(who, f"{self._service.name} response", answer)
        return answer

    def _check(self, response: object) -> None:
        formats = self._service.formats
        expected = formats.response_message
        if formats.response is None or expected is None:
            return
        if not isinstance(response, expected):
            problem = f"must be a {expected.__qualname__}, not {shown(response)}"
            raise UnfitValue(problem, subject=f"response of service '{self._service.name}'")
        formats.response.encode(response)

    def __repr__(self) -> str:
        return f"<ServiceMock of '{self._service.name}'>"
