"""What takes hold of the whole stack: a launch, a restart, its end; and going back after a crash.

One at a time, and while it lasts nothing else changes the stack. Whatever it changes, it first
writes down what there was; until that is taken out of the journal, that is what counts.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar, assert_never

import msgspec

from peppy.actors.host.ports import silent
from peppy.actors.kernel import Actor, Promise, Ref
from peppy.actors.stack import clearing
from peppy.actors.stack.hands import Hands
from peppy.actors.stack.launching import Launching
from peppy.actors.stack.ledger import UndertakingRecord
from peppy.actors.stack.outcomes import Done, Failed
from peppy.actors.stack.retirement import Member
from peppy.actors.stack.site import Site
from peppy.actors.stack.undertaking_messages import GiveUp, UndertakingOver
from peppy.schema.frames import Note
from peppy.schema.launch import CancelLaunch, CancelView, ClearStack, Launch, RestartStack
from peppy.schema.names import NodeId

A = TypeVar("A")

UNDOING: Final = 60.0
"""Seconds that an undertaking has to write down how things stand when its actor is stopped."""


class BroughtBack(msgspec.Struct, frozen=True):
    """As much as could be has been started again."""


Message = Launch | CancelLaunch | ClearStack | RestartStack | GiveUp | Done | Failed | BroughtBack


class Undertaking(Actor[Message]):
    """One of them; it ends when it has answered."""

    def __init__(
        self,
        site: Site,
        stack: Ref[Any],
        former: Mapping[NodeId, Member],
        interrupted: UndertakingRecord | None = None,
    ) -> None:
        """`former` are the nodes that are there now."""
        self._site = site
        self._stack = stack
        self._former = former
        self._interrupted = interrupted
        self._hands: Hands | None = None
        self._token: str | None = None
        """Of a launch; other undertakings are not cancelled."""

    def started(self) -> None:
        """Begin at once where there is something to finish."""
        if self._interrupted is not None:
            hands = self._hold(silent)
            self.background(
                clearing.bring_back, hands, self._interrupted, done=lambda _: BroughtBack()
            )

    def receive(self, message: Message) -> None:
        """Take one message."""
        match message:
            case Launch():
                self._token = message.token
                promise = self.promise(message)
                launching = Launching(self._hold(promise.note), message)
                self._carry_out(promise, launching.run)
            case ClearStack():
                self._clear(message, clearing.clear)
            case RestartStack():
                self._clear(message, clearing.restart)
            case CancelLaunch(token=token):
                self._cancel(message, token)
            case GiveUp(going_down):
                if self._hands is not None:
                    self._hands.give_up(going_down=going_down)
            case Done() | Failed():
                self._let_go()
                message.deliver()
            case BroughtBack():
                self._let_go()
            case _:
                assert_never(message)

    def __repr__(self) -> str:
        return "<Undertaking>"

    def _cancel(self, request: CancelLaunch, token: str) -> None:
        meant = self._token is not None and token in ("", self._token)
        if meant and self._hands is not None:
            self._hands.give_up(going_down=False)
        self.answer(request, CancelView(cancelled=meant))

    def _let_go(self) -> None:
        """End; whoever has the answer finds that others may change the stack again."""
        self._stack.tell(UndertakingOver(self.me))
        self.stop()

    def _clear(self, request: Any, work: Callable[[Hands, Any], Awaitable[Any]]) -> None:
        promise: Promise[Any] = self.promise(request)
        hands = self._hold(promise.note)
        self._carry_out(promise, lambda: work(hands, request))

    def _hold(self, note: Callable[[Note], None]) -> Hands:
        self._hands = Hands(self._site, self._stack, self._former, note)
        return self._hands

    def _carry_out(self, promise: Promise[A], work: Callable[[], Awaitable[A]]) -> None:
        promise.on_abandon(GiveUp())
        self.background(
            work,
            done=lambda answer: Done(promise, answer),
            failed=lambda error: Failed(promise, error),
        )
