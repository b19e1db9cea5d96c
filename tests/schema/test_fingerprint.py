"""Digests of documents and of interfaces."""

import pytest

from peppy.schema.fingerprint import document_sha256, interface_fingerprint
from peppy.schema.node_reader import read_node_document


def digest(interfaces: str) -> str:
    text = (
        "{schema_version: 1, manifest: {name: 'a', tag: 'b', depends_on: {nodes: ["
        "{name: 'c', tag: 'd', local_id: 'c'}]}}, interfaces: {HERE},"
        " execution: {language: 'rust', run_cmd: ['x']}}"
    ).replace("HERE", interfaces)
    return interface_fingerprint(read_node_document(text.encode(), "a").interfaces)


def test_a_documents_digest_is_the_sha256_of_its_bytes() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert document_sha256(b"") == empty


def test_the_order_of_items_and_fields_does_not_count() -> None:
    x = "{name: 'x', message_format: {a: 'u8', b: {c: 'u8', d: 'u8'}}}"
    turned = "{message_format: {b: {d: 'u8', c: 'u8'}, a: 'u8'}, name: 'x'}"
    one = "topics: {emits: [" + x + ", {name: 'y'}]}"
    two = "topics: {emits: [{name: 'y'}, " + turned + "]}"
    assert digest(one) == digest(two)


def test_an_empty_list_is_an_absent_one() -> None:
    assert digest("topics: {emits: [], consumes: []}, services: {}") == digest("")


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("topics: {emits: [{name: 'x'}]}", "topics: {emits: [{name: 'y'}]}"),
        ("topics: {emits: [{name: 'x'}]}", "services: {exposes: [{name: 'x'}]}"),
        (
            "topics: {emits: [{name: 'x'}]}",
            "topics: {emits: [{name: 'x', qos_profile: 'reliable'}]}",
        ),
        (
            "topics: {emits: [{name: 'x', message_format: {a: 'u8'}}]}",
            "topics: {emits: [{name: 'x', message_format: {a: 'u16'}}]}",
        ),
        (
            "topics: {consumes: [{name: 'x', message_format: {}}]}",
            "topics: {consumes: [{name: 'x', local_node_id: 'c'}]}",
        ),
        (
            "services: {consumes: [{name: 'x', local_node_id: 'c'}]}",
            "actions: {consumes: [{name: 'x', local_node_id: 'c'}]}",
        ),
        (
            "services: {exposes: [{name: 'x', request_message_format: {a: 'u8'}}]}",
            "services: {exposes: [{name: 'x', response_message_format: {a: 'u8'}}]}",
        ),
        (
            "actions: {exposes: [{name: 'x', goal_service: {}}]}",
            "actions: {exposes: [{name: 'x', result_service: {}}]}",
        ),
        (
            "actions: {exposes: [{name: 'x', feedback_topic: {}}]}",
            "actions: {exposes: [{name: 'x', feedback_topic: {qos_profile: 'reliable'}}]}",
        ),
    ],
)
def test_every_difference_counts(one: str, two: str) -> None:
    assert digest(one) != digest(two)


def test_a_fingerprint_is_the_same_in_every_version() -> None:
    assert digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
