"""Questions and answers: the reply slot that travels with a question, and the promise to answer.

One asker waits in one `Reply`. It is settled once: answered, refused, or closed by the kernel
because whoever held it ended. An asker that is cancelled abandons it; what is said to an abandoned
reply reaches nobody and is no error, because whoever holds it cannot know in time.
"""

import functools
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar, cast, final

import trio

from peppy.actors.kernel.errors import AlreadyAnswered, WrongAnswer

A_co = TypeVar("A_co", covariant=True)
A_contra = TypeVar("A_contra", contravariant=True)

Note = Callable[[object], None]
"""Where an asker takes what is said on the way to the answer."""


class Question(Protocol[A_co]):
    """A message that expects an answer of type `A_co`: any class with this class method."""

    @classmethod
    def answer_type(cls) -> type[A_co]:
        """Return the type that answers this question."""
        ...


@functools.cache
def checked_type(question: type[Question[Any]]) -> type[Any] | None:
    """Return the plain class that answers `question`, or None where no check is possible."""
    kind = cast("object", question.answer_type())
    # Typing lets an int stand for a float, `isinstance` does not.
    if not isinstance(kind, type) or kind in (float, complex):
        return None
    try:
        isinstance(None, kind)
    except TypeError:  # a protocol, a typed dictionary, `Any`
        return None
    return kind


@final
class Reply:
    """The place where one asker waits for one answer; it goes where the question goes."""

    __slots__ = (
        "_error",
        "_holder",
        "_leave",
        "_note",
        "_task",
        "_value",
        "abandoned",
        "question",
        "settled",
        "taken",
    )

    def __init__(self, question: Question[Any], note: Note | None = None) -> None:
        self.question = question
        self.settled = False
        """Whoever held it has had their say."""
        self.abandoned = False
        """Nobody waits any more."""
        self.taken = False
        """Promised or forwarded: no longer answered through the message."""
        self._note = note
        self._task: trio.lowlevel.Task | None = None
        self._value: Any = None
        self._error: Exception | None = None
        self._leave: list[Callable[[], None]] | None = None
        self._holder: dict[Reply, None] | None = None

    async def wait(self) -> Any:
        """Return the answer or raise what it was refused with; being cancelled abandons it."""
        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._abort)
        error = self._error
        if error is None:
            return self._value
        self._error = None
        try:
            raise error
        finally:
            del error  # a frame that holds its own exception is a ring for the collector

    def answer(self, value: Any) -> None:
        """Settle it; raises `AlreadyAnswered`, or `WrongAnswer` by the question's own word."""
        if self.settled:
            raise AlreadyAnswered(self.question)
        kind = checked_type(self.question.__class__)
        if kind is not None and not isinstance(value, kind):
            raise WrongAnswer(self.question, kind, value)
        self.settled = True
        self._value = value
        self._release()

    def refuse(self, error: Exception) -> None:
        """Settle it with an error that the asker raises; raises `AlreadyAnswered`."""
        if self.settled:
            raise AlreadyAnswered(self.question)
        self.settled = True
        self._error = error
        self._release()

    def note(self, item: object) -> None:
        """Say something on the way; an asker whose note raises gets that error as its answer."""
        if self.settled:
            raise AlreadyAnswered(self.question)
        if self._note is None or self.abandoned:
            return
        try:
            self._note(item)
        except Exception as error:  # the asker's own code: it is the asker who must hear of it
            self._error = error
            self._abandon()

    def close(self, error: Exception) -> None:
        """Let the asker go with `error`; whatever is said afterwards reaches nobody."""
        if not self.settled and not self.abandoned:
            self.abandoned = True
            self._error = error
            self._release()

    def hold(self, holder: "dict[Reply, None]") -> None:
        """Stand in `holder` for as long as an answer is due."""
        if not self.abandoned:
            holder[self] = None
            self._holder = holder

    def on_leave(self, call: Callable[[], None]) -> None:
        """Call once when the asker goes away; at once if it has."""
        if self.abandoned:
            call()
        elif not self.settled:
            self._leave = [*(self._leave or ()), call]

    def _release(self) -> None:
        if self._holder is not None:
            self._holder.pop(self, None)
        task, self._task = self._task, None
        if task is not None:
            trio.lowlevel.reschedule(task)

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._task = None
        self._abandon()
        return trio.lowlevel.Abort.SUCCEEDED

    def _abandon(self) -> None:
        self.abandoned = True
        self._release()
        calls, self._leave = self._leave, None
        for call in calls or ():
            call()


class Promise(Generic[A_contra]):
    """The duty to answer one question later, held by the actor that took it.

    The kernel refuses with `ActorEnded` what is still open when that actor ends.
    """

    __slots__ = ("_reply", "_tell")

    def __init__(self, reply: Reply, tell: Callable[[Any], None]) -> None:
        self._reply = reply
        self._tell = tell

    def __repr__(self) -> str:
        reply = self._reply
        state = "abandoned" if reply.abandoned else "settled" if reply.settled else "open"
        return f"<Promise {type(reply.question).__name__} {state}>"

    @property
    def abandoned(self) -> bool:
        """Whether the asker has gone away; answering is then fine and reaches nobody."""
        return self._reply.abandoned

    def answer(self, answer: A_contra) -> None:
        """Give the answer; raises `AlreadyAnswered` the second time, `WrongAnswer` by its type."""
        self._reply.answer(answer)

    def refuse(self, error: Exception) -> None:
        """Let the asker raise `error`; raises `AlreadyAnswered` the second time."""
        self._reply.refuse(error)

    def note(self, item: object) -> None:
        """Tell the asker something on the way; nothing happens if it did not want notes."""
        self._reply.note(item)

    def on_abandon(self, message: Any) -> None:
        """Tell the holding actor `message` when the asker goes away; at once if it has."""
        self._reply.on_leave(lambda: self._tell(message))
