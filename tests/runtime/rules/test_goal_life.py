"""The life of a goal, decided without a wire."""

from collections import Counter
from collections.abc import Callable
from operator import attrgetter

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from peppy.runtime.rules.goal_life import (
    ENDED,
    OPEN,
    Accepted,
    Action,
    AnswerCancel,
    AskerLeft,
    CancelAsked,
    CancelBegun,
    CancelDecided,
    CancelInterrupted,
    ClientLeft,
    DenyCancel,
    DropOffer,
    EndFeedback,
    Event,
    Expired,
    Forget,
    GiveResult,
    Life,
    Phase,
    PutBack,
    RefuseResult,
    Rejected,
    ResultAsked,
    ResultBegun,
    ResultGiven,
    ResultInterrupted,
    StopDeciding,
    Superseded,
    Taken,
    TellDecision,
    cancel_wanted,
    result_wanted,
    step,
)


def live(*events: Event) -> tuple[Life, list[Action]]:
    life, done = Life(), list[Action]()
    for event in events:
        life, actions = step(life, event)
        done.extend(actions)
    return life, done


def last(*events: Event) -> tuple[Life, list[Action]]:
    """Return the life after `events`, and what the last of them had done."""
    life, _ = live(*events[:-1])
    after, actions = step(life, events[-1])
    return after, list(actions)


def test_an_accepted_goal_gives_its_result_to_all_who_wait_for_it() -> None:
    waiting = (Taken(), Accepted(), ResultAsked(1), ResultAsked(2), ResultBegun())
    life, actions = live(*waiting, ResultGiven())
    assert actions == [TellDecision(), EndFeedback(), GiveResult(1), GiveResult(2)]
    assert step(life, ResultAsked(3)) == (life, (GiveResult(3),))


def test_a_rejected_goal_has_neither_feedback_nor_a_result() -> None:
    life, actions = live(Taken(), Rejected())
    assert actions == [TellDecision(), EndFeedback()]
    assert step(life, ResultAsked(1))[1] == (RefuseResult(1),)
    assert step(life, CancelAsked(2))[1] == (DenyCancel(2),)


def test_an_interrupted_decision_leaves_the_goal_in_the_queue() -> None:
    assert live(Taken(), PutBack()) == (Life(), [])


def test_a_goal_that_nobody_wants_is_not_decided() -> None:
    assert last(ClientLeft())[1] == [DropOffer()]
    assert last(Taken(), ClientLeft())[1] == [StopDeciding()]
    assert last(Taken(), ClientLeft(), Accepted())[1] == []


def test_a_goal_whose_client_has_gone_still_wants_its_result_handler() -> None:
    life, _ = live(Taken(), Accepted())
    assert not result_wanted(life)
    life, actions = step(life, ClientLeft())
    assert actions == ()
    assert result_wanted(life)
    assert last(Taken(), Accepted(), ClientLeft(), Superseded())[1] == [EndFeedback()]


def test_a_goal_that_is_superseded_has_ended_for_all_who_wait() -> None:
    asked = (Taken(), Accepted(), ResultAsked(1), CancelAsked(2), CancelAsked(3), CancelBegun())
    life, actions = last(*asked, Superseded())
    assert actions == [EndFeedback(), RefuseResult(1), DenyCancel(2), DenyCancel(3)]
    assert step(life, ResultAsked(4)) == (life, (RefuseResult(4),))
    assert step(life, CancelAsked(5)) == (life, (DenyCancel(5),))
    assert step(life, CancelDecided(accepted=True)) == (life, ())


def test_a_goal_that_is_superseded_while_its_result_handler_runs_still_gets_that_answer() -> None:
    life, _ = live(Taken(), Accepted(), ResultAsked(1), CancelAsked(2), ResultBegun())
    life, actions = step(step(life, CancelBegun())[0], Superseded())
    assert actions == (EndFeedback(), DenyCancel(2))
    assert step(life, CancelAsked(3)) == (life, (DenyCancel(3),))
    assert step(life, CancelDecided(accepted=True)) == (life, ())
    life, _ = step(life, ResultAsked(4))
    settled, answers = step(life, ResultGiven())
    assert (settled.phase, answers) == (Phase.SETTLED, (GiveResult(1), GiveResult(4)))
    interrupted, refusals = step(life, ResultInterrupted())
    assert (interrupted.phase, refusals) == (Phase.SUPERSEDED, (RefuseResult(1), RefuseResult(4)))


@given(st.sampled_from(Phase), st.booleans())
def test_handlers_are_wanted_for_the_goal_that_is_worked_on_only(phase: Phase, gone: bool) -> None:
    life = Life(phase=phase, client_gone=gone, askers=(1,), cancels=(2,))
    assert result_wanted(life) == cancel_wanted(life) == (phase is Phase.ACTIVE)


def test_an_accepted_cancel_refuses_the_result_and_all_other_cancels() -> None:
    asked = (Taken(), Accepted(), CancelAsked(1), CancelAsked(2), ResultAsked(3), CancelBegun())
    life, actions = last(*asked, CancelDecided(accepted=True))
    assert life.phase is Phase.CANCELLED
    assert actions == [EndFeedback(), AnswerCancel(1), RefuseResult(3), DenyCancel(2)]


def test_a_cancel_that_is_not_accepted_changes_nothing() -> None:
    before, _ = live(Taken(), Accepted(), ResultAsked(2))
    asked, _ = step(before, CancelAsked(1))
    begun, _ = step(asked, CancelBegun())
    assert step(begun, CancelDecided(accepted=False)) == (before, (AnswerCancel(1),))


def test_a_result_that_is_faster_than_a_cancel_denies_it() -> None:
    racing = (Taken(), Accepted(), ResultAsked(1), CancelAsked(2), ResultBegun(), CancelBegun())
    life, actions = last(*racing, ResultGiven())
    assert actions == [EndFeedback(), GiveResult(1), DenyCancel(2)]
    assert step(life, CancelDecided(accepted=True)) == (life, ())


def test_a_cancel_that_is_faster_than_a_result_refuses_it() -> None:
    racing = (Taken(), Accepted(), ResultAsked(1), CancelAsked(2), ResultBegun(), CancelBegun())
    life, actions = last(*racing, CancelDecided(accepted=True))
    assert actions == [EndFeedback(), AnswerCancel(2), RefuseResult(1)]
    assert step(life, ResultGiven()) == (life, ())


def test_an_interrupted_handler_is_called_again() -> None:
    life, _ = live(Taken(), Accepted(), ResultAsked(1), ResultBegun())
    assert not result_wanted(life)
    assert result_wanted(step(life, ResultInterrupted())[0])
    life, _ = live(Taken(), Accepted(), CancelAsked(1), CancelAsked(2), CancelBegun())
    assert not cancel_wanted(life)
    life, _ = step(life, CancelInterrupted())
    assert cancel_wanted(life)
    assert life.cancels == (1, 2)


def test_an_asker_that_has_left_gets_no_answer() -> None:
    asked = (Taken(), Accepted(), ResultAsked(1), CancelAsked(2), CancelBegun())
    left = (AskerLeft(1), AskerLeft(2))
    assert last(*asked, *left, CancelDecided(accepted=True))[1] == [EndFeedback()]


def test_only_a_goal_that_has_ended_is_forgotten() -> None:
    working = (Taken(), Accepted(), ResultAsked(1))
    assert last(*working, Expired())[1] == []
    assert last(*working, ResultBegun(), Superseded(), Expired())[1] == []
    assert last(*working, Superseded(), Expired())[1] == [Forget()]
    assert last(*working, ResultBegun(), ResultGiven(), Expired())[1] == [Forget()]


def test_a_goal_whose_result_handler_runs_is_neither_abandoned_nor_forgotten() -> None:
    settling = (Taken(), Accepted(), ResultAsked(1), ResultBegun())
    for events in ((ClientLeft(), Superseded()), (Superseded(), ClientLeft())):
        life, actions = live(*settling, *events, Expired(), ResultGiven())
        assert life.phase is Phase.SETTLED
        assert actions[-1] == GiveResult(1)


@given(st.sampled_from(sorted(ENDED, key=str)), st.data())
def test_a_goal_that_has_ended_never_begins_again(phase: Phase, data: st.DataObject) -> None:
    events: list[Event] = [
        Taken(), PutBack(), Accepted(), Rejected(), ClientLeft(), Superseded(), ResultAsked(1),
        CancelAsked(2), AskerLeft(1), ResultBegun(), ResultInterrupted(), ResultGiven(),
        CancelBegun(), CancelInterrupted(), CancelDecided(accepted=True), Expired(),
    ]  # fmt: skip
    life = Life(phase=phase)
    for event in data.draw(st.lists(st.sampled_from(events))):
        life, _ = step(life, event)
        assert life == Life(phase=phase)


_settling: Callable[[Life], bool] = attrgetter("settling")
_cancelling: Callable[[Life], bool] = attrgetter("cancelling")


class Goals(RuleBasedStateMachine):
    """A server with one goal after another; its handlers answer for the one accepted last."""

    @initialize()
    def begin(self) -> None:
        self.lives: dict[int, Life] = {}
        self.done: list[tuple[int, Action]] = []
        self.asked: dict[int, int] = {}
        """The goal that each asker asked about."""
        self.left: set[int] = set()
        self.settled: set[int] = set()
        self.cancelled: set[int] = set()
        self.accepted: int | None = None
        """The goal that the program works on."""
        self.result_for: dict[int, int | None] = {}
        """By goals: what the program took each for when its handler began."""
        self.cancel_for: dict[int, int | None] = {}
        self.crossed: list[tuple[int, Action]] = []
        """Answers that the program meant for another goal."""

    def feed(self, goal: int, event: Event) -> None:
        before = self.lives[goal]
        self.lives[goal], actions = step(before, event)
        for action in actions:
            self.done.append((goal, action))
            match action:
                case GiveResult() if self.result_for[goal] != goal:
                    self.crossed.append((goal, action))
                case AnswerCancel() if self.cancel_for[goal] != goal:
                    self.crossed.append((goal, action))
                case GiveResult() if self.lives[goal].phase is Phase.SETTLED:
                    self.settled.add(goal)
                case AnswerCancel() if self.lives[goal].phase is Phase.CANCELLED:
                    self.cancelled.add(goal)
                case _:
                    pass

    def of(self, *phases: Phase) -> list[int]:
        return [goal for goal, life in self.lives.items() if life.phase in phases]

    def where(self, holds: Callable[[Life], bool]) -> list[int]:
        return [goal for goal, life in self.lives.items() if holds(life)]

    @rule()
    def offer(self) -> None:
        if len(self.lives) < 4:
            self.lives[len(self.lives)] = Life()

    @rule()
    def take(self) -> None:
        offered = self.of(Phase.OFFERED)
        if offered and not self.of(Phase.DECIDING):
            self.feed(offered[0], Taken())

    @rule(event=st.sampled_from([PutBack(), Accepted(), Rejected()]))
    def decide(self, event: PutBack | Accepted | Rejected) -> None:
        for goal in self.of(Phase.DECIDING):
            if isinstance(event, Accepted):
                for former in self.of(Phase.ACTIVE):
                    self.feed(former, Superseded())
                self.accepted = goal
            self.feed(goal, event)

    @rule()
    def go_on(self) -> None:
        """Accept another goal at once: by single steps, few histories come to a second one."""
        self.offer()
        self.take()
        self.decide(Accepted())

    @precondition(lambda self: bool(self.lives))
    @rule(data=st.data())
    def client_leaves(self, data: st.DataObject) -> None:
        self.feed(data.draw(st.sampled_from(sorted(self.lives))), ClientLeft())

    @precondition(lambda self: bool(self.lives))
    @rule(data=st.data(), cancels=st.booleans())
    def ask(self, data: st.DataObject, cancels: bool) -> None:
        goal, asker = data.draw(st.sampled_from(sorted(self.lives))), len(self.asked)
        self.asked[asker] = goal
        self.feed(goal, CancelAsked(asker) if cancels else ResultAsked(asker))

    @precondition(lambda self: bool(self.waiting()))
    @rule(data=st.data())
    def asker_leaves(self, data: st.DataObject) -> None:
        asker = data.draw(st.sampled_from(sorted(self.waiting())))
        self.left.add(asker)
        self.feed(self.asked[asker], AskerLeft(asker))

    @precondition(lambda self: bool(self.where(result_wanted)))
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        goal = data.draw(st.sampled_from(self.where(result_wanted)))
        self.result_for[goal] = self.accepted
        self.feed(goal, ResultBegun())

    @precondition(lambda self: bool(self.where(_settling)))
    @rule(data=st.data(), event=st.sampled_from([ResultInterrupted(), ResultGiven()]))
    def end_result_handler(
        self, data: st.DataObject, event: ResultInterrupted | ResultGiven
    ) -> None:
        self.feed(data.draw(st.sampled_from(self.where(_settling))), event)

    @precondition(lambda self: bool(self.where(cancel_wanted)))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        goal = data.draw(st.sampled_from(self.where(cancel_wanted)))
        self.cancel_for[goal] = self.accepted
        self.feed(goal, CancelBegun())

    @precondition(lambda self: bool(self.where(_cancelling)))
    @rule(
        data=st.data(),
        event=st.sampled_from(
            [CancelInterrupted(), CancelDecided(accepted=True), CancelDecided(accepted=False)]
        ),
    )
    def end_cancel_handler(
        self, data: st.DataObject, event: CancelInterrupted | CancelDecided
    ) -> None:
        self.feed(data.draw(st.sampled_from(self.where(_cancelling))), event)

    @precondition(lambda self: bool(self.lives))
    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        self.feed(data.draw(st.sampled_from(sorted(self.lives))), Expired())

    def answers(self) -> Counter[int]:
        return Counter(
            action.asker
            for _, action in self.done
            if isinstance(action, GiveResult | RefuseResult | AnswerCancel | DenyCancel)
        )

    def waiting(self) -> set[int]:
        return set(self.asked) - set(self.answers()) - self.left

    @invariant()
    def nobody_is_answered_twice_or_after_leaving(self) -> None:
        answers = self.answers()
        assert all(count == 1 for count in answers.values())
        assert not self.left & set(answers)

    @invariant()
    def an_answer_comes_from_the_goal_that_was_asked_about(self) -> None:
        for goal, action in self.done:
            if isinstance(action, GiveResult | RefuseResult | AnswerCancel | DenyCancel):
                assert self.asked[action.asker] == goal

    @invariant()
    def no_answer_was_meant_for_another_goal(self) -> None:
        assert self.crossed == []

    @invariant()
    def nobody_waits_for_a_goal_that_has_ended(self) -> None:
        for asker in self.waiting():
            assert self.lives[self.asked[asker]].phase not in ENDED

    @invariant()
    def whoever_waits_is_known_to_its_goal(self) -> None:
        for asker in self.waiting():
            life = self.lives[self.asked[asker]]
            assert asker in (*life.askers, *life.cancels, life.canceller)

    @invariant()
    def a_result_and_an_accepted_cancel_exclude_one_another(self) -> None:
        assert not self.settled & self.cancelled

    @invariant()
    def one_goal_at_most_is_worked_on(self) -> None:
        assert len(self.of(Phase.ACTIVE)) <= 1

    @invariant()
    def feedback_ends_once_and_only_of_goals_that_are_not_worked_on(self) -> None:
        ends = Counter(goal for goal, action in self.done if isinstance(action, EndFeedback))
        assert all(count == 1 for count in ends.values())
        assert not set(ends) & set(self.of(Phase.OFFERED, Phase.DECIDING, Phase.ACTIVE))
        told = {goal for goal, action in self.done if isinstance(action, TellDecision)}
        over = {goal for goal in told if self.lives[goal].phase is not Phase.ACTIVE}
        assert set(ends) == over

    @invariant()
    def handlers_run_for_open_goals_only(self) -> None:
        for life in self.lives.values():
            assert life.phase in OPEN or not life.settling
            assert life.phase is Phase.ACTIVE or not life.cancelling

    @invariant()
    def a_goal_that_was_left_behind_is_open_only_while_its_result_handler_runs(self) -> None:
        for goal in self.of(Phase.FINISHING):
            life = self.lives[goal]
            assert life.settling
            assert (life.cancels, life.canceller) == ((), None)


TestGoals = Goals.TestCase
