"""The cell: what the kernel keeps around one actor, and the task in which it lives.

The task's shape is the actor's life: a cancel scope (its deadline is the grace), in it a nursery
(children, background, timers), in it the loop that hands the actor one message after the other.
Starting is synchronous: `spawn` makes the child and runs its `started` before it returns, so
children start in order, the grandchildren of the first before the second. What `started` launches
waits until the nursery is open.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar, Protocol

import trio

from peppy.actors.kernel.children import Child, Children
from peppy.actors.kernel.errors import (
    AlreadyAnswered,
    GraceExceeded,
    NotAsked,
    NotHere,
    Unanswered,
)
from peppy.actors.kernel.mailbox import Mailbox, Notice, Signal
from peppy.actors.kernel.promise import Question, Reply
from peppy.actors.kernel.ref import ActorEnded, End, Ended, Reason, Ref
from peppy.actors.kernel.supervision import Restart, Supervision
from peppy.actors.kernel.system import System
from peppy.actors.kernel.timer import Timers
from peppy.actors.kernel.vitals import Phase, Vitals

BUDGET = 100
"""Messages in one turn; then the others get theirs, however many more wait."""


class Behaviour(Protocol):
    """An actor, as far as its cell deals with it."""

    supervision: ClassVar[Supervision]

    def attach(self, cell: "Cell") -> None:
        """Take the cell, which is behind all tools."""
        ...

    def started(self) -> None:
        """Begin."""
        ...

    def receive(self, message: Any) -> None:
        """Deal with one message."""
        ...

    async def stopping(self) -> None:
        """Clean up."""
        ...

    def child_restarted(self, old: Ref[Any], new: Ref[Any]) -> None:
        """See `Hooks`."""
        ...

    def child_failed(self, ref: Ref[Any], error: Exception) -> None:
        """See `Hooks`."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What an actor is made from, the first time and each time after."""

    name: str
    path: str
    make: Callable[[], Behaviour]
    grace: float
    """Seconds from the beginning of its end until its scope is cancelled."""


class ChildEnded(Signal):
    """A child's task is over; behind everything that it told its parent before."""

    __slots__ = ("child",)

    def __init__(self, child: Child) -> None:
        self.child = child


class Cell:
    """One actor's life. Made and started by its parent, then run as a task in its nursery."""

    def __init__(
        self, system: System, plan: Plan, parent: "Cell | None" = None, restarts: int = 0
    ) -> None:
        self.system = system
        self.mailbox = Mailbox(system.dead_letters)
        self.end = End()
        self.halted = False
        self._plan = plan
        self._parent = parent
        self._vitals = Vitals(restarts)
        number = system.next_number()
        self.ref: Ref[Any] = Ref(plan.name, plan.path, number, self.mailbox, self.end, self._vitals)
        self.timers = Timers(self.launch, self.mailbox.put)
        self._scope = trio.CancelScope()
        self._nursery: trio.Nursery | None = None
        self._launches: list[tuple[Callable[[], Awaitable[None]], str]] = []
        self._message: Any = None
        self._reply: Reply | None = None
        self._promises: dict[Reply, None] = {}
        self._watches: list[Callable[[], None]] = []
        self._error: Exception | None = None
        self._to_clean_up = False
        self._orderly = False
        self._grace = plan.grace
        self.actor = plan.make()
        self.children = Children(self.ref, self.actor.supervision, self.actor, system.report)
        self.actor.attach(self)

    def start(self) -> None:
        """Run `started`; what it raises is the actor's failure, not the caller's."""
        try:
            self.actor.started()
            self._to_clean_up = True
        except Exception as error:
            self.fail(error)

    # The tools behind `Actor`.

    def launch(self, call: Callable[[], Awaitable[None]], name: str) -> None:
        """Run a task in the actor's scope, named for debuggers."""
        if self.end.ended is not None:
            raise NotHere(f"'{self.ref.path}' has ended")
        if self._nursery is None:
            self._launches.append((call, name))
        else:
            self._nursery.start_soon(call, name=f"{self.ref.path}: {name}")

    def spawn(
        self, make: Callable[[], Behaviour], name: str, restart: Restart, grace: float
    ) -> Ref[Any]:
        """Make and start a child."""
        if self.mailbox.closed:
            raise NotHere(f"'{self.ref.path}' is ending and starts no child '{name}'")
        plan = Plan(name, f"{self.ref.path}/{name}", make, grace)

        def begin(restarts: int) -> Cell:
            cell = Cell(self.system, plan, self, restarts)
            cell.start()
            self.launch(cell.run, name)
            return cell

        return self.children.start(name, restart, begin)

    def watch(self, ref: Ref[Any], message: Callable[[Ended], Any]) -> None:
        """Receive `message(ended)` when `ref` ends, or now."""

        def tell(ended: Ended) -> None:
            self.mailbox.put_signal(Notice(lambda: message(ended)))

        self._watches.append(ref.on_end(tell))

    def asked(self, question: Question[Any]) -> Reply:
        """Return the reply slot of the question that is being received."""
        if self._message is not question:
            raise NotAsked(self.ref.path, question)
        if self._reply is None:  # it was told, not asked: the answer reaches nobody
            self._reply = Reply(question)
        if self._reply.taken:
            raise AlreadyAnswered(question)
        return self._reply

    def take(self, question: Question[Any]) -> Reply:
        """Return the reply slot of the question that is being received, to keep."""
        reply = self.asked(question)
        if reply.settled:
            raise AlreadyAnswered(question)
        reply.taken = True
        return reply

    def promise(self, question: Question[Any]) -> Reply:
        """Return the reply slot like `take`, to answer it before the actor's end."""
        reply = self.take(question)
        reply.hold(self._promises)
        return reply

    # Its end.

    def halt(self, grace: float | None = None) -> None:
        """Begin the end: receive nothing after the current message, end within the grace."""
        seconds = self._plan.grace if grace is None else grace
        deadline = trio.current_time() + seconds
        if deadline < self._scope.deadline:
            self._scope.deadline = deadline
            self._grace = seconds
        self._stop_receiving()
        self.mailbox.wake()

    def fail(self, error: Exception) -> None:
        """Begin the end because of `error`; the first one is what it ended with."""
        self.system.report(self.ref, error)
        if self._error is None:
            self._error = error
        self.halt()

    # Its life.

    async def run(self) -> None:
        """Live."""
        try:
            with self._scope:
                try:
                    async with trio.open_nursery() as nursery:
                        self._open(nursery)
                        await self._live()
                        nursery.cancel_scope.cancel()
                    self._orderly = True
                finally:
                    # Cancelled before: what does not wait in it is done all the same.
                    await self._clean_up()
        except Exception as error:
            self.fail(error)
        except BaseExceptionGroup as group:
            # Background work that raises while it is being cancelled: its errors are the actor's,
            # the cancellation goes on to whoever cancelled.
            errors, rest = group.split(Exception)
            if errors is not None:
                self.fail(errors)
            if rest is not None:
                raise rest from None
        finally:
            self._finish()

    def _open(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        launches, self._launches = self._launches, []
        for call, name in launches:
            self.launch(call, name)

    async def _live(self) -> None:
        try:
            await self._serve()
        except Exception as error:
            self.fail(error)
        self._close()
        await self.children.stop()
        await self._clean_up()

    async def _serve(self) -> None:
        items = self.mailbox.items
        while not self.halted:
            if items:
                await trio.lowlevel.checkpoint()
            else:
                await self.mailbox.wait()
            child = self._drain()
            if child is not None:
                await self.children.ended(child, lambda: not self.halted)

    def _drain(self) -> Child | None:
        """Hand over what waits, within the budget; stop at a child's end and return it."""
        mailbox, receive, spent = self.mailbox, self.actor.receive, self._vitals.spent
        items = mailbox.items
        before = perf_counter()
        for _ in range(BUDGET):
            waiting = len(items)
            if not waiting or self.halted:
                break
            if waiting > mailbox.high_water:
                mailbox.high_water = waiting
            item = items.popleft()
            kind = item.__class__
            if kind is Reply:
                item = self._receive_question(item)
            elif kind is ChildEnded:
                child: Child = item.child
                return child
            else:
                if kind is Notice:
                    item = item.make()
                self._message = item
                self._reply = None
                receive(item)
            now = perf_counter()
            spent(item.__class__, now - before)
            before = now
        self._message = self._reply = None
        return None

    def _receive_question(self, reply: Reply) -> Question[Any]:
        question = self._message = reply.question
        self._reply = reply
        reply.taken = False
        self.actor.receive(question)
        if not reply.settled and not reply.taken:
            reply.refuse(Unanswered(self.ref.path, question))
        return question

    async def _clean_up(self) -> None:
        self._close()
        if self._to_clean_up:
            self._to_clean_up = False
            try:
                await self.actor.stopping()
            except Exception as error:
                self.fail(error)

    def _close(self) -> None:
        """Take nothing more; refuse what was asked and not yet dealt with."""
        self._stop_receiving()
        waiting = self.mailbox.close()
        if self._reply is not None and not self._reply.taken:
            waiting.insert(0, self._reply)
        self._message = self._reply = None
        self._refuse(waiting)

    def _stop_receiving(self) -> None:
        self.halted = True
        if self._vitals.phase is Phase.RUNNING:
            self._vitals.phase = Phase.STOPPING

    def _refuse(self, replies: Iterable[Reply]) -> None:
        for reply in replies:
            reply.close(ActorEnded(self.ref, reply.question, self._error))

    def _finish(self) -> None:
        """Say that it has ended, to all who want to know; nothing in here raises or waits."""
        self._close()
        if self._scope.cancelled_caught:
            self.system.report(self.ref, GraceExceeded(self.ref.path, self._grace))
        if self._error is not None:
            reason = Reason.FAILED
        else:
            reason = Reason.NORMAL if self._orderly else Reason.KILLED
        self._vitals.phase = Phase.ENDED
        self._refuse(tuple(self._promises))
        for forget in self._watches:
            forget()
        ended = Ended(self.ref, reason, self._error)
        if self._parent is not None:
            self._parent.mailbox.put_signal(ChildEnded(self))
        self.end.come(ended)
