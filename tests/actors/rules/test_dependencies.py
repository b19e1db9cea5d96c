"""Which nodes can stand beside one another, and which comes first."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.actors.rules.dependencies import cycles, needs, problems, waves
from peppy.schema.dependency_errors import (
    DependencyCycle,
    MissingDependency,
    MissingFormat,
    MissingInterface,
    UnknownLabel,
)
from peppy.schema.names import Name, NodeId, parse_node_id
from peppy.schema.node import EmittedTopic, NodeDocument
from tests.actors.rules.rule_documents import node, stack, topic

CAMERA = node("camera:v1", emits=[topic("frames"), topic("size")], services=["zoom"])


def said(*documents: NodeDocument) -> list[tuple[str, str | None]]:
    found = stack(*documents)
    return [(each.sentence, each.hint) for each in problems(found, found)]


def test_nodes_that_have_all_they_consume_have_no_problems() -> None:
    brain = node("brain:v1", "camera:v1", hears=["camera/frames"], calls=["camera/zoom"])
    assert said(CAMERA, brain) == []


@pytest.mark.parametrize(
    ("there", "hint"),
    [
        ([], "add 'camera:v1' to the stack first"),
        (["cameras:v1"], "did you mean 'cameras:v1'?"),
        (["kamera:v1", "camera:release-2026"], "did you mean 'camera:release-2026'?"),
        (["camera:2026", "camera:v10"], "did you mean 'camera:v10'?"),
    ],
)
def test_a_missing_dependency_is_told_with_the_nearest_node(there: list[str], hint: str) -> None:
    brain = node("brain:v1", "camera:v1", hears=["camera/frames"])
    assert said(brain, *map(node, there)) == [
        ("`brain:v1` depends on `camera:v1`, but it does not exist in the stack", hint)
    ]


@pytest.mark.parametrize(
    ("consumes", "sentence", "hint"),
    [
        ({"hears": ["camera/frame"]}, "expects topic 'frame'", "did you mean 'frames'?"),
        ({"hears": ["camera/zoom"]}, "expects topic 'zoom'", "it exposes a service of that name"),
        ({"fires": ["camera/pan"]}, "expects action 'pan'", "it exposes no action at all"),
        ({"calls": ["camera/xyz"]}, "expects service 'xyz'", "it exposes 'zoom'"),
        ({"hears": ["camera/depth"]}, "expects topic 'depth'", "'camera:v2' exposes it"),
    ],
)
def test_a_missing_interface_is_told_with_the_nearest_one(
    consumes: dict[str, list[str]], sentence: str, hint: str
) -> None:
    brain = node("brain:v1", "camera:v1", **consumes)  # type: ignore[arg-type]
    newer = node("camera:v2", emits=[topic("depth")])
    assert said(CAMERA, newer, brain) == [
        (f"`brain:v1` {sentence} from `camera:v1`, which does not expose it", hint)
    ]


def test_all_problems_of_all_wanted_nodes_come_at_once_and_each_once() -> None:
    mute = node("mute:v1", emits=[EmittedTopic(Name("hum"))])
    brain = node(
        "brain:v1", "mute:v1", "gone:v1", hears=["mute/hum", "gone/x", "lost/y", "mute/sing"]
    )
    documents = stack(brain, mute)
    found = problems(documents, documents)
    assert [type(each) for each in found] == [
        MissingDependency,
        MissingFormat,
        UnknownLabel,
        MissingInterface,
    ]
    assert [str(each.node) for each in found] == ["brain:v1", "mute:v1", "brain:v1", "brain:v1"]


def test_nobody_asks_what_an_unwanted_node_lacks() -> None:
    documents = stack(CAMERA, node("brain:v1", "gone:v1"))
    assert problems(documents, [parse_node_id("camera:v1")]) == ()


def test_a_ring_is_told_with_its_path() -> None:
    ring = [node("a:v1", "b:v1"), node("b:v1", "c:v1"), node("c:v1", "a:v1")]
    (problem,) = problems(stack(*ring), [parse_node_id("b:v1")])
    assert isinstance(problem, DependencyCycle)
    assert problem.sentence == "`b:v1` depends on itself: b:v1 -> c:v1 -> a:v1 -> b:v1"


def test_a_node_that_needs_itself_is_a_ring_of_one() -> None:
    assert [sentence for sentence, _ in said(node("a:v1", "a:v1"))] == [
        "`a:v1` depends on itself: a:v1 -> a:v1"
    ]


def test_two_rings_are_two_problems() -> None:
    rings = [node("a:v1", "b:v1", "c:v1"), node("b:v1", "a:v1"), node("c:v1", "a:v1")]
    assert [sentence for sentence, _ in said(*rings)] == [
        "`a:v1` depends on itself: a:v1 -> b:v1 -> a:v1",
        "`c:v1` depends on itself: c:v1 -> a:v1 -> c:v1",
    ]


def test_waves_keep_the_given_order_and_let_dependencies_go_first() -> None:
    documents = stack(
        node("viewer:v1", "camera:v1", "brain:v1"),
        node("brain:v1", "camera:v1"),
        node("lamp:v1"),
        node("camera:v1"),
    )
    assert [[str(each) for each in wave] for wave in waves(documents)] == [
        ["lamp:v1", "camera:v1"],
        ["brain:v1"],
        ["viewer:v1"],
    ]


def test_a_ring_comes_in_one_wave_and_whoever_needs_it_afterwards() -> None:
    documents = stack(
        node("user:v1", "a:v1"),
        node("a:v1", "b:v1", "base:v1"),
        node("b:v1", "a:v1"),
        node("base:v1"),
    )
    assert [[each.name for each in wave] for wave in waves(documents)] == [
        ["base"],
        ["a", "b"],
        ["user"],
    ]


NAMES = [f"n{number}:v1" for number in range(6)]
STACKS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES), max_size=3)),
    max_size=6,
    unique_by=lambda pair: pair[0],
).map(lambda pairs: stack(*(node(name, *sorted(wanted)) for name, wanted in pairs)))


def reached(start: NodeId, documents: dict[NodeId, NodeDocument]) -> set[NodeId]:
    graph, found, ahead = needs(documents), set[NodeId](), [start]
    while ahead:
        new = [each for each in graph[ahead.pop()] if each not in found]
        found.update(new)
        ahead.extend(new)
    return found


@given(STACKS)
def test_exactly_the_nodes_that_reach_themselves_are_in_rings(
    documents: dict[NodeId, NodeDocument],
) -> None:
    graph, paths = needs(documents), list(cycles(documents, documents))
    named = {each for path in paths for each in path}
    assert named == {each for each in documents if each in reached(each, documents)}
    for path in paths:
        assert path[0] == path[-1]
        assert all(after in graph[before] for before, after in pairwise(path))


@given(STACKS)
def test_waves_hold_each_node_once_and_after_all_that_it_needs(
    documents: dict[NodeId, NodeDocument],
) -> None:
    found = waves(documents)
    assert sorted(each for wave in found for each in wave) == sorted(documents)
    place = {each: number for number, wave in enumerate(found) for each in wave}
    for each, wanted in needs(documents).items():
        for other in wanted:
            ring = each in reached(other, documents)
            assert place[other] == place[each] if ring else place[other] < place[each]
    order = list(documents)
    assert all(list(wave) == sorted(wave, key=order.index) for wave in found)
