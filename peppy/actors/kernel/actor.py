"""The actor: one noun with its state, to which only messages come."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from peppy.actors.kernel.background import Background
from peppy.actors.kernel.cell import Cell
from peppy.actors.kernel.errors import NotHere
from peppy.actors.kernel.mailbox import Notice
from peppy.actors.kernel.promise import Promise, Question
from peppy.actors.kernel.ref import Ended, Ref
from peppy.actors.kernel.supervision import Restart, Supervision
from peppy.actors.kernel.timer import Timer
from peppy.actors.kernel.vitals import ActorStatistics

A = TypeVar("A")
N = TypeVar("N")
T = TypeVar("T")
M_contra = TypeVar("M_contra", contravariant=True)


class Actor(ABC, Generic[M_contra]):
    """The base of all actors: subclass it, keep state in `__init__`, deal with `M` in `receive`.

    The tools work from `started` on; in `__init__` they raise `NotHere`.
    """

    supervision: ClassVar[Supervision] = Supervision()
    """What it does about its children's ends."""

    __cell: Cell | None = None

    # What a subclass writes.

    def started(self) -> None:
        """Begin, before the first message; children spawned here have started when it returns.

        An error in here is the actor's failure; `stopping` is then not called.
        """

    @abstractmethod
    def receive(self, message: M_contra) -> None:
        """Deal with one message. What it raises is the actor's failure."""

    async def stopping(self) -> None:
        """Clean up, once, within the grace, after the children and before the background ends.

        Where the actor's scope is cancelled it is called too, and goes as far as its first wait.
        """

    def child_restarted(self, old: Ref[Any], new: Ref[Any]) -> None:
        """Take note that a child was made anew: `new` stands in the place of `old`."""

    def child_failed(self, ref: Ref[Any], error: Exception) -> None:
        """Take note that a child failed and is not made anew."""

    # What it can use.

    @property
    def me(self) -> Ref[M_contra]:
        """The ref that others have of it."""
        return self._tools.ref

    @property
    def children(self) -> tuple[Ref[Any], ...]:
        """The children that have not ended, in start order."""
        return self._tools.children.refs()

    def child(self, name: str) -> Ref[Any] | None:
        """Return the child with this name; one that is leaving only if it has no successor."""
        return self._tools.children.named(name)

    def spawn(
        self,
        factory: Callable[[], "Actor[N]"],
        name: str,
        *,
        restart: Restart = Restart.TEMPORARY,
        grace: float = 5.0,
    ) -> Ref[N]:
        """Make a child and start it: when this returns, its `started` has run.

        `grace` is how many seconds it has from the beginning of its end. Raises what `factory`
        raises, and `NameTaken`; a child that is leaving does not hold its name.
        """
        return self._tools.spawn(factory, name, restart, grace)

    def stop_child(self, ref: Ref[Any], *, grace: float | None = None) -> None:
        """Begin to stop a child, for good; `watch` tells of its end. Fine if it has ended.

        `grace`, in seconds, stands in for the one that it was spawned with; of two stops the
        earlier end counts. Raises `NotHere` if it is not a child of this actor.
        """
        self._tools.children.dismiss(ref, grace)

    def stop(self) -> None:
        """End this actor in good order, after the current message."""
        self._tools.halt()

    def watch(self, ref: Ref[Any], message: Callable[[Ended], M_contra]) -> None:
        """Receive `message(ended)` when `ref` ends; soon if it has ended already."""
        self._tools.watch(ref, message)

    def background(
        self,
        call: Callable[..., Awaitable[T]],
        *args: Any,
        done: Callable[[T], M_contra] | None = None,
        failed: Callable[[Exception], M_contra] | None = None,
        name: str | None = None,
    ) -> Background:
        """Run `call(*args)` beside the actor, in its scope, and receive what comes of it.

        That is `done(result)` or `failed(error)`; without `failed` an error is the actor's failure.
        It goes on while the actor stops, until `stopping` has returned.
        """
        cell = self._tools

        def tell_done(result: T) -> None:
            if done is not None:
                cell.mailbox.put_signal(Notice(partial(done, result)))

        def tell_failed(error: Exception) -> None:
            if failed is None:
                cell.fail(error)
            elif cell.mailbox.closed:  # too late for a message, but not for the reporter
                cell.system.report(cell.ref, error)
            else:
                cell.mailbox.put_signal(Notice(partial(failed, error)))

        title: str = name or getattr(call, "__name__", None) or type(call).__name__
        work = Background(title, lambda: call(*args), tell_done, tell_failed)
        cell.launch(work.run, title)
        return work

    def later(self, seconds: float, message: M_contra) -> Timer:
        """Receive `message` in `seconds`; equal times keep the order in which they were set."""
        return self._tools.timers.add(seconds, message)

    def answer(self, question: Question[A], answer: A) -> None:
        """Answer the question that is being received; one that was told, not asked, is fine too.

        Raises `AlreadyAnswered`, `NotAsked` if it is not being received, or `WrongAnswer`.
        """
        self._tools.asked(question).answer(answer)

    def refuse(self, question: Question[Any], error: Exception) -> None:
        """Let whoever asked raise `error`; raises like `answer`."""
        self._tools.asked(question).refuse(error)

    def note(self, question: Question[Any], item: object) -> None:
        """Tell whoever asked something on the way to the answer; raises like `answer`."""
        self._tools.asked(question).note(item)

    def promise(self, question: Question[A]) -> Promise[A]:
        """Take the question that is being received, to answer it later; raises like `answer`."""
        cell = self._tools
        return Promise(cell.promise(question), cell.mailbox.put)

    def forward(
        self, question: Question[A], to: Ref[Any], *, as_: Question[A] | None = None
    ) -> None:
        """Let `to` answer the question that is being received; raises like `answer`.

        To whoever asked, notes and answer come as if it had asked `to`. With `as_`, `to` receives
        that in the question's place: the same with more filled in, say.
        """
        reply = self._tools.take(question)
        if as_ is not None:
            reply.question = as_
        to.hand_over(reply)

    def statistics(self) -> ActorStatistics:
        """Return its counters."""
        return self._tools.ref.statistics()

    def __repr__(self) -> str:
        if self.__cell is None:
            return f"<{type(self).__name__}>"
        ref = self.__cell.ref
        return f"<{type(self).__name__} {ref.path}#{ref.number} {ref.phase.value}>"

    def attach(self, cell: Cell) -> None:
        """For the kernel: give it its tools, once."""
        if self.__cell is not None:
            raise NotHere(f"{self!r} runs already: a factory has to make a new actor each time")
        self.__cell = cell

    @property
    def _tools(self) -> Cell:
        if self.__cell is None:
            raise NotHere(f"{self!r} does not run yet: use its tools from 'started' on")
        return self.__cell
