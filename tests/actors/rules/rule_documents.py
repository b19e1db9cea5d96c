"""Documents for the rules about nodes that need one another."""

from collections.abc import Iterable

from peppy.schema.formats import Field, Kind, MessageFormat, Primitive
from peppy.schema.names import Name, NodeId, parse_node_id
from peppy.schema.node import (
    Consumed,
    Dependency,
    EmittedTopic,
    ExposedAction,
    ExposedService,
    Interfaces,
    LinkedTopic,
    Manifest,
    NodeDocument,
)


def topic(name: str, kind: Kind = Kind.U32) -> EmittedTopic:
    """Return a topic whose messages hold one field `width`."""
    return EmittedTopic(Name(name), format=MessageFormat((Field("width", Primitive(kind)),)))


def node(
    node_id: str,
    *needs: str,
    emits: Iterable[EmittedTopic] = (),
    services: Iterable[str] = (),
    actions: Iterable[str] = (),
    hears: Iterable[str] = (),
    calls: Iterable[str] = (),
    fires: Iterable[str] = (),
) -> NodeDocument:
    """Return a node; what it consumes is written as `label/name`, and labels are names of nodes."""
    identity = parse_node_id(node_id)
    dependencies = [parse_node_id(need) for need in needs]

    def consumed(texts: Iterable[str]) -> tuple[Consumed, ...]:
        pairs = [text.split("/") for text in texts]
        return tuple(Consumed(label, Name(name)) for label, name in pairs)

    return NodeDocument(
        manifest=Manifest(
            name=identity.name,
            tag=identity.tag,
            depends_on=tuple(Dependency(each, each.name) for each in dependencies),
        ),
        interfaces=Interfaces(
            emits=tuple(emits),
            consumes=tuple(LinkedTopic(each.local_id, each.name) for each in consumed(hears)),
            exposed_services=tuple(ExposedService(Name(name)) for name in services),
            consumed_services=consumed(calls),
            exposed_actions=tuple(ExposedAction(Name(name)) for name in actions),
            consumed_actions=consumed(fires),
        ),
        execution=None,
        sha256="",
    )


def stack(*documents: NodeDocument) -> dict[NodeId, NodeDocument]:
    return {each.manifest.id: each for each in documents}
