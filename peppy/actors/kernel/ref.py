"""The ref: the only handle that others have of an actor; and what is left of it when it ended."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import trio

from peppy.actors.kernel.errors import ActorError
from peppy.actors.kernel.mailbox import Mailbox
from peppy.actors.kernel.promise import Note, Question, Reply
from peppy.actors.kernel.vitals import ActorStatistics, Phase, Vitals

A = TypeVar("A")
M_contra = TypeVar("M_contra", contravariant=True)


class Reason(enum.Enum):
    """Why an actor ended."""

    NORMAL = "normal"
    """It stopped itself, or was stopped, in good order."""
    FAILED = "failed"
    """It raised; `Ended.error` says what."""
    KILLED = "killed"
    """Its scope was cancelled: its grace ran out, or all around it was cancelled."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of an actor. `error` is set exactly if `reason` is `FAILED`."""

    ref: "Ref[Any]"
    reason: Reason
    error: Exception | None = None


class ActorEnded(ActorError):
    """Who was asked ended, or is ending, before it answered; `cause` is what it failed with."""

    def __init__(self, ref: "Ref[Any]", question: object, cause: Exception | None = None) -> None:
        self.ref = ref
        self.question = question
        self.cause = cause
        super().__init__(f"'{ref.path}' ended before it answered '{type(question).__name__}'")
        self.__cause__ = cause


class End:
    """The end of one actor: to come, or known."""

    __slots__ = ("_event", "_watchers", "ended")

    def __init__(self) -> None:
        self.ended: Ended | None = None
        self._event = trio.Event()
        self._watchers: dict[object, Callable[[Ended], None]] = {}

    async def wait(self) -> Ended:
        """Return it when it is known."""
        await self._event.wait()
        return cast("Ended", self.ended)

    def watch(self, tell: Callable[[Ended], None]) -> Callable[[], None]:
        """Call `tell` with it once, at once if it is known; return how to take that back."""
        key = object()
        if self.ended is not None:
            tell(self.ended)
        else:
            self._watchers[key] = tell

        def forget() -> None:
            self._watchers.pop(key, None)

        return forget

    def come(self, ended: Ended) -> None:
        """Make it known."""
        self.ended = ended
        self._event.set()
        watchers, self._watchers = self._watchers, {}
        for tell in watchers.values():
            tell(ended)


class Ref(Generic[M_contra]):
    """One actor, seen from outside. Equal only to itself: an actor made anew has a new ref."""

    __slots__ = ("__weakref__", "_end", "_mailbox", "_vitals", "children", "name", "number", "path")

    def __init__(
        self, name: str, path: str, number: int, mailbox: Mailbox, end: End, vitals: Vitals
    ) -> None:
        self.name = name
        self.path = path
        """The names from the root down, with `/` between them."""
        self.number = number
        """Counts the actors of one system; no two have the same."""
        self.children: tuple[Ref[Any], ...] = ()
        """Its children in start order, for whoever describes the tree; kept by the kernel."""
        self._mailbox = mailbox
        self._end = end
        self._vitals = vitals

    def __repr__(self) -> str:
        return f"<Ref {self.path}#{self.number}>"

    @property
    def is_running(self) -> bool:
        """Whether it still receives: False from the moment at which it begins to stop."""
        return self._vitals.phase is Phase.RUNNING

    @property
    def phase(self) -> Phase:
        """Where it is in its life."""
        return self._vitals.phase

    def tell(self, message: M_contra) -> None:
        """Send and forget. Never blocks; to an actor that ended, it is dropped and counted."""
        self._mailbox.put(message)

    async def ask(self, question: Question[A], *, note: Note | None = None) -> A:
        """Send a question and return its answer.

        `note` is called, in the actor's turn, with what it says on the way. Raises what the actor
        refused with, `Unanswered` if it forgot to answer, `ActorEnded` if it ends (or has) without.
        A cancelled asker goes away: the actor can see that, and its answer reaches nobody.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        reply = Reply(question, note)
        if not self._mailbox.put_question(reply):
            await trio.lowlevel.checkpoint()
            raise ActorEnded(self, question, self._failure())
        return cast("A", await reply.wait())

    async def ended(self) -> Ended:
        """Return its end when it has come; any number of times, by anyone."""
        return await self._end.wait()

    def statistics(self) -> ActorStatistics:
        """Return its counters, also after its end."""
        handlers = self._vitals.by_time()
        return ActorStatistics(
            received=sum(handler.count for handler in handlers),
            waiting=len(self._mailbox.items),
            high_water=max(self._mailbox.high_water, len(self._mailbox.items)),
            dropped=self._mailbox.dropped,
            restarts=self._vitals.restarts,
            handlers=handlers,
        )

    def on_end(self, tell: Callable[[Ended], None]) -> Callable[[], None]:
        """For the kernel: call `tell` when it ends, at once if it has; return how to undo that."""
        return self._end.watch(tell)

    def hand_over(self, reply: Reply) -> None:
        """For the kernel: make `reply` this actor's to answer."""
        if not self._mailbox.put_question(reply):
            reply.close(ActorEnded(self, reply.question, self._failure()))

    def _failure(self) -> Exception | None:
        return None if self._end.ended is None else self._end.ended.error
