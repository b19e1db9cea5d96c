"""Which nodes need which; pure."""

from collections.abc import Iterable, Mapping

from peppy.schema.control import Edge
from peppy.schema.names import NodeId
from peppy.schema.node import NodeDocument


def edges(documents: Mapping[NodeId, NodeDocument]) -> tuple[Edge, ...]:
    """Return every dependency between nodes that are there, sorted."""
    return tuple(
        sorted(
            Edge(dependent, dependency.node)
            for dependent, document in documents.items()
            for dependency in document.manifest.depends_on
            if dependency.node in documents
        )
    )


def missing(documents: Mapping[NodeId, NodeDocument]) -> tuple[Edge, ...]:
    """Return every dependency on a node that is not there, sorted."""
    return tuple(
        sorted(
            Edge(dependent, node)
            for dependent, document in documents.items()
            for node in {needed.node for needed in document.manifest.depends_on}
            if node not in documents
        )
    )


def dependents(node: NodeId, documents: Mapping[NodeId, NodeDocument]) -> tuple[NodeId, ...]:
    """Return the nodes that depend on `node`, sorted."""
    return tuple(edge.dependent for edge in edges(documents) if edge.dependency == node)


def dependents_first(nodes: Iterable[NodeId], edges: Iterable[Edge]) -> list[tuple[NodeId, ...]]:
    """Return the nodes in waves: each one after all that depend on it.

    Where nodes depend on one another in a ring, all of them come in one wave.
    """
    left = set(nodes)
    needed = {(e.dependent, e.dependency) for e in edges if e.dependent != e.dependency}
    waves: list[tuple[NodeId, ...]] = []
    while left:
        held = {dependency for dependent, dependency in needed if dependent in left}
        wave = (left - held) or left
        waves.append(tuple(sorted(wave)))
        left -= wave
    return waves
