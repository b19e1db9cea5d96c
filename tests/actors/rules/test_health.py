"""Whether an instance is well, decided without a clock."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from peppy.actors.rules.health import Answered, Event, Missed, Pulse, Verdict, step
from peppy.schema.control import Health
from peppy.schema.restart import RestartMode, RestartPolicy

NONE = RestartPolicy()
HANGS = RestartPolicy(mode=RestartMode.ON_FAILURE, hung_after=10.0)


def told(policy: RestartPolicy, *events: tuple[float, Event]) -> tuple[Pulse, list[Verdict]]:
    pulse, verdicts = Pulse(), list[Verdict]()
    for now, event in events:
        pulse, verdict = step(pulse, event, now, policy)
        verdicts += [] if verdict is None else [verdict]
    return pulse, verdicts


def misses(*times: float) -> list[tuple[float, Event]]:
    return [(time, Missed()) for time in times]


def test_the_first_answer_makes_it_healthy_and_is_no_news() -> None:
    pulse, verdicts = told(NONE, (0.0, Answered()))
    assert (pulse.health, verdicts) == (Health.HEALTHY, [])


def test_one_missed_question_makes_it_unhealthy_and_those_that_follow_are_no_news() -> None:
    pulse, verdicts = told(NONE, (0.0, Answered()), *misses(5, 10, 15))
    assert (pulse.health, verdicts) == (Health.UNHEALTHY, [Verdict.UNHEALTHY])


def test_who_never_answered_is_unhealthy_too() -> None:
    assert told(NONE, *misses(3))[1] == [Verdict.UNHEALTHY]


def test_one_answer_is_the_recovery() -> None:
    pulse, verdicts = told(NONE, *misses(3, 8), (10.0, Answered()), (15.0, Answered()))
    assert (pulse, verdicts[1:]) == (Pulse(Health.HEALTHY), [Verdict.RECOVERED])


@pytest.mark.parametrize(("last", "hung"), [(12.9, False), (13.0, True)])
def test_it_hangs_once_it_has_been_unhealthy_for_as_long_as_its_policy_bears(
    last: float, hung: bool
) -> None:
    _, verdicts = told(HANGS, *misses(3, 8, last))
    assert (Verdict.HUNG in verdicts) is hung


def test_an_answer_in_between_begins_the_time_anew() -> None:
    _, verdicts = told(HANGS, *misses(3, 8), (10.0, Answered()), *misses(13, 18, 22))
    assert Verdict.HUNG not in verdicts


def test_who_still_hangs_is_told_of_once() -> None:
    _, verdicts = told(HANGS, *misses(3, 13, 23, 33))
    assert verdicts == [Verdict.UNHEALTHY, Verdict.HUNG]


@pytest.mark.parametrize(
    "policy",
    [
        RestartPolicy(mode=RestartMode.ALWAYS),
        RestartPolicy(mode=RestartMode.NEVER, hung_after=1.0),
    ],
)
def test_who_is_not_started_again_for_it_never_hangs(policy: RestartPolicy) -> None:
    assert told(policy, *misses(3, 1000))[1] == [Verdict.UNHEALTHY]


class Watching(RuleBasedStateMachine):
    """Any answers and misses: what has been told always says how it is."""

    @initialize(hung_after=st.none() | st.floats(0.1, 50))
    def begin(self, hung_after: float | None) -> None:
        self.policy = RestartPolicy(mode=RestartMode.ON_FAILURE, hung_after=hung_after)
        self.pulse, self.now = Pulse(), 0.0
        self.verdicts: list[Verdict] = []
        self.missed: list[float] = []
        """Times of the misses since the last answer."""

    @rule(after=st.floats(0, 20), well=st.booleans())
    def hear(self, after: float, well: bool) -> None:
        self.now += after
        self.missed = [] if well else [*self.missed, self.now]
        event = Answered() if well else Missed()
        self.pulse, verdict = step(self.pulse, event, self.now, self.policy)
        self.verdicts += [] if verdict is None else [verdict]

    @invariant()
    def the_last_transition_told_is_the_present_state(self) -> None:
        transitions = [each for each in self.verdicts if each is not Verdict.HUNG]
        unwell = bool(transitions) and transitions[-1] is Verdict.UNHEALTHY
        assert unwell == (self.pulse.health is Health.UNHEALTHY) == bool(self.missed)

    @invariant()
    def transitions_take_turns(self) -> None:
        transitions = [each for each in self.verdicts if each is not Verdict.HUNG]
        for number, verdict in enumerate(transitions):
            assert verdict is (Verdict.RECOVERED if number % 2 else Verdict.UNHEALTHY)

    @invariant()
    def it_is_said_to_hang_exactly_once_it_has_been_so_for_long_enough(self) -> None:
        limit = self.policy.hung_after
        hangs = bool(self.missed) and limit is not None and self.now - self.missed[0] >= limit
        # The first miss alone never says so, however short the time that is borne.
        assert self.pulse.hung == (hangs and len(self.missed) > 1)

    @invariant()
    def each_hang_is_told_once(self) -> None:
        for first, second in zip(self.verdicts, self.verdicts[1:], strict=False):
            assert (first, second) != (Verdict.HUNG, Verdict.HUNG)


TestWatching = Watching.TestCase
