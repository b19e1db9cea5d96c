"""A goal of the node under test, carried out by the test."""

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import anyio

from peppy.runtime.action_formats import ActionFormats
from peppy.runtime.action_server import ActionServer
from peppy.runtime.transport.loops import give_way
from peppy.testing.failures import WITHIN, HandlerFailure
from peppy.testing.peers import Peers

G = TypeVar("G")
R = TypeVar("R")
F = TypeVar("F")
S = TypeVar("S")

_GIVEN_UP: Final = "the node has given it up"


class GoalMisplayed(AssertionError):
    """A goal is asked for what it cannot do now: it is not accepted yet, say, or has ended."""

    def __init__(self, action: str, why: str) -> None:
        super().__init__(f"goal of action '{action}': {why}")


class PlayedGoal(Generic[G, R, F, S]):
    """One goal that the node has fired; the test is its server.

    First it is accepted or rejected; then come feedback, and a result or an accepted cancel.
    """

    def __init__(
        self,
        peers: Peers,
        name: str,
        formats: ActionFormats,
        server: ActionServer,
        server_id: str,
        data: G,
    ) -> None:
        """For `ActionMock`."""
        self.data = data
        """What the node asks for; None if the action has no format for it."""
        self.accepted = False
        """Whether it has been."""
        self.ended_by: str | None = None
        """What has ended it, if anything has."""
        self._peers = peers
        self._name = name
        self._formats = formats
        self._server = server
        self._server_id = server_id
        self._decision: Callable[[], Any] | None = None
        self._decided, self._told = anyio.Event(), anyio.Event()
        self._given_up = False
        self._outcome: Callable[[], Any] | None = None
        self._finished = anyio.Event()
        self._on_finish: Callable[[], None] | None = None
        self._cancel: _Cancel | None = None

    # What the test does.

    async def accept(self, response: R | None = None) -> None:
        """Take the goal on; without a `response`, with one that says `accepted` and no more.

        Returns when the node has been told. Raises `UnfitValue` for a response that does not fit,
        and `GoalMisplayed` if the goal is decided already, or the node has given it up.
        """
        answer = self._response(response, accepted=True)
        await self._decide(lambda: answer, accepted=True)

    async def reject(self, response: R | None = None) -> None:
        """Do not take the goal on; as `accept` does."""
        if not self._formats.can_reject:
            raise self._wrong("its response has no field 'accepted', so it can only 'fail_with'")
        answer = self._response(response, accepted=False)
        await self._decide(lambda: answer, accepted=False)

    async def fail_with(self, text: str) -> None:
        """Have the server fail, in its decision on the goal or, later, in the goal's result."""

        def fail() -> Any:
            raise HandlerFailure(text)

        if self.accepted:
            await self._finish(fail)
        else:
            await self._decide(fail, accepted=False)

    async def feedback(self, message: F) -> None:
        """Tell the node how far it is. Raises `UnfitValue`, and `GoalMisplayed` after its end."""
        self._check_active("feedback")
        await self._server.emit_feedback(message)
        self._note("feedback", message)
        await give_way()

    async def succeed(self, result: S) -> None:
        """Have `result` there for the node to ask for; it may be one that speaks of a failure.

        Raises `UnfitValue`, and `GoalMisplayed` if the goal is not at work.
        """
        self._formats.encode("result", result)
        await self._finish(lambda: result)

    async def cancel_requested(self, within: float = WITHIN) -> None:
        """Return when the node wants the goal cancelled; raise `NotSeen` after so many seconds."""
        __tracebackhide__ = True

        def missing(when: str) -> str:
            node = self._peers.under_test.node
            goal = f"its goal of '{self._name}'"
            return f"node '{node}' has not asked to cancel {goal} {when}"

        await self._peers.until(lambda: self._cancel is not None, within, missing)

    async def accept_cancel(self, message: str | None = None) -> None:
        """Let the goal be cancelled; it has ended then."""
        await self._answer_cancel(message, accepted=True)
        self.end("it was cancelled")

    async def refuse_cancel(self, message: str | None = None) -> None:
        """Go on with the goal."""
        await self._answer_cancel(message, accepted=False)

    # What the mock does.

    async def decide(self) -> Any:
        """Return the decision on the goal once the test has made it, or raise what that raises."""
        try:
            await self._decided.wait()
        except BaseException:
            self._given_up = True
            self.end(_GIVEN_UP)
            self._told.set()
            raise
        return None if self._decision is None else self._decision()

    def told(self) -> None:
        """Take in that the node knows of the decision."""
        self._told.set()

    def when_finished(self, function: Callable[[], None]) -> None:
        """Have `function` called once its result is there."""
        self._on_finish = function

    @property
    def result_due(self) -> bool:
        """Whether its result is there for who asks."""
        return self._finished.is_set() and self.ended_by is None

    async def result(self) -> Any:
        """Return the result once it is there, or raise what the test wants raised."""
        await self._finished.wait()
        if self._outcome is None:
            raise HandlerFailure(self.ended_by or "there is none")
        self.end("its result was given")
        given = self._outcome()
        self._note("result", given)
        return given

    async def decide_cancel(self) -> Any:
        """Return the answer to a wish to cancel once the test has given it."""
        cancel = self._cancel = _Cancel()
        self._note("cancel", None, self._peers.under_test.instance_id)
        self._peers.changed()
        await cancel.decided.wait()
        response = self._formats.message("cancel response")
        return None if response is None else response(cancel.accepted, cancel.message)

    def cancel_told(self) -> None:
        """Take in that the node knows of the answer to its cancel."""
        if self._cancel is not None:
            self._cancel.told.set()
            self._cancel = None

    def end(self, why: str) -> None:
        """Take in that it has ended."""
        self.ended_by = self.ended_by or why
        self._finished.set()
        if self._cancel is not None:
            self._cancel.decided.set()

    # How.

    def _response(self, response: R | None, *, accepted: bool) -> object:
        kind = self._formats.message("goal response")
        answer: object = response
        if response is None and kind is not None:
            try:
                answer = kind(accepted=accepted) if self._formats.can_reject else kind()
            except TypeError:
                why = f"its response says more than 'accepted': give a '{kind.__qualname__}'"
                raise self._wrong(why) from None
        self._formats.encode("goal response", answer)
        return answer

    async def _decide(self, decision: Callable[[], Any], *, accepted: bool) -> None:
        if self.ended_by is not None:
            raise self._wrong(self.ended_by)
        if self._decision is not None:
            raise self._wrong("it was accepted or rejected before")
        self._decision, self.accepted = decision, accepted
        if not accepted:
            self.ended_by = "it was not accepted"
        self._decided.set()
        await self._told.wait()
        if self._given_up:
            raise self._wrong(_GIVEN_UP)
        await give_way()

    async def _finish(self, outcome: Callable[[], Any]) -> None:
        self._check_active("a result")
        if self._outcome is not None:
            raise self._wrong("it has a result already")
        self._outcome = outcome
        self._finished.set()
        if self._on_finish is not None:
            self._on_finish()
        await give_way()

    async def _answer_cancel(self, message: str | None, *, accepted: bool) -> None:
        if self._cancel is None:
            raise self._wrong("no cancel waits for an answer: wait for 'cancel_requested()' first")
        cancel = self._cancel
        cancel.accepted, cancel.message = accepted, message
        cancel.decided.set()
        await cancel.told.wait()
        await give_way()

    def _check_active(self, what: str) -> None:
        if self.ended_by is not None:
            raise self._wrong(f"there is no {what} any more: {self.ended_by}")
        if not self.accepted:
            raise self._wrong(f"it is not accepted yet, and {what} comes after that")

    def _wrong(self, why: str) -> GoalMisplayed:
        return GoalMisplayed(self._name, why)

    def _note(self, what: str, message: object, who: str | None = None) -> None:
        me = self._server_id if who is None else who
        self._peers.note(me, f"{self._name} {what}", message)

    def __repr__(self) -> str:
        state = self.ended_by or ("at work" if self.accepted else "to be decided")
        return f"<PlayedGoal of '{self._name}': {state}>"


class _Cancel:
    """A wish to cancel that waits for an answer."""

    def __init__(self) -> None:
        self.accepted = False
        self.message: str | None = None
        self.decided, self.told = anyio.Event(), anyio.Event()
