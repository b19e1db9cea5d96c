"""Whether and when an instance is started again, decided without a clock."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from peppy.actors.rules.restart import (
    Course,
    Decision,
    Ended,
    EndFirst,
    Event,
    GiveUp,
    Healthy,
    Hung,
    Phase,
    StartAgain,
    StartNow,
    StopAsked,
    Unhealthy,
    Waited,
    WaitNoMore,
    step,
)
from peppy.schema.restart import (
    FIRST_BACK_OFF,
    HEALTHY_FOR,
    LONGEST_BACK_OFF,
    RestartMode,
    RestartPolicy,
)

ON_FAILURE = RestartPolicy(mode=RestartMode.ON_FAILURE, limit=100, window=1e6, hung_after=10.0)
FAILED, CLEAN = Ended(clean=False), Ended(clean=True)


def decided(
    policy: RestartPolicy, *events: tuple[float, Event], course: Course | None = None
) -> tuple[Course, list[Decision]]:
    course, decisions = course or Course(), list[Decision]()
    for now, event in events:
        course, decision = step(course, event, now, policy)
        decisions += [] if decision is None else [decision]
    return course, decisions


def crashes(policy: RestartPolicy, times: int) -> tuple[Course, list[Decision]]:
    """Have it end as soon as it is started, over and over."""
    course, decisions = Course(), list[Decision]()
    now = 0.0
    for _ in range(times):
        course, first = step(course, FAILED, now, policy)
        decisions += [] if first is None else [first]
        now = now if course.due is None else course.due
        course, _second = step(course, Waited(), now, policy)
    return course, decisions


@pytest.mark.parametrize(
    ("mode", "ending", "again"),
    [
        ("never", FAILED, False),
        ("never", CLEAN, False),
        ("on_failure", FAILED, True),
        ("on_failure", CLEAN, False),
        ("always", FAILED, True),
        ("always", CLEAN, True),
    ],
)
def test_the_mode_says_which_endings_are_followed_by_a_start(
    mode: str, ending: Ended, again: bool
) -> None:
    course, decisions = decided(RestartPolicy(mode=RestartMode(mode)), (0.0, ending))
    assert decisions == ([StartAgain(FIRST_BACK_OFF, 1)] if again else [])
    assert course.phase is (Phase.WAITING if again else Phase.OVER)


def test_the_back_off_doubles_up_to_its_longest() -> None:
    course, decisions = crashes(ON_FAILURE, 8)
    waits = [each.after for each in decisions if isinstance(each, StartAgain)]
    assert waits == [1, 2, 4, 8, 16, LONGEST_BACK_OFF, LONGEST_BACK_OFF, LONGEST_BACK_OFF]
    assert course.restarts == 8


@pytest.mark.parametrize(
    ("healthy_for", "wait"), [(HEALTHY_FOR - 0.1, 4.0), (HEALTHY_FOR, FIRST_BACK_OFF)]
)
def test_a_minute_of_health_begins_the_back_off_anew(healthy_for: float, wait: float) -> None:
    course, _ = crashes(ON_FAILURE, 2)
    end = 100 + healthy_for
    _, decisions = decided(
        ON_FAILURE, (100.0, Healthy()), (110.0, Healthy()), (end, FAILED), course=course
    )
    assert decisions == [StartAgain(wait, 3)]


def test_two_halves_of_a_minute_with_a_miss_between_them_are_no_minute() -> None:
    course, _ = crashes(ON_FAILURE, 2)
    halves: list[tuple[float, Event]] = [
        (100.0, Healthy()),
        (140.0, Unhealthy()),
        (145.0, Healthy()),
        (190.0, FAILED),
    ]
    assert decided(ON_FAILURE, *halves, course=course)[1] == [StartAgain(4.0, 3)]


def test_a_minute_of_health_counts_even_if_it_was_not_well_at_its_end() -> None:
    course, _ = crashes(ON_FAILURE, 2)
    events: list[tuple[float, Event]] = [
        (100.0, Healthy()),
        (170.0, Unhealthy()),
        (175.0, FAILED),
    ]
    assert decided(ON_FAILURE, *events, course=course)[1] == [StartAgain(FIRST_BACK_OFF, 3)]


def test_the_limit_within_the_window_is_the_end_and_says_so_once() -> None:
    policy = RestartPolicy(mode=RestartMode.ALWAYS, limit=2, window=600)
    course, decisions = crashes(policy, 5)
    assert decisions == [StartAgain(1.0, 1), StartAgain(2.0, 2), GiveUp(2)]
    assert (course.phase, course.restarts) == (Phase.OVER, 2)


def test_restarts_that_are_older_than_the_window_do_not_count() -> None:
    policy = RestartPolicy(mode=RestartMode.ALWAYS, limit=2, window=600)
    course, _ = crashes(policy, 2)
    assert decided(policy, (599.0, FAILED), course=course)[1] == [StartAgain(4.0, 3)]


def test_who_hangs_is_ended_and_then_started_again_however_it_ends() -> None:
    _, decisions = decided(
        ON_FAILURE, (0.0, Hung()), (1.0, Healthy()), (12.0, CLEAN), (13.0, Waited())
    )
    assert decisions == [EndFirst(), StartAgain(1.0, 1), StartNow()]


def test_who_hangs_when_the_limit_is_reached_is_left_as_it_is() -> None:
    policy = RestartPolicy(mode=RestartMode.ALWAYS, limit=1, hung_after=10.0)
    course, _ = crashes(policy, 1)
    course, decisions = decided(policy, (20.0, Hung()), (30.0, FAILED), course=course)
    assert (course.phase, decisions) == (Phase.OVER, [GiveUp(1)])


def test_who_hung_at_the_limit_and_answers_after_all_may_be_started_again_later() -> None:
    policy = RestartPolicy(mode=RestartMode.ALWAYS, limit=1, hung_after=10.0)
    course, _ = crashes(policy, 1)
    events: list[tuple[float, Event]] = [(20.0, Hung()), (30.0, Healthy()), (1000.0, FAILED)]
    assert decided(policy, *events, course=course)[1] == [GiveUp(1), StartAgain(1.0, 2)]


def test_a_stop_while_it_waits_takes_the_start_back() -> None:
    course, decisions = decided(ON_FAILURE, (0.0, FAILED), (0.5, StopAsked()), (1.0, Waited()))
    assert (course.phase, decisions[1:]) == (Phase.STOPPED, [WaitNoMore()])


def test_who_ends_because_it_was_asked_to_is_not_started_again() -> None:
    always = RestartPolicy(mode=RestartMode.ALWAYS)
    assert decided(always, (0.0, StopAsked()), (1.0, FAILED))[1] == []


EVENTS = st.sampled_from(
    [Healthy(), Unhealthy(), Hung(), FAILED, CLEAN, Waited(), Waited(), FAILED]
)
"""A stop is a rule of its own, and seldom."""


class Living(RuleBasedStateMachine):
    """Any events at any times, those too that an owner would not send."""

    @initialize(
        mode=st.sampled_from(RestartMode), limit=st.integers(1, 4), window=st.floats(1, 300)
    )
    def begin(self, mode: RestartMode, limit: int, window: float) -> None:
        self.policy = RestartPolicy(mode=mode, limit=limit, window=window, hung_after=10.0)
        self.course, self.now = Course(), 0.0
        self.started: list[float] = []
        self.waits: list[float] = []
        """Back-offs since the last minute of health."""
        self.healthy_since: float | None = None
        self.stopped = False
        self.after_stop: list[Decision] = []

    def _rest(self) -> None:
        if self.healthy_since is not None and self.now - self.healthy_since >= HEALTHY_FOR:
            self.waits = []
        self.healthy_since = None

    def _send(self, event: Event) -> Decision | None:
        before = self.course
        self.course, decision = step(before, event, self.now, self.policy)
        up = before.phase in (Phase.UP, Phase.SPENT)
        match event:
            case Healthy() if up and self.healthy_since is None:
                self.healthy_since = self.now
            case Unhealthy():
                self._rest()
            case Hung() if before.phase is Phase.UP and self.policy.mode is not RestartMode.NEVER:
                self._rest()
            case Ended() if up or before.phase is Phase.HUNG:
                self._rest()
            case _:
                pass
        match decision:
            case StartAgain(after, number):
                self.waits.append(after)
                assert number == len(self.started) + 1
            case StartNow():
                self.started.append(self.now)
            case _:
                pass
        return decision

    @rule(after=st.floats(0, 90), event=EVENTS)
    def hear(self, after: float, event: Event) -> None:
        self.now += after
        decision = self._send(event)
        if self.stopped and decision is not None:
            self.after_stop.append(decision)

    @rule()
    def wait_as_told(self) -> None:
        if self.course.due is not None:
            self.now = max(self.now, self.course.due)
            assert self._send(Waited()) == StartNow()

    @rule(wanted=st.integers(0, 9))
    def stop(self, wanted: int) -> None:
        if wanted == 0:
            waited = self.course.phase is Phase.WAITING
            decision = self._send(StopAsked())
            assert decision == (WaitNoMore() if waited else None)
            self.stopped = True

    @invariant()
    def no_window_holds_more_than_the_limit(self) -> None:
        for end in self.started:
            within = [each for each in self.started if end - self.policy.window < each <= end]
            assert len(within) <= self.policy.limit

    @invariant()
    def the_back_off_doubles_until_a_minute_of_health(self) -> None:
        expected = [min(FIRST_BACK_OFF * 2**each, LONGEST_BACK_OFF) for each in range(50)]
        assert self.waits == expected[: len(self.waits)]

    @invariant()
    def a_stop_is_the_last_word(self) -> None:
        assert self.after_stop == []
        assert not self.stopped or self.course.phase is Phase.STOPPED

    @invariant()
    def it_is_due_exactly_while_it_waits(self) -> None:
        assert (self.course.due is not None) == (self.course.phase is Phase.WAITING)

    @invariant()
    def what_is_never_started_again_has_never_been(self) -> None:
        if self.policy.mode is RestartMode.NEVER:
            assert self.started == []

    @invariant()
    def what_it_has_been_through_does_not_grow_for_ever(self) -> None:
        starts = self.course.starts
        assert all(start > starts[-1] - self.policy.window for start in starts)
        assert self.course.restarts == len(self.started)


TestLiving = Living.TestCase
