"""Bindings are generated once for what they are made of."""

from peppy.actors.stack.generated import KEPT, generate
from peppy.codegen import bindings
from peppy.schema.node import NodeDocument
from peppy.schema.node_reader import read_node_document

FORMAT = '{ name: "frames", message_format: { width: "%s" } }'


def camera(width: str = "u32", tag: str = "v1") -> NodeDocument:
    return document(f'name: "camera", tag: "{tag}"', f"emits: [{FORMAT % width}]")


def viewer() -> NodeDocument:
    needs = 'depends_on: { nodes: [{ name: "camera", tag: "v1", local_id: "camera" }] }'
    consumes = 'consumes: [{ local_node_id: "camera", name: "frames" }]'
    return document(f'name: "viewer", tag: "v1", {needs}', consumes)


def document(manifest: str, topics: str) -> NodeDocument:
    text = f"""{{ peppy_schema: "node_v1", manifest: {{ {manifest} }},
        interfaces: {{ topics: {{ {topics} }} }},
        execution: {{ language: "python", run_cmd: ["x"] }} }}"""
    return read_node_document(text.encode(), "peppy.json5")


def test_they_are_what_the_generator_makes_and_nobody_else_s_to_change() -> None:
    known = {camera().manifest.id: camera()}
    first = generate(viewer(), known)
    assert first == bindings.generate(viewer(), known)
    first.clear()
    assert generate(viewer(), known) == bindings.generate(viewer(), known)


def test_a_dependency_that_has_changed_makes_others_of_them() -> None:
    wide, narrow = camera("u32"), camera("u16")
    node = wide.manifest.id
    assert generate(viewer(), {node: wide}) != generate(viewer(), {node: narrow})


def test_old_ones_give_way() -> None:
    for number in range(KEPT + 1):
        generate(camera(tag=f"v{number}"), {})
    assert generate(camera(), {}) == bindings.generate(camera(), {})
