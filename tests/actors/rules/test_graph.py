"""Which nodes need which."""

from peppy.actors.rules.graph import dependents, edges, missing
from peppy.schema.control import Edge
from peppy.schema.formats import Field, Kind, MessageFormat, Primitive
from peppy.schema.names import Name, NodeId, Tag
from peppy.schema.node import Dependency, EmittedTopic, Interfaces, Manifest, NodeDocument

CAMERA = NodeId(Name("camera"), Tag("v1"))
BRAIN = NodeId(Name("brain"), Tag("v1"))
ARM = NodeId(Name("arm"), Tag("v1"))


def node(node_id: NodeId, *needs: NodeId, emits: str | None = None) -> NodeDocument:
    topics: tuple[EmittedTopic, ...] = ()
    if emits is not None:
        frame = MessageFormat((Field("width", Primitive(Kind.U32)),))
        topics = (EmittedTopic(Name(emits), format=frame),)
    return NodeDocument(
        manifest=Manifest(
            name=node_id.name,
            tag=node_id.tag,
            depends_on=tuple(Dependency(need, need.name) for need in needs),
        ),
        interfaces=Interfaces(emits=topics),
        execution=None,
        sha256="",
    )


STACK = {CAMERA: node(CAMERA, emits="frames"), BRAIN: node(BRAIN, CAMERA, ARM)}


def test_edges_lead_from_the_dependent_to_what_is_there() -> None:
    assert edges(STACK) == (Edge(BRAIN, CAMERA),)


def test_dependents_are_those_that_depend_on_a_node() -> None:
    assert dependents(CAMERA, STACK) == (BRAIN,)
    assert dependents(BRAIN, STACK) == ()


def test_dependencies_on_what_is_not_there_are_missing() -> None:
    assert missing(STACK) == (Edge(BRAIN, ARM),)
    assert missing({}) == ()
