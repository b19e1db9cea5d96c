"""Whether nodes can stand beside one another, and which has to come first; pure."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping

from peppy.schema.consumption import Documents, shortfalls
from peppy.schema.dependency_errors import DependencyCycle, DependencyProblem
from peppy.schema.names import NodeId

Needs = Mapping[NodeId, Collection[NodeId]]
"""For each node those that it depends on, as far as they are there."""


def problems(documents: Documents, wanted: Iterable[NodeId]) -> tuple[DependencyProblem, ...]:
    """Return everything that keeps the `wanted` nodes from standing beside all in `documents`.

    That is what each of them lacks, in the order in which they are wanted, and then the rings that
    they are part of, each with its path. Source: behaviour.md 2.4, 6.
    """
    nodes = list(dict.fromkeys(wanted))
    lacking = (each for node in nodes for each in shortfalls(documents[node], documents))
    found: list[DependencyProblem] = [*lacking, *map(DependencyCycle, cycles(documents, nodes))]
    return tuple({str(problem): problem for problem in found}.values())


def needs(documents: Documents) -> dict[NodeId, tuple[NodeId, ...]]:
    """Return for each node those that it depends on and that are there, in its own order."""
    return {
        node: tuple(
            dict.fromkeys(n.node for n in document.manifest.depends_on if n.node in documents)
        )
        for node, document in documents.items()
    }


def cycles(documents: Documents, wanted: Iterable[NodeId]) -> Iterator[tuple[NodeId, ...]]:
    """Yield rings, each beginning and ending with the same of the `wanted` nodes.

    Every wanted node that depends on itself is in one of them; each is as short as can be.
    """
    graph = needs(documents)
    named: set[NodeId] = set()
    for node in wanted:
        if node not in named and (path := _way_back(node, graph)) is not None:
            named.update(path)
            yield path


def _way_back(start: NodeId, graph: Needs) -> tuple[NodeId, ...] | None:
    """Return the shortest path from a node over its dependencies to itself."""
    came_from: dict[NodeId, NodeId] = {}
    ahead = deque([start])
    while ahead:
        node = ahead.popleft()
        for needed in graph[node]:
            if needed == start:
                path = [start, node]
                while path[-1] != start:
                    path.append(came_from[path[-1]])
                return tuple(reversed(path))
            if needed not in came_from:
                came_from[needed] = node
                ahead.append(needed)
    return None


def waves(documents: Documents) -> list[tuple[NodeId, ...]]:
    """Return the nodes so that each comes after all that it depends on.

    Those of one wave do not wait for one another and stand in the given order. Where nodes depend
    on one another in a ring, all of them come in one wave.
    """
    graph = needs(documents)
    left = dict.fromkeys(documents)
    found: list[tuple[NodeId, ...]] = []
    while left:
        ready = [n for n in left if not any(m in left and m != n for m in graph[n])]
        wave = ready or _innermost(left, graph)
        found.append(tuple(wave))
        for node in wave:
            del left[node]
    return found


def _innermost(left: Collection[NodeId], graph: Needs) -> list[NodeId]:
    """Return those that depend on nobody in `left` but on those that depend on them too."""
    reached = {node: _reached(node, left, graph) for node in left}
    return [node for node in left if all(node in reached[other] for other in reached[node])]


def _reached(node: NodeId, left: Collection[NodeId], graph: Needs) -> set[NodeId]:
    found: set[NodeId] = set()
    ahead = [node]
    while ahead:
        for needed in graph[ahead.pop()]:
            if needed in left and needed not in found:
                found.add(needed)
                ahead.append(needed)
    return found
