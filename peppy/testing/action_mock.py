"""An action that the node under test starts, served by the test."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from peppy.runtime.action_server import ActionServer, RequestTypes
from peppy.runtime.action_waiting import Bell
from peppy.runtime.actions import ConsumedAction
from peppy.runtime.transport.port import Closed
from peppy.testing.arrivals import Arrivals
from peppy.testing.failures import WITHIN, HandlerFailure
from peppy.testing.peers import Peers
from peppy.testing.played_goal import PlayedGoal

G = TypeVar("G")
R = TypeVar("R")
F = TypeVar("F")
S = TypeVar("S")


class _Incoming:
    """A request as the server of a mock sees it."""

    __slots__ = ("data", "instance_id")

    def __init__(self, instance_id: str, core_node: str, data: Any = None) -> None:
        del core_node
        self.instance_id = instance_id
        self.data = data


class ActionMock(Generic[G, R, F, S]):
    """An action that the node under test starts. Goals wait until the test takes them.

    One is decided at a time, and the one accepted last is at work, as with every server.
    """

    def __init__(self, peers: Peers, action: ConsumedAction) -> None:
        self._arrived = Arrivals[PlayedGoal[G, R, F, S]](peers, f"fired a goal of '{action.name}'")
        self._peers = peers
        self._action = action
        self._server: ActionServer | None = None
        self._reachable = True
        self._script: Callable[[PlayedGoal[G, R, F, S]], Awaitable[None]] | None = None
        peers.consumes(action.node, action.link)
        peers.names.others.add(action.name)
        peers.at_opening(self._follow)

    @property
    def goals(self) -> list[PlayedGoal[G, R, F, S]]:
        """All that came so far."""
        return self._arrived.all

    async def next_goal(self, within: float = WITHIN) -> PlayedGoal[G, R, F, S]:
        """Return the next goal that was not returned before, waiting for it.

        Raises `NotSeen` after so many seconds.
        """
        __tracebackhide__ = True
        return await self._arrived.next(within)

    def play(self, script: Callable[[PlayedGoal[G, R, F, S]], Awaitable[None]]) -> None:
        """Have `script` play every goal that comes from now on; its failure fails the test."""
        self._script = script

    def be_unreachable(self) -> None:
        """Serve it no more, as if nobody were there."""
        self._reachable = False
        self._peers.at_opening(self._follow)

    def _follow(self) -> None:
        if not self._reachable:
            if self._server is not None:
                self._server.close()
                self._server = None
        elif self._server is None:
            peers, action = self._peers, self._action
            runner = peers.stand_in(action.node, action.link)
            types = RequestTypes(_Incoming, _Incoming, _Incoming)
            server = ActionServer(action.name, runner, action.formats, types)
            self._server = runner.add_end(server)
            play = _Play(server, self._met)
            for work in (play.decide_on_goals, play.give_results, play.answer_cancels):
                peers.spawn(work)

    def _met(self, server: ActionServer, request: _Incoming) -> PlayedGoal[Any, Any, Any, Any]:
        peers, action = self._peers, self._action
        who = peers.instance_for(action.node, action.link)
        goal: PlayedGoal[G, R, F, S] = PlayedGoal(
            peers, action.name, action.formats, server, who, request.data
        )
        self.goals.append(goal)
        peers.note(request.instance_id, f"{action.name} goal", request.data)
        if self._script is not None:
            script = self._script

            async def play() -> None:
                try:
                    await script(goal)
                except HandlerFailure as failure:
                    await goal.fail_with(str(failure))
                except Exception as error:
                    peers.trouble(error)

            peers.spawn(play)
        peers.changed()
        return goal

    def __repr__(self) -> str:
        return f"<ActionMock of '{self._action.name}'>"


class _Play:
    """The server's three ways in, each waiting for what the test says."""

    def __init__(
        self,
        server: ActionServer,
        met: Callable[[ActionServer, _Incoming], PlayedGoal[Any, Any, Any, Any]],
    ) -> None:
        self._server = server
        self._met = met
        self._deciding: PlayedGoal[Any, Any, Any, Any] | None = None
        self._current: PlayedGoal[Any, Any, Any, Any] | None = None
        self._finished = Bell()

    async def decide_on_goals(self) -> None:
        with suppress(Closed):
            while True:
                await self._server.handle_goal(self._decide)
                if self._deciding is not None:
                    self._deciding.told()

    async def _decide(self, request: _Incoming) -> Any:
        goal = self._deciding = self._met(self._server, request)
        goal.when_finished(self._finished.ring)
        response = await goal.decide()
        if goal.accepted:
            if self._current is not None:
                self._current.end("the next goal was accepted")
            self._current = goal
        return response

    async def give_results(self) -> None:
        with suppress(Closed):
            while True:
                current = self._current
                if current is not None and current.result_due:
                    await self._server.handle_result(self._result)
                else:
                    await self._finished.wait()

    async def _result(self, request: _Incoming) -> Any:
        del request
        if self._current is None:
            raise HandlerFailure("there is no goal")
        return await self._current.result()

    async def answer_cancels(self) -> None:
        with suppress(Closed):
            while True:
                await self._server.handle_cancel(self._cancel)
                if self._current is not None:
                    self._current.cancel_told()

    async def _cancel(self, request: _Incoming) -> Any:
        del request
        if self._current is None:
            raise HandlerFailure("there is no goal")
        return await self._current.decide_cancel()
