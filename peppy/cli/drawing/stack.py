"""The stack, as a table for people and as a graph for Graphviz (seed 001, behaviour.md 10.2)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from peppy.cli.drawing.table import box_table
from peppy.schema.control import Edge, InstanceState, InstanceView, StackView

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
    edges = [f"{edge.dependent} -> {edge.dependency}" for edge in view.dependencies]
    table = box_table(HEADER, rows)
    return "\n".join(
        ("Node stack", table, *_warnings(view), "Dependencies", *(edges or ["(none)"]))
    )


def _warnings(view: StackView) -> Iterator[str]:
    for row in view.nodes:
        number = sum(len(instance.warnings) for instance in row.instances)
        if number:
            count = "1 warning" if number == 1 else f"{number} warnings"
            yield f"{count}: see 'peppy node info {row.node}'"


def instances_cell(instances: Sequence[InstanceView]) -> str:
    """Return `0`, `1 running`, or `2 (1 running, 1 starting)` where their states differ."""
    states = Counter(instance.state for instance in instances)
    counts = [f"{states[state]} {state}" for state in _ORDER if states[state]]
    match counts:
        case []:
            return "0"
        case [one]:
            return one
        case _:
            return f"{len(instances)} ({', '.join(counts)})"


def dot_graph(view: StackView) -> str:
    """Return the stack in Graphviz' language: an arrow leads from who needs to what is needed."""
    nodes = [
        f"  {_quoted(str(row.node))} [label={_quoted(_label(str(row.node), row.instances))}];"
        for row in view.nodes
    ]
    return "\n".join(("digraph stack {", *nodes, *map(_arrow, view.dependencies), "}", ""))


def _arrow(edge: Edge) -> str:
    return f"  {_quoted(str(edge.dependent))} -> {_quoted(str(edge.dependency))};"


def _label(node: str, instances: Sequence[InstanceView]) -> str:
    return f"{node}\\n{instances_cell(instances)}"


def _quoted(text: str) -> str:
    # Names hold neither quotes nor backslashes; the only backslash is that of a label's line end.
    return f'"{text}"'
