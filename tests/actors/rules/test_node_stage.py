"""How far a node has come, decided without a machine."""

from hypothesis import given
from hypothesis import strategies as st

from peppy.actors.rules.node_stage import (
    Action,
    At,
    BeginBuild,
    BuildAsked,
    BuildEnded,
    BuildUnwanted,
    Built,
    CancelBuild,
    Event,
    RefuseBuild,
    StageState,
    step,
)


def go(*events: Event) -> tuple[StageState, list[Action]]:
    state, done = StageState(), list[Action]()
    for event in events:
        state, actions = step(state, event)
        done.extend(actions)
    return state, done


def test_a_build_leads_from_added_to_ready() -> None:
    assert go(BuildAsked(), Built()) == (StageState(At.READY, artifact=True), [BeginBuild()])


def test_a_build_that_fails_leaves_the_node_added() -> None:
    state, _ = go(BuildAsked(), BuildEnded())
    assert state == StageState(At.ADDED)


def test_a_second_build_is_refused_while_one_is_under_way() -> None:
    state, actions = go(BuildAsked(), BuildAsked())
    assert state.at is At.BUILDING
    assert actions == [BeginBuild(), RefuseBuild(At.BUILDING)]


def test_a_forced_build_ends_the_present_one_and_begins_after_it() -> None:
    state, actions = go(BuildAsked(), BuildAsked(force=True), BuildEnded())
    assert state == StageState(At.BUILDING)
    assert actions == [BeginBuild(), CancelBuild(), BeginBuild()]


def test_a_node_that_is_ready_is_built_again_only_by_force() -> None:
    ready, _ = go(BuildAsked(), Built())
    assert step(ready, BuildAsked())[1] == (RefuseBuild(At.READY),)
    assert step(ready, BuildAsked(force=True))[1] == (BeginBuild(),)


def test_a_forced_build_that_fails_leaves_the_artifact_there_was() -> None:
    state, _ = go(BuildAsked(), Built(), BuildAsked(force=True), BuildEnded())
    assert state == StageState(At.READY, artifact=True)


def test_a_build_that_nobody_wants_any_more_is_cancelled() -> None:
    assert go(BuildAsked(), BuildUnwanted())[1] == [BeginBuild(), CancelBuild()]


def test_the_first_asker_leaving_does_not_cancel_the_forced_build_that_waits() -> None:
    _, actions = go(BuildAsked(), BuildAsked(force=True), BuildUnwanted())
    assert actions == [BeginBuild(), CancelBuild()]


EVENTS = st.sampled_from(
    [BuildAsked(), BuildAsked(force=True), Built(), BuildEnded(), BuildUnwanted()]
)


@given(st.lists(EVENTS, max_size=15))
def test_there_is_never_more_than_one_build_under_way(events: list[Event]) -> None:
    state, under_way = StageState(), 0
    for event in events:
        ends = isinstance(event, Built | BuildEnded) and state.at is At.BUILDING
        under_way -= ends
        state, actions = step(state, event)
        under_way += actions.count(BeginBuild())
        assert under_way == (state.at is At.BUILDING)


@given(st.lists(EVENTS, max_size=15))
def test_an_artifact_once_there_stays(events: list[Event]) -> None:
    state, seen = StageState(), False
    for event in events:
        state, _ = step(state, event)
        assert state.artifact or not seen
        seen = state.artifact
