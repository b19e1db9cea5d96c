"""Whatever the document, its bindings are code that fits it; three of them, byte for byte."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.codegen.bindings import generate
from peppy.codegen.parameters import parameters_module
from peppy.codegen.python_text import camel
from peppy.codegen.topics import emitted_module, linked_module
from peppy.runtime.binding import Binding
from peppy.schema.format_reader import RESERVED, parse_format
from peppy.schema.formats import Kind
from peppy.schema.identifiers import identifier
from peppy.schema.names import parse_node_id
from peppy.schema.node import NodeDocument, QosProfile
from peppy.schema.parameters import complete, parse_schema
from tests.codegen.codegen_documents import (
    BRAIN,
    CAMERA,
    CONTROLLER,
    HELLO,
    USED_NAMES,
    document,
    stack,
    viewer,
)

GOLDEN: Final = Path(__file__).parent / "golden"
UPDATE: Final = "UPDATE_GOLDENS"
"""Set in the environment, it has the tests write what they would compare."""

NAMES = (st.sampled_from(USED_NAMES) | st.from_regex("[A-Za-z0-9_-]{1,6}", fullmatch=True)).filter(
    lambda name: identifier(name) != RESERVED
)

TOKENS = st.sampled_from([kind.value for kind in Kind])

NODE = parse_node_id("some:v1")


def fields(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects whose names remain different as identifiers."""
    named = st.tuples(NAMES, inner)
    return st.lists(named, max_size=5, unique_by=lambda pair: identifier(pair[0])).map(dict)


def array(items: Any) -> dict[str, Any]:
    return {"$type": "array", "$items": items}


OBJECTS = st.recursive(
    fields(TOKENS | TOKENS.map(array)),
    lambda inner: fields(TOKENS | inner | inner.map(array)),
    max_leaves=6,
)
OPTIONAL = st.fixed_dictionaries({"$type": TOKENS, "$optional": st.just(True)})
FORMATS = fields(TOKENS | OPTIONAL | OBJECTS | OBJECTS.map(array))
SCHEMAS = st.recursive(
    fields(st.just("u8")), lambda inner: fields(st.just("u8") | inner), max_leaves=8
)


def executed(text: str) -> dict[str, Any]:
    """Return what a module holds once it is imported."""
    names: dict[str, Any] = {"__name__": "generated"}
    exec(compile(text, "generated", "exec"), names)
    return names


@given(FORMATS, NAMES)
def test_the_classes_of_every_format_fit_it(literal: dict[str, Any], name: str) -> None:
    message = parse_format(literal)
    emitted = executed(emitted_module(name, QosProfile.STANDARD, message))
    consumed = executed(linked_module(NODE, "label", name, QosProfile.STANDARD, message))
    for names in (emitted, consumed):
        # The codec pairs classes and fields, down to the last, and refuses those that do not fit.
        assert names["_TOPIC"].codec.fingerprint == message.fingerprint()
    declared = dataclasses.fields(emitted["Message"])
    assert len(declared) == len(literal)
    for field, document_name in zip(declared, literal, strict=True):
        assert field.name.strip("_").startswith(("field", identifier(document_name).strip("_")))


@given(SCHEMAS)
def test_parameters_of_every_schema_come_out_as_they_went_in(literal: dict[str, Any]) -> None:
    schema = parse_schema(literal)
    parameters = executed(parameters_module(NODE, schema))["Parameters"]
    values = complete(schema, numbered(literal))
    made = parameters.from_dict(values)
    assert flattened(made) == flattened_map(values)
    binding = Binding("some", "v1", parameters, literal, "")
    assert isinstance(binding.parameters.from_dict(values), parameters)


def numbered(literal: dict[str, Any], start: int = 0) -> dict[str, Any]:
    return {
        name: start + place if member == "u8" else numbered(member, start + place + 1)
        for place, (name, member) in enumerate(literal.items())
    }


def flattened(value: Any) -> list[Any]:
    if not dataclasses.is_dataclass(value):
        return [value]
    return [leaf for f in dataclasses.fields(value) for leaf in flattened(getattr(value, f.name))]


def flattened_map(values: Mapping[str, Any]) -> list[Any]:
    found: list[Any] = []
    for _, value in sorted(values.items()):
        found += [value] if isinstance(value, int) else flattened_map(value)
    return found


@given(NAMES)
def test_a_nested_class_is_called_after_its_field(name: str) -> None:
    literal = {name: {"x": "u8"}}
    names = executed(emitted_module("t", QosProfile.STANDARD, parse_format(literal)))
    classes = [each for each in names if each.startswith(f"Message{camel(name)}")]
    assert len(classes) >= 1


@pytest.mark.parametrize(
    "node",
    [document(text) for text in (HELLO, CAMERA, viewer(), BRAIN, CONTROLLER)],
    ids=lambda n: n.manifest.name,
)
def test_generated_modules_are_those_that_a_person_has_read(node: NodeDocument) -> None:
    texts = generate(node, stack(CAMERA, BRAIN))
    text = "\n".join(
        f"==> {path}\n{texts[path]}" for path in sorted(texts) if path.startswith("peppygen/")
    )
    golden = GOLDEN / f"{node.manifest.name}.txt"
    if os.environ.get(UPDATE):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == text
