"""What a root and its variant come to together, and which pairs do not belong together."""

import json
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peppy.schema.errors import DocumentError
from peppy.schema.node import Interfaces, NodeDocument, VariantDocument
from peppy.schema.node_reader import (
    is_variant_document,
    read_node_document,
    read_variant_document,
)
from peppy.schema.variants import (
    UnknownVariant,
    VariantInterfaceMismatch,
    check_interfaces,
    declared,
    merge,
    warnings,
)

DEPTHS = {"$type": "array", "$items": "f32", "$length": 4}
INTERFACES: dict[str, Any] = {
    "topics": {
        "emits": [
            {
                "name": "depth",
                "qos_profile": "sensor_data",
                "message_format": {"width": "u32", "depths": DEPTHS},
            },
            {"name": "state", "message_format": {"text": "string", "at": "time"}},
        ],
        "consumes": [{"name": "light", "message_format": {"lux": "f32", "on": "bool"}}],
    },
    "services": {
        "exposes": [
            {
                "name": "set_gain",
                "request_message_format": {"gain": "f32", "now": "bool"},
                "response_message_format": {"ok": "bool", "why": "string"},
            },
            {"name": "restart"},
        ]
    },
    "actions": {
        "exposes": [
            {
                "name": "pan",
                "goal_service": {"request_message_format": {"to": "f32", "speed": "f32"}},
                "feedback_topic": {"message_format": {"at": "f32"}},
            }
        ]
    },
}


def root(interfaces: object = INTERFACES, variants: object = ()) -> NodeDocument:
    document = {
        "peppy_schema": "node_v1",
        "manifest": {"name": "camera", "tag": "v1", "variants": variants},
        "interfaces": interfaces,
        "execution": {"language": "rust", "run_cmd": ["./camera"]},
    }
    return read_node_document(json.dumps(document).encode(), "root")


def variant(**more: object) -> VariantDocument:
    document = {
        "peppy_schema": "node_v1",
        "execution": {
            "language": "python",
            "parameters": {"speed": "f32"},
            "build_cmd": ["uv", "sync"],
            "run_cmd": ["uv", "run", "mock"],
        },
        **more,
    }
    return read_variant_document(json.dumps(document).encode(), "variant")


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the interfaces with another value at a place."""
    whole: dict[str, Any] = json.loads(json.dumps(INTERFACES))
    *most, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = whole
    for part in most:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return whole


def test_the_root_gives_its_manifest_and_interfaces_and_the_variant_its_whole_execution() -> None:
    base, own = root(), variant()
    whole = merge(base, own)
    assert whole.manifest == base.manifest
    assert whole.interfaces == base.interfaces
    assert whole.execution == own.execution
    assert (whole.sha256, whole.root_sha256) == (own.sha256, base.sha256)


def test_interfaces_of_the_variant_itself_change_nothing_in_what_they_come_to() -> None:
    own = variant(interfaces={"topics": {"emits": [{"name": "other"}]}})
    assert merge(root(), own).interfaces == root().interfaces


@pytest.mark.parametrize(
    "interfaces",
    [{}, {"topics": {}}, {"topics": {"emits": [], "consumes": []}, "services": {"exposes": []}}],
)
def test_a_variant_that_names_no_interface_takes_those_of_the_root(interfaces: object) -> None:
    check_interfaces(root(), variant(interfaces=interfaces), "mock")
    check_interfaces(root(), variant(), "mock")


def test_the_same_interfaces_match() -> None:
    check_interfaces(root(), variant(interfaces=INTERFACES), "mock")


def shuffled(draw: st.DrawFn, value: object) -> object:
    """Return a JSON value with every list and every object in an order of its own."""
    match value:
        case dict():
            members = cast("dict[str, object]", value)
            keys = draw(st.permutations(list(members)))
            return {key: shuffled(draw, members[key]) for key in keys}
        case list():
            items = cast("list[object]", value)
            return [shuffled(draw, each) for each in draw(st.permutations(items))]
        case _:
            return value


@st.composite
def any_order(draw: st.DrawFn) -> object:
    return shuffled(draw, INTERFACES)


@settings(max_examples=25)
@given(any_order())
def test_interfaces_in_any_order_match(interfaces: object) -> None:
    check_interfaces(root(), variant(interfaces=interfaces), "mock")


def test_a_short_type_and_the_long_one_are_the_same() -> None:
    long = changed("topics.emits.0.message_format.width", {"$type": "u32"})
    check_interfaces(root(), variant(interfaces=long), "mock")


def test_a_profile_that_is_left_out_is_the_one_that_it_stands_for() -> None:
    said = changed("topics.emits.1.qos_profile", "standard")
    check_interfaces(root(), variant(interfaces=said), "mock")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("topics.emits.0", None, "topic 'depth' is emitted in the root and missing in the variant"),
        ("topics.emits.0.name", "dept", "'dept' is missing in the root and emitted in the variant"),
        ("topics.emits.0.qos_profile", "reliable", "'sensor_data' in the root and 'reliable'"),
        (
            "topics.emits.0.message_format.width",
            "u16",
            "field 'width' is 'u32' in the root and 'u16' in the variant",
        ),
        (
            "topics.emits.0.message_format.depths.$length",
            3,
            "an array of 4 'f32' in the root and an array of 3 'f32' in the variant",
        ),
        ("topics.emits.1.message_format.at", None, "field 'at' is 'time' in the root and missing"),
        ("topics.consumes.0.message_format.on", "u8", "field 'on' is 'bool' in the root and 'u8'"),
        ("services.exposes.0.response_message_format", None, "the response of service 'set_gain'"),
        ("services.exposes.1", None, "service 'restart' is exposed in the root and missing"),
        ("actions.exposes.0.feedback_topic", None, "the feedback of action 'pan' is present"),
        ("actions.exposes.0.goal_service.qos_profile", "critical", "the goal of action 'pan'"),
    ],
)
def test_each_difference_is_a_mismatch_that_names_it(path: str, value: object, said: str) -> None:
    own = variant(interfaces=changed(path, value))
    with pytest.raises(VariantInterfaceMismatch) as caught:
        check_interfaces(root(), own, "mock")
    text = str(caught.value)
    assert "VariantInterfaceMismatch" in text
    assert "'mock'" in text
    assert "'camera:v1'" in text
    assert said in text
    assert len(caught.value.differences) == (2 if path.endswith(".name") else 1)


def test_a_variant_with_interfaces_does_not_match_a_root_without() -> None:
    with pytest.raises(VariantInterfaceMismatch):
        check_interfaces(root({}), variant(interfaces=INTERFACES), "mock")


@pytest.mark.parametrize(
    ("interfaces", "number"), [(INTERFACES, 6), ({"topics": INTERFACES["topics"]}, 3)]
)
def test_all_differences_are_told_at_once(interfaces: dict[str, Any], number: int) -> None:
    other = {"topics": {"emits": [{"name": "nothing_like_it"}]}}
    with pytest.raises(VariantInterfaceMismatch) as caught:
        check_interfaces(root(interfaces), variant(interfaces=other), "mock")
    assert len(caught.value.differences) == number + 1
    assert all(line in str(caught.value) for line in caught.value.differences)


MOCK = {"name": "mock", "source": {"local": "./mock"}}
ZED = {"name": "zed", "source": {"local": "./zed"}}


def test_a_variant_is_found_by_its_name() -> None:
    found = declared(root(variants=[MOCK, ZED]).manifest, "zed")
    assert found is not None
    assert found.name == "zed"


def test_the_own_execution_of_a_root_is_called_default() -> None:
    assert declared(root(variants=[MOCK]).manifest, "default") is None


@pytest.mark.parametrize(
    ("variants", "name", "hint"),
    [
        ([MOCK, ZED], "mok", "did you mean 'mock'?"),
        ([MOCK, ZED], "realsense", "its variants are 'mock', 'zed'"),
        ([], "mock", "declare it"),
    ],
)
def test_a_name_that_no_variant_has_is_refused_with_the_nearest(
    variants: object, name: str, hint: str
) -> None:
    with pytest.raises(UnknownVariant, match="node 'camera:v1' declares no variant") as caught:
        declared(root(variants=variants).manifest, name)
    assert caught.value.hint is not None
    assert hint in caught.value.hint


def test_a_manifest_in_a_variant_is_ignored_and_spoken_of() -> None:
    own = variant(manifest={"name": "other", "tag": "v9", "what": "ever"})
    assert merge(root(), own).manifest == root().manifest
    (warning,) = warnings(root(), own, "mock")
    assert "'manifest' of variant 'mock' is ignored" in warning
    assert warnings(root(), variant(), "mock") == ()


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (b"{ schema_version: 1, execution: {} }", True),
        (b"{ schema_version: 1, execution: {}, interfaces: {} }", True),
        (b"{ schema_version: 1, execution: {}, manifest: {} }", False),
        (b"{ schema_version: 1 }", False),
        (b"[]", False),
    ],
)
def test_an_execution_without_a_manifest_is_a_variants_document(text: bytes, is_one: bool) -> None:
    assert is_variant_document(text, "it") is is_one


def test_what_cannot_be_read_is_no_variants_document_but_an_error() -> None:
    with pytest.raises(DocumentError):
        is_variant_document(b"{", "it")


def test_empty_interfaces_of_a_root_match_a_variant_without() -> None:
    assert root({}).interfaces == Interfaces()
    check_interfaces(root({}), variant(interfaces={"actions": {}}), "mock")
