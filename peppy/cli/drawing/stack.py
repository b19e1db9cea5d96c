"""The stack, as a table for people and as a graph for Graphviz (seed 001, behaviour.md 10.2)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from peppy.cli.drawing.table import box_table
from peppy.schema import dot_graph as graph
from peppy.schema.control import Health, InstanceState, InstanceView, StackView
from peppy.schema.wording import counted

HEADER: Final = ("NODE", "STAGE", "VARIANT", "INSTANCES", "PATH")

_ORDER: Final = (
    InstanceState.RUNNING,
    InstanceState.STARTING,
    InstanceState.STOPPING,
    InstanceState.FINISHED,
    InstanceState.FAILED,
)


def stack(view: StackView) -> str:
    """Return the table of nodes, where to read their warnings, and the list of dependencies."""
    rows = [
        (str(row.node), str(row.stage), row.variant, instances_cell(row.instances), row.path)
        for row in view.nodes
    ]
    edges = [
        *(f"{edge.dependent} -> {edge.dependency}" for edge in view.dependencies),
        *(f"{edge.dependent} -> {edge.dependency} (not in the stack)" for edge in view.missing),
    ]
    table = box_table(HEADER, rows)
    return "\n".join(
        ("Node stack", table, *_warnings(view), "Dependencies", *(edges or ["(none)"]))
    )


def _warnings(view: StackView) -> Iterator[str]:
    for row in view.nodes:
        number = sum(len(instance.warnings) for instance in row.instances)
        if number:
            yield f"{counted(number, 'warning')}: see 'peppy node info {row.node}'"


def instances_cell(instances: Sequence[InstanceView]) -> str:
    """Return `0`, `1 running`, or `2 (1 running, 1 starting)` where their states differ.

    Those that are not well are told of, as in `1 running (unhealthy)` or `3 running (1 unhealthy)`.
    """
    states = Counter(instance.state for instance in instances)
    unwell = Counter(each.state for each in instances if each.health is Health.UNHEALTHY)
    counts = [
        f"{states[state]} {state}{_unhealthy(unwell[state], states[state])}"
        for state in _ORDER
        if states[state]
    ]
    match counts:
        case []:
            return "0"
        case [one]:
            return one
        case _:
            return f"{len(instances)} ({', '.join(counts)})"


def _unhealthy(some: int, all_: int) -> str:
    if not some:
        return ""
    return " (unhealthy)" if some == all_ else f" ({some} unhealthy)"


def dot_graph(view: StackView) -> str:
    """Return the stack in Graphviz' language: an arrow leads from who needs to what is needed."""
    return graph.dot_graph(view, instances_cell)
