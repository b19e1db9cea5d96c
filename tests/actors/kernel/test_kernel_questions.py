"""Promises 4 to 9: questions and answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from peppy.actors.kernel import (
    Actor,
    ActorEnded,
    AlreadyAnswered,
    NotAsked,
    Promise,
    Ref,
    Unanswered,
    WrongAnswer,
    run_actor,
)
from tests.actors.kernel.kernel_probe import Do, Failures, Log, Please, Probe, fail


class Desk:
    """Takes promises, for the test to keep."""

    def __init__(self) -> None:
        self.promises: list[Promise[int]] = []

    def please(self) -> Please:
        return Please(lambda actor, question: self.promises.append(actor.promise(question)))


@dataclass
class Asker:
    """Asks in a task of its own and remembers how it ended."""

    answer: int | None = None
    error: Exception | None = None
    over: bool = False

    async def run(self, ref: Ref[Any], question: Please) -> None:
        try:
            self.answer = await ref.ask(question)
        except Exception as error:
            self.error = error
        finally:
            self.over = True


async def test_a_question_is_answered_while_it_is_received() -> None:
    async with run_actor(lambda: Probe([])) as ref:
        assert await ref.ask(Please(lambda actor, question: actor.answer(question, 7))) == 7


async def test_a_refused_question_raises_the_very_error_that_refused_it() -> None:
    error = KeyError("no such node")
    async with run_actor(lambda: Probe([])) as ref:
        with pytest.raises(KeyError) as caught:
            await ref.ask(Please(lambda actor, question: actor.refuse(question, error)))
    assert caught.value is error


async def test_a_forgotten_question_is_refused_with_the_names_of_actor_and_message() -> None:
    async with run_actor(lambda: Probe([]), name="daemon") as ref:
        with pytest.raises(Unanswered, match="'daemon' did not answer 'Please'"):
            await ref.ask(Please(lambda actor, question: None))


async def test_a_question_that_was_only_told_may_be_answered_to_nobody() -> None:
    log: Log = []
    async with run_actor(lambda: Probe(log)) as ref:
        ref.tell(Please(lambda actor, question: actor.answer(question, 1)))
        ref.tell(Please(lambda actor, question: actor.promise(question).answer(1)))
        ref.tell(Please(lambda actor, question: None))
        ref.tell("still here")
        await wait_all_tasks_blocked()
        assert log[-1] == "still here"


async def test_a_promise_answers_later() -> None:
    desk, asker = Desk(), Asker()
    async with trio.open_nursery() as nursery, run_actor(lambda: Probe([])) as ref:
        nursery.start_soon(asker.run, ref, desk.please())
        await wait_all_tasks_blocked()
        assert not asker.over
        desk.promises[0].answer(3)
        await wait_all_tasks_blocked()
        assert asker.answer == 3


async def test_promises_and_waiting_questions_are_refused_when_the_actor_ends() -> None:
    desk, promised, waiting = Desk(), Asker(), Asker()
    async with trio.open_nursery() as nursery, run_actor(lambda: Probe([]), name="daemon") as ref:
        nursery.start_soon(promised.run, ref, desk.please())
        await wait_all_tasks_blocked()
        ref.tell(Do(lambda actor: actor.stop()))
        nursery.start_soon(waiting.run, ref, desk.please())
        await wait_all_tasks_blocked()
        for asker in (promised, waiting):
            assert isinstance(asker.error, ActorEnded)
            assert str(asker.error) == "'daemon' ended before it answered 'Please'"
        desk.promises[0].answer(1)  # the kernel was first, which its holder cannot have known


async def test_a_question_during_which_the_actor_fails_is_refused_with_the_failure() -> None:
    asker = Asker()

    def begin(root: Probe) -> None:
        child = root.add("child")
        root.background(asker.run, child, Please(lambda actor, question: fail().call(actor)))

    async with run_actor(lambda: Probe([], on_start=begin), on_failure=Failures()):
        await wait_all_tasks_blocked()
    assert isinstance(asker.error, ActorEnded)
    assert isinstance(asker.error.cause, ValueError)


async def test_a_promise_may_still_be_kept_while_the_actor_cleans_up() -> None:
    desk, asker = Desk(), Asker()

    async def keep_it() -> None:
        desk.promises[0].answer(5)

    async with trio.open_nursery() as nursery, run_actor(lambda: Probe([], on_stop=keep_it)) as ref:
        nursery.start_soon(asker.run, ref, desk.please())
        await wait_all_tasks_blocked()
    assert asker.answer == 5


SECOND: dict[str, Callable[[Probe, Please], object]] = {
    "answer": lambda actor, question: actor.answer(question, 2),
    "refuse": lambda actor, question: actor.refuse(question, ValueError()),
    "promise": lambda actor, question: actor.promise(question),
    "forward": lambda actor, question: actor.forward(question, actor.me),
}


def _twice(first: Callable[[Probe, Please], object], second: str) -> Please:
    def call(actor: Probe, question: Please) -> None:
        first(actor, question)
        with pytest.raises(AlreadyAnswered, match="'Please' has its answer already"):
            SECOND[second](actor, question)
        actor.log.append("raised")

    return Please(call)


@pytest.mark.parametrize("second", SECOND)
async def test_a_question_that_has_its_answer_takes_no_second_one(second: str) -> None:
    log: Log = []
    async with run_actor(lambda: Probe(log)) as ref:
        first = _twice(lambda actor, question: actor.answer(question, 1), second)
        assert await ref.ask(first) == 1
        kept = _twice(lambda actor, question: actor.promise(question).answer(3), second)
        assert await ref.ask(kept) == 3
    assert log.count("raised") == 2


async def test_a_promise_is_kept_once() -> None:
    desk = Desk()
    async with trio.open_nursery() as nursery, run_actor(lambda: Probe([])) as ref:
        nursery.start_soon(Asker().run, ref, desk.please())
        await wait_all_tasks_blocked()
        desk.promises[0].answer(1)
        with pytest.raises(AlreadyAnswered):
            desk.promises[0].refuse(ValueError())
        with pytest.raises(AlreadyAnswered):
            desk.promises[0].note("late")


async def test_only_the_question_that_is_being_received_can_be_answered_directly() -> None:
    log: Log = []
    other = Please(lambda actor, question: None)

    def call(actor: Probe, question: Please) -> None:
        with pytest.raises(NotAsked, match="is not what 'root' is receiving now"):
            actor.answer(other, 1)
        actor.answer(question, 2)

    async with run_actor(lambda: Probe(log)) as ref:
        assert await ref.ask(Please(call)) == 2


async def test_an_answer_of_another_type_raises_where_it_is_given() -> None:
    def call(actor: Probe, question: Please) -> None:
        with pytest.raises(WrongAnswer, match="'Please' is answered by 'int', not by 'str'"):
            actor.answer(question, "seven")
        actor.answer(question, 7)

    async with run_actor(lambda: Probe([])) as ref:
        assert await ref.ask(Please(call)) == 7


class Loose:
    """A question whose answer is of a type that cannot be checked, or is a float."""

    kind: Any = None

    @classmethod
    def answer_type(cls) -> Any:
        return cls.kind


@pytest.mark.parametrize(
    ("kind", "answer"), [(float, 3), (list[int], ["x"]), (int | None, None), (Any, "what")]
)
async def test_types_that_are_no_plain_class_are_taken_on_trust(kind: Any, answer: Any) -> None:
    question = type("Question", (Loose,), {"kind": kind})()

    class Echo(Actor[Any]):
        def receive(self, message: Any) -> None:
            self.answer(message, answer)

    async with run_actor(Echo) as ref:
        assert await ref.ask(question) == answer


async def test_a_cancelled_asker_is_gone_at_once_and_the_holder_is_told() -> None:
    log: Log = []
    desk = Desk()
    async with run_actor(lambda: Probe(log)) as ref:
        with trio.move_on_after(0.01) as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ref.ask, desk.please())
                await wait_all_tasks_blocked()
                desk.promises[0].on_abandon("gone")
                assert not desk.promises[0].abandoned
                scope.cancel()
        assert desk.promises[0].abandoned
        await wait_all_tasks_blocked()
        assert log[-1] == "gone"
        desk.promises[0].on_abandon("gone long since")
        desk.promises[0].note("to nobody")
        desk.promises[0].answer(1)
        await wait_all_tasks_blocked()
        assert log[-1] == "gone long since"


async def test_the_question_of_an_asker_that_left_is_received_all_the_same() -> None:
    desk = Desk()
    async with run_actor(lambda: Probe([])) as ref:
        async with trio.open_nursery() as nursery:
            ref.tell(Do(lambda actor: nursery.cancel_scope.cancel()))
            nursery.start_soon(ref.ask, desk.please())
        await wait_all_tasks_blocked()
        assert [promise.abandoned for promise in desk.promises] == [True]


async def test_an_asker_that_is_cancelled_already_asks_nothing() -> None:
    desk = Desk()
    async with run_actor(lambda: Probe([])) as ref:
        with trio.CancelScope() as scope:
            scope.cancel()
            await ref.ask(desk.please())
        await wait_all_tasks_blocked()
    assert scope.cancelled_caught
    assert desk.promises == []


async def test_notes_come_before_the_answer_also_through_a_forward() -> None:
    heard: list[object] = []
    desk, asker = Desk(), Asker()

    def pass_on(actor: Probe, question: Please) -> None:
        if actor.me.name == "root":
            to = actor.child("second")
            assert to is not None
            actor.forward(question, to)
        else:
            desk.promises.append(actor.promise(question))

    async def ask(ref: Ref[object]) -> None:
        asker.answer = await ref.ask(Please(pass_on), note=heard.append)

    probe = Probe([], on_start=lambda actor: actor.add("second"))
    async with trio.open_nursery() as nursery, run_actor(lambda: probe) as ref:
        nursery.start_soon(ask, ref)
        await wait_all_tasks_blocked()
        desk.promises[0].note("half")
        desk.promises[0].note("nearly")
        assert heard == ["half", "nearly"]
        desk.promises[0].answer(9)
    assert asker.answer == 9


async def test_a_note_on_a_question_that_is_being_received_comes_before_it_is_passed_on() -> None:
    heard: list[object] = []

    def reply(actor: Probe, question: Please) -> None:
        actor.answer(question, 7)

    def pass_on(actor: Probe, question: Please) -> None:
        child = actor.add("child")
        actor.note(question, "first")
        actor.forward(question, child, as_=Please(reply))
        with pytest.raises(AlreadyAnswered):
            actor.note(question, "late")

    async with run_actor(lambda: Probe([])) as ref:
        assert await ref.ask(Please(pass_on), note=heard.append) == 7
    assert heard == ["first"]


async def test_a_note_that_raises_is_the_askers_error_and_leaves_the_actor_alone() -> None:
    def refuse_to_listen(item: object) -> None:
        raise OSError(f"cannot show {item}")

    def call(actor: Probe, question: Please) -> None:
        promise = actor.promise(question)
        promise.note("half")
        assert promise.abandoned

    async with run_actor(lambda: Probe([])) as ref:
        with pytest.raises(OSError, match="cannot show half"):
            await ref.ask(Please(call), note=refuse_to_listen)
        assert ref.is_running


async def test_a_question_forwarded_to_an_actor_that_ended_is_refused() -> None:
    def begin(actor: Probe) -> None:
        child = actor.add("child")
        actor.background(forward_late, actor, child)

    async def forward_late(actor: Probe, child: Ref[object]) -> None:
        child.tell(Do(lambda self: self.stop()))
        await child.ended()
        actor.log.append(child)

    probe = Probe([], on_start=begin)
    async with run_actor(lambda: probe) as ref:
        await wait_all_tasks_blocked()
        child = probe.log[-1]
        with pytest.raises(ActorEnded, match="'root/child' ended before it answered"):
            await ref.ask(Please(lambda actor, question: actor.forward(question, child)))
