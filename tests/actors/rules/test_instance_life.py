"""The life of an instance, decided without a machine."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from peppy.actors.rules.instance_life import (
    AbandonPreparation,
    Action,
    AskShutdown,
    CameReady,
    Ending,
    Event,
    Exited,
    Failed,
    Forget,
    GivenUp,
    GraceOver,
    Kill,
    Life,
    Phase,
    Prepared,
    ReportEnded,
    ReportFailure,
    ReportRunning,
    ReportStopped,
    Spawn,
    Spawned,
    StopAsked,
    step,
)

CLEAN = Exited(Ending(code=0))


def live(*events: Event) -> tuple[Life, list[Action]]:
    life, done = Life(), list[Action]()
    for event in events:
        life, actions = step(life, event)
        done.extend(actions)
    return life, done


def test_a_start_that_succeeds_is_reported_once_it_is_ready() -> None:
    life, actions = live(Prepared(), Spawned(), CameReady())
    assert life.phase is Phase.RUNNING
    assert actions == [Spawn(), ReportRunning()]


def test_a_node_may_be_ready_before_its_start_is_known() -> None:
    early, nothing = live(Prepared(), CameReady())
    assert (early.phase, nothing) == (Phase.STARTING, [Spawn()])
    life, actions = step(early, Spawned())
    assert (life.phase, actions) == (Phase.RUNNING, (ReportRunning(),))


def test_a_process_that_ends_before_it_is_ready_fails_its_start() -> None:
    life, actions = live(Prepared(), Spawned(), Exited(Ending(code=3)))
    assert life.ending == Ending(code=3)
    assert actions == [Spawn(), ReportFailure(), Forget()]


def test_a_preparation_that_fails_starts_no_process() -> None:
    _, actions = live(Failed("disk full"))
    assert actions == [ReportFailure("disk full"), Forget()]


def test_an_instance_that_ends_by_itself_stays_until_it_is_stopped() -> None:
    life, actions = live(Prepared(), Spawned(), CameReady(), CLEAN)
    assert (life.phase, actions[2:]) == (Phase.ENDED, [ReportEnded()])
    assert step(life, StopAsked())[1] == (ReportStopped(),)


def test_a_running_instance_is_asked_before_it_is_killed() -> None:
    life, actions = live(Prepared(), Spawned(), CameReady(), StopAsked())
    assert actions[-1] == AskShutdown()
    life, actions_after = step(life, GraceOver())
    assert actions_after == (Kill(),)
    assert life.forced


def test_a_second_wish_to_stop_asks_nobody_again() -> None:
    life, _ = live(Prepared(), Spawned(), CameReady(), StopAsked())
    assert step(life, StopAsked()) == (life, ())


def test_a_stop_that_overtakes_the_start_of_the_process_kills_it() -> None:
    _, actions = live(Prepared(), StopAsked(), Spawned(), Exited(Ending(signal=9)))
    assert Kill() in actions
    assert actions[-1] == ReportStopped()


def test_a_start_that_is_given_up_says_why_after_its_process_is_gone() -> None:
    life, actions = live(Prepared(), Spawned(), GivenUp("too slow"))
    assert life.phase is Phase.STOPPING
    assert ReportFailure("too slow") not in actions
    assert step(life, CLEAN)[1][0] == ReportFailure("too slow")


def test_a_stop_while_the_artifact_is_laid_out_abandons_that() -> None:
    _, actions = live(StopAsked())
    assert actions[0] == AbandonPreparation()
    assert actions[-1] == ReportStopped()


EVENTS = st.sampled_from(
    [
        Prepared(),
        Failed("no"),
        Spawned(),
        CameReady(),
        CLEAN,
        Exited(Ending(signal=9)),
        StopAsked(),
        GraceOver(),
        GivenUp("late"),
    ]
)


def reports_of_the_start(actions: Iterable[Action]) -> int:
    return sum(isinstance(action, ReportRunning | ReportFailure) for action in actions)


@given(st.lists(EVENTS, max_size=12))
def test_a_start_is_reported_at_most_once(events: list[Event]) -> None:
    _, actions = live(*events)
    assert reports_of_the_start(actions) <= 1


@given(st.lists(EVENTS, max_size=12))
def test_an_instance_that_has_ended_has_reported_its_start(events: list[Event]) -> None:
    life, actions = live(*events)
    if life.phase is Phase.ENDED:
        assert reports_of_the_start(actions) == 1


@given(st.lists(EVENTS, max_size=12))
def test_whoever_ends_is_stopped_or_forgotten_or_stays_listed_after_running(
    events: list[Event],
) -> None:
    life, actions = live(*events)
    gone = any(isinstance(action, ReportStopped | Forget) for action in actions)
    if life.phase is Phase.ENDED:
        assert gone or life.ready
    else:
        assert not gone


@given(st.lists(EVENTS, max_size=12))
def test_nothing_is_killed_that_was_never_spawned(events: list[Event]) -> None:
    life, actions = live(*events)
    if Kill() in actions:
        assert Spawn() in actions
        assert life.forced
