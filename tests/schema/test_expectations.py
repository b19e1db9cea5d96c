"""What bindings say they were generated against."""

import pytest

from peppy.codegen.bindings import generate
from peppy.schema.consumption import changed_uses, consumed
from peppy.schema.expectations import (
    DEPENDENCIES_FILE,
    drift,
    expectations_text,
    read_expectations,
)
from peppy.schema.format_difference import HERE_AND_THERE
from peppy.schema.names import parse_node_id
from tests.codegen.codegen_documents import (
    BRAIN,
    CAMERA,
    CONTROLLER,
    HELLO,
    document,
    stack,
    viewer,
)

CAMERA_ID = parse_node_id("camera:v1")
OTHER_CAMERA = CAMERA.replace('name: "zoom"', 'name: "zoom", request_message_format: {}').replace(
    'name: "beat", message_format: {}', 'name: "beat", message_format: { number: "u8" }'
)


def test_what_is_consumed_of_a_dependency_is_a_part_of_its_interfaces() -> None:
    ((node, its),) = consumed(document(viewer()), stack(CAMERA, HELLO)).items()
    assert node == CAMERA_ID
    assert [topic.name for topic in its.emits] == ["video-stream"]
    assert [service.name for service in its.exposed_services] == ["zoom"]
    assert [action.name for action in its.exposed_actions] == ["pan"]


def test_a_dependency_that_is_not_there_is_not_expected() -> None:
    assert consumed(document(viewer()), stack(HELLO)) == {}


@pytest.mark.parametrize(
    ("consumer", "producer"), [(viewer(), CAMERA), (CONTROLLER, BRAIN), (HELLO, CAMERA)]
)
def test_bindings_hold_what_they_were_generated_against(consumer: str, producer: str) -> None:
    files = generate(document(consumer), stack(producer))
    read = read_expectations(files[DEPENDENCIES_FILE].encode())
    assert read == consumed(document(consumer), stack(producer))


@pytest.mark.parametrize(
    "text", ["", "[]", '{"camera": {}}', '{"camera:v1": {"emits": 1}}', "[" * 100_000, "\udcff"]
)
def test_a_file_that_cannot_be_read_expects_nothing(text: str) -> None:
    assert read_expectations(text.encode(errors="surrogateescape")) == {}


def test_only_what_is_consumed_drifts() -> None:
    looking = document(viewer())
    expected = consumed(looking, stack(CAMERA))
    assert drift(looking, expected, stack(CAMERA), HERE_AND_THERE) == {}
    assert drift(looking, expected, {}, HERE_AND_THERE) == {}
    assert drift(looking, expected, stack(OTHER_CAMERA), HERE_AND_THERE) == {
        CAMERA_ID: ["the request of service 'zoom' has no message format here and one there"]
    }


def test_the_uses_that_changed_are_named() -> None:
    before, after = document(CAMERA).interfaces, document(OTHER_CAMERA).interfaces
    (use,) = changed_uses(document(viewer()), CAMERA_ID, before, after)
    assert (use.kind, use.name) == ("service", "zoom")
    assert changed_uses(document(viewer()), parse_node_id("camera:v2"), before, after) == ()


def test_the_text_does_not_depend_on_the_order_of_the_nodes() -> None:
    one, two = parse_node_id("a:v1"), parse_node_id("b:v1")
    its = document(CAMERA).interfaces
    assert expectations_text({one: its, two: its}) == expectations_text({two: its, one: its})
