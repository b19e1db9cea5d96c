"""The stack in Graphviz' language, for the command line and for nodes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from peppy.schema.control import InstanceState, InstanceView, NodeView, StackView
from peppy.schema.stack_graph import Link, StackGraph, unwell

About = Callable[[Sequence[InstanceView]], str]
"""Says in a few words what is shown of a node's instances."""


NOT_THERE: Final = "not in the stack"
"""What stands below the name of a node that others depend on and that is missing."""


def running(instances: Sequence[InstanceView]) -> str:
    """Return how many of them run, as in `2 running`."""
    return f"{sum(each.state is InstanceState.RUNNING for each in instances)} running"


def dot_graph(view: StackView, about: About = running) -> str:
    """Return a graph whose arrows lead from who needs to what is needed.

    `about` says what is shown of a node's instances, below its name.
    """
    boxes = [_box(str(row.node), about(row.instances)) for row in view.nodes]
    arrows = [_arrow(str(edge.dependent), str(edge.dependency)) for edge in view.dependencies]
    return _digraph(*boxes, *arrows)


def labelled_dot_graph(graph: StackGraph, about: About = running) -> str:
    """Return such a graph with each node's stage, and on each arrow what is consumed.

    Topics that are taken from any node have dashed arrows; those that nobody emits are drawn as
    dashed circles, and nodes that are missing as dashed boxes. Nodes that are not well are red.
    """
    boxes = [_node(row, about) for row in graph.nodes]
    return _digraph(
        "  node [shape=box];", *boxes, *_absent(graph), *_nobody(graph), *map(_link, graph.links)
    )


def _node(row: NodeView, about: About) -> str:
    colour = {"color": "red"} if unwell(row) else {}
    return _box(str(row.node), str(row.stage), about(row.instances), **colour)


def _absent(graph: StackGraph) -> Iterator[str]:
    for node in graph.absent:
        yield _box(str(node), NOT_THERE, style="dashed")


def _nobody(graph: StackGraph) -> Iterator[str]:
    names = {str(taken) for link in graph.links if link.dependency is None for taken in link.takes}
    for name in sorted(names):
        yield _box(name, shape="ellipse", style="dashed")


def _link(link: Link) -> str:
    style = {"style": "dashed"} if link.external else {}
    label = "\n".join(map(str, link.takes))
    if link.dependency is None:
        return "\n".join(_arrow(str(link.dependent), str(each), **style) for each in link.takes)
    if label:
        style["label"] = label
    return _arrow(str(link.dependent), str(link.dependency), **style)


def _digraph(*lines: str) -> str:
    return "\n".join(("digraph stack {", *lines, "}", ""))


def _box(name: str, *further: str, **attributes: str) -> str:
    label = "\n".join((name, *further))
    return f"  {_quoted(name)}{_attributes(label=label, **attributes)};"


def _arrow(tail: str, head: str, **attributes: str) -> str:
    return f"  {_quoted(tail)} -> {_quoted(head)}{_attributes(**attributes)};"


def _attributes(**attributes: str) -> str:
    if not attributes:
        return ""
    return f" [{', '.join(f'{name}={_quoted(text)}' for name, text in attributes.items())}]"


def _quoted(text: str) -> str:
    """Return a quoted string; a backslash of ours is never taken for one of Graphviz' escapes."""
    safe = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{safe}"'
