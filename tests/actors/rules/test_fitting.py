"""Whether a node that comes fits those that are there."""

import pytest

from peppy.actors.rules.fitting import (
    BuiltAgainstOthers,
    ChangedDependency,
    Fitted,
    NeededByOthers,
    check_bindings_fit,
    warnings_of_removal,
    warnings_of_run,
    why_not,
)
from peppy.schema.consumption import consumed
from peppy.schema.dependency_errors import MissingDependency
from peppy.schema.formats import Kind
from peppy.schema.names import NodeId, parse_node_id
from peppy.schema.node import NodeDocument
from tests.actors.rules.rule_documents import node, stack, topic

CAMERA_ID = parse_node_id("camera:v1")
CAMERA = node("camera:v1", emits=[topic("frames"), topic("size")])
OTHER = node("camera:v1", emits=[topic("frames", Kind.U16), topic("size")])
MORE = node("camera:v1", emits=[topic("frames"), topic("size"), topic("depth")])
BRAIN = node("brain:v1", "camera:v1", hears=["camera/frames"])
METER = node("meter:v1", "camera:v1", hears=["camera/size"])


def there(*documents: NodeDocument) -> dict[NodeId, Fitted]:
    """Return nodes as they are after each was added beside all the others."""
    known = stack(*documents)
    return {each: Fitted(document, consumed(document, known)) for each, document in known.items()}


def test_a_replacement_with_the_same_interfaces_may_enter() -> None:
    turned = node("camera:v1", emits=reversed([topic("frames"), topic("size")]))
    assert why_not(Fitted(turned), there(CAMERA, BRAIN)) is None


def test_a_replacement_with_other_interfaces_is_told_what_changed_and_for_whom() -> None:
    error = why_not(Fitted(OTHER), there(CAMERA, BRAIN, METER))
    assert isinstance(error, NeededByOthers)
    assert error.sentence == (
        "cannot replace node 'camera:v1' because its interfaces changed and other nodes depend on"
        " it: 'brain:v1', 'meter:v1'"
        "\n  topic 'frames': field 'width' is 'u32' in the stack and 'u16' in the new document"
        "\n  'brain:v1' consumes topic 'frames'"
    )


def test_interfaces_that_only_grew_have_changed_as_well() -> None:
    error = why_not(Fitted(MORE), there(CAMERA, BRAIN))
    assert isinstance(error, NeededByOthers)
    assert "topic 'depth' is missing in the stack" in error.sentence
    assert "consumes" not in error.sentence


def test_a_node_that_nobody_depends_on_may_change_as_it_likes() -> None:
    assert why_not(Fitted(OTHER), there(CAMERA)) is None


def test_a_node_that_only_itself_depends_on_may_change_as_it_likes() -> None:
    old = node("echo:v1", "echo:v1", emits=[topic("frames")])
    new = node("echo:v1", "echo:v1", emits=[topic("sounds")])
    assert why_not(Fitted(new), there(old)) is None


def test_a_node_that_comes_back_as_it_was_may_enter() -> None:
    left = there(CAMERA, BRAIN)
    del left[CAMERA_ID]
    assert why_not(Fitted(CAMERA), left) is None
    assert why_not(Fitted(MORE), left) is None


def test_a_node_that_comes_back_as_another_is_refused_with_the_difference() -> None:
    left = there(CAMERA, BRAIN, METER)
    del left[CAMERA_ID]
    error = why_not(Fitted(OTHER), left)
    assert isinstance(error, BuiltAgainstOthers)
    assert error.sentence == (
        "cannot add node 'camera:v1' because nodes in the stack were built against other"
        " interfaces of it: 'brain:v1'"
        "\n  'brain:v1': topic 'frames': field 'width' is 'u32' in its bindings"
        " and 'u16' in the new document"
    )


def test_a_node_whose_bindings_are_of_another_dependency_is_refused() -> None:
    brain = Fitted(BRAIN, consumed(BRAIN, stack(CAMERA)))
    check_bindings_fit(brain, stack(CAMERA))
    check_bindings_fit(brain, stack(MORE))
    check_bindings_fit(brain, {})
    with pytest.raises(ChangedDependency) as refused:
        check_bindings_fit(brain, stack(OTHER))
    assert refused.value.sentence == (
        "the bindings of `brain:v1` were generated against other interfaces than its dependencies"
        " have now: 'camera:v1'"
        "\n  'camera:v1': topic 'frames': field 'width' is 'u32' in the bindings"
        " and 'u16' in the stack"
    )


def test_a_dependency_that_changed_while_a_node_was_added_keeps_it_out() -> None:
    brain = Fitted(BRAIN, consumed(BRAIN, stack(CAMERA)))
    assert why_not(brain, there(CAMERA)) is None
    assert isinstance(why_not(brain, there(OTHER)), ChangedDependency)


def test_a_dependency_that_left_while_a_node_was_added_keeps_it_out() -> None:
    brain = Fitted(BRAIN, consumed(BRAIN, stack(CAMERA)))
    assert isinstance(why_not(brain, {}), MissingDependency)


def test_a_run_beside_what_a_node_was_built_against_has_no_warnings() -> None:
    brain = there(CAMERA, BRAIN)[parse_node_id("brain:v1")]
    assert warnings_of_run(brain, stack(CAMERA, BRAIN)) == ()


def test_a_run_without_a_dependency_or_beside_a_changed_one_has_warnings() -> None:
    brain = there(CAMERA, BRAIN)[parse_node_id("brain:v1")]
    assert warnings_of_run(brain, stack(BRAIN)) == (
        "`brain:v1` depends on `camera:v1`, which is not in the stack",
    )
    (warning,) = warnings_of_run(brain, stack(OTHER, BRAIN))
    assert warning.startswith("`brain:v1` was built against other interfaces than `camera:v1` has")
    assert "field 'width'" in warning


def test_a_removal_names_those_that_lose_their_dependency() -> None:
    documents = stack(CAMERA, BRAIN, METER)
    assert warnings_of_removal(CAMERA_ID, documents) == (
        "`brain:v1` depends on `camera:v1`, which is not in the stack any more",
        "`meter:v1` depends on `camera:v1`, which is not in the stack any more",
    )
    assert warnings_of_removal(parse_node_id("meter:v1"), documents) == ()
