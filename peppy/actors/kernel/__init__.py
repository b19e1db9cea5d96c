"""Actors on Trio: state that only messages reach, in a tree that starts, stops and heals in order.

An `Actor` owns one noun. Others have its `Ref` and nothing else: they `tell` it things, or `ask` a
`Question` and await the answer. `receive` is a plain function, so nothing can hold it up; what has
to wait runs in the actor's `background` and comes back as a message. Every actor lives in its
parent's scope. The package knows Trio and the standard library, and nothing of robots.

    class Counter(Actor[Add | HowMany]):
        def __init__(self) -> None:
            self.count = 0

        def receive(self, message: Add | HowMany) -> None:
            match message:
                case Add():
                    self.count += message.by
                case HowMany():
                    self.answer(message, self.count)

    async with run_actor(Counter, name="counter") as counter:
        counter.tell(Add(2))
        assert await counter.ask(HowMany()) == 2

What the kernel promises; `tests/actors/kernel` holds it to each number.

Messages
 1. `tell` never blocks. The messages of one sender are received in the order in which they were
    sent; so is what the kernel itself says, such as the end of an actor behind its last words.
 2. `receive` is never entered twice at once, and a flood to one actor does not starve the others.
 3. What is told to an actor that ended, or is ending, is dropped and counted.
Questions
 4. Every question that is asked is answered or refused. If `receive` returns without having done or
    promised either, the asker gets `Unanswered`, with the actor's and the message's name.
 5. When an actor ends, `ActorEnded` refuses its questions: those that wait as soon as it begins to
    stop, those that it promised to answer when it has ended.
 6. A question is answered once. The second time raises, where it is done.
 7. An answer is an instance of the type that the question names, where that is a plain class.
 8. An asker that is cancelled is gone at once; the promise knows, tells whoever wants to be told,
    and may still be answered, to nobody. The question itself is received all the same.
 9. Notes reach the asker before the answer, also from where a question was forwarded to.
Life
10. Children start in order, each before `spawn` returns, and stop in reverse order, one after the
    other, before their parent's `stopping`.
11. Each has its own grace. When it is over, the actor's scope is cancelled, which ends all that
    lives in it; that is reported as `KILLED`.
12. No task of an actor, and no child, outlives it.
13. Cancelling the Trio run passes through; nothing in here swallows it.
14. A watcher is told of an end exactly once, also of one that has been.
Failures
15. What `started`, `receive`, `stopping`, a hook or background work raises fails the actor. It ends
    in good order; no error is lost: each goes to `on_failure`, or to the log.
16. A child that ends is made anew as its `Restart` says, by its factory, with a new ref, which its
    parent is told; with `REST_FOR_ONE`, so are those that started after it.
17. More restarts than the intensity allows within the window fail the parent with `Escalated`.
18. If the root fails, `run_actor` cancels its block and raises the error itself, not a group.
Waiting
19. Background work reports by message, to its own actor; once cancelled it says nothing, unless it
    raises.
20. Timers go off in the order of their times, equal ones in the order in which they were set, by
    Trio's clock, virtual or not.
"""

from peppy.actors.kernel.actor import Actor
from peppy.actors.kernel.background import Background
from peppy.actors.kernel.errors import (
    ActorError,
    AlreadyAnswered,
    GraceExceeded,
    NameTaken,
    NotAsked,
    NotHere,
    Unanswered,
    WrongAnswer,
)
from peppy.actors.kernel.promise import Note, Promise, Question
from peppy.actors.kernel.ref import ActorEnded, Ended, Reason, Ref
from peppy.actors.kernel.root import describe, run_actor
from peppy.actors.kernel.supervision import Escalated, Restart, Strategy, Supervision
from peppy.actors.kernel.system import OnFailure
from peppy.actors.kernel.timer import Timer
from peppy.actors.kernel.vitals import ActorStatistics, HandlerStatistics, Phase

__all__ = [
    "Actor",
    "ActorEnded",
    "ActorError",
    "ActorStatistics",
    "AlreadyAnswered",
    "Background",
    "Ended",
    "Escalated",
    "GraceExceeded",
    "HandlerStatistics",
    "NameTaken",
    "NotAsked",
    "NotHere",
    "Note",
    "OnFailure",
    "Phase",
    "Promise",
    "Question",
    "Reason",
    "Ref",
    "Restart",
    "Strategy",
    "Supervision",
    "Timer",
    "Unanswered",
    "WrongAnswer",
    "describe",
    "run_actor",
]
