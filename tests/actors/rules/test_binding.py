"""Which bindings a node can have, and what is said of instances that are not there."""

import pytest

from peppy.actors.rules.binding import BadBindings, warnings
from peppy.schema.names import InstanceId, Name, parse_node_id
from peppy.schema.node import Dependency, Manifest, NodeDocument
from tests.actors.rules.rule_documents import node

CAMERA, ARM, STEREO = (parse_node_id(text) for text in ("camera:v1", "arm:v1", "stereo:v1"))
FRONT, REAR, GRIP = (InstanceId(text) for text in ("front", "rear", "grip"))
OWNERS = {FRONT: CAMERA, REAR: CAMERA, GRIP: ARM}


def stereo() -> NodeDocument:
    """Return a node with two labels of the same dependency."""
    eyes = (Dependency(CAMERA, Name("left")), Dependency(CAMERA, Name("right")))
    plain = node("stereo:v1")
    manifest = Manifest(name=STEREO.name, tag=STEREO.tag, depends_on=eyes)
    return NodeDocument(manifest, plain.interfaces, None, "")


def test_two_labels_of_one_node_may_mean_two_instances() -> None:
    assert warnings(stereo(), {"left": FRONT, "right": REAR}, OWNERS) == ()
    assert warnings(stereo(), {"left": FRONT}, OWNERS) == ()
    assert warnings(stereo(), {}, OWNERS) == ()


def test_an_instance_that_is_not_there_yet_is_worth_a_word() -> None:
    (warning,) = warnings(stereo(), {"left": FRONT, "right": REAR}, {FRONT: CAMERA})
    assert warning == (
        "'right' is bound to 'rear', which is not there yet:"
        " no other instance of 'camera:v1' is heard or asked"
    )


def test_everything_that_cannot_be_is_said_at_once() -> None:
    with pytest.raises(BadBindings) as raised:
        warnings(stereo(), {"lefd": FRONT, "right": GRIP, "x": REAR}, OWNERS)
    assert raised.value.sentence.splitlines() == [
        "'lefd' is no dependency of node 'stereo:v1'; did you mean 'left'?",
        "'right' needs an instance of node 'camera:v1', and 'grip' is one of 'arm:v1'",
        "'x' is no dependency of node 'stereo:v1'",
    ]
    assert raised.value.hint == "its dependencies are 'left' (camera:v1), 'right' (camera:v1)"


def test_a_node_that_needs_nobody_is_told_so() -> None:
    with pytest.raises(BadBindings) as raised:
        warnings(node("arm:v1"), {"camera": FRONT}, OWNERS)
    assert raised.value.hint == "it has no dependencies"
