"""The stack's graph as a table: who takes what from whom."""

from collections.abc import Sequence
from typing import Final

from peppy.cli.drawing.stack import instances_cell
from peppy.cli.drawing.table import box_table
from peppy.schema.dot_graph import NOT_THERE
from peppy.schema.stack_graph import Link, StackGraph

NODES: Final = ("NODE", "STAGE", "INSTANCES")
LINKS: Final = ("NODE", "TAKES", "FROM")


def graph_table(graph: StackGraph) -> str:
    """Return the table of nodes, and that of what they consume."""
    nodes = [(str(row.node), str(row.stage), instances_cell(row.instances)) for row in graph.nodes]
    rows = [row for link in graph.links for row in _rows(link)]
    return "\n".join(
        (
            "Nodes",
            box_table(NODES, nodes),
            "Dependencies",
            box_table(LINKS, rows) if rows else "(none)",
        )
    )


def _rows(link: Link) -> Sequence[tuple[str, str, str]]:
    if link.dependency is None:
        whom = "any node, and none emits it"
    else:
        whom = f"{link.dependency}, as from any node" if link.external else str(link.dependency)
    if link.missing:
        return [(str(link.dependent), "?", f"{link.dependency}, which is {NOT_THERE}")]
    takes = [str(taken) for taken in link.takes] or ["nothing"]
    return [(str(link.dependent), taken, whom) for taken in takes]
