"""What a launch says of nodes that no bindings can be made for."""

import msgspec

from peppy.actors.rules.launching import Candidate, problems
from peppy.schema.launcher import Deployment, LaunchedInstance, Place
from peppy.schema.names import Name
from peppy.schema.node import Execution, Language, NodeDocument, Variant
from peppy.schema.sources import LocalSource, Wanted
from tests.actors.rules.rule_documents import node


def rust(*variants: str) -> NodeDocument:
    """Return a node in Rust with a parameter, whose root has these variants."""
    plain = node("camera:v1")
    named = tuple(Variant(Name(each), LocalSource(f"./{each}")) for each in variants)
    manifest = msgspec.structs.replace(plain.manifest, variants=named)
    execution = Execution(Language.RUST, run_cmd=("./camera",))
    return msgspec.structs.replace(plain, manifest=manifest, execution=execution)


def said(document: NodeDocument) -> list[str]:
    deployment = Deployment(
        wanted=Wanted(source=LocalSource("/camera")),
        instances=(LaunchedInstance(arguments={"device": 1}, place=Place(2, 1)),),
        place=Place(1, 1, "deployments[0]"),
    )
    return [each.what for each in problems([Candidate(deployment, document)], "core")]


def test_a_node_in_rust_is_named_together_with_what_else_is_wrong() -> None:
    language, argument = said(rust())
    assert language.startswith("`camera:v1` is written in 'rust'")
    assert language.endswith("a node in Python with the same interfaces can be 'camera:v1'")
    assert "device" in argument


def test_the_variants_of_a_node_in_rust_are_named() -> None:
    language, _ = said(rust("default", "mock-python"))
    assert language.endswith("a variant of it that is in Python; it has 'default', 'mock-python'")
