"""The stack in Graphviz' language, for the command line and for nodes."""

from collections.abc import Callable, Sequence

from peppy.schema.control import Edge, InstanceState, InstanceView, StackView


def running(instances: Sequence[InstanceView]) -> str:
    """Return how many of them run, as in `2 running`."""
    return f"{sum(each.state is InstanceState.RUNNING for each in instances)} running"


def dot_graph(view: StackView, about: Callable[[Sequence[InstanceView]], str] = running) -> str:
    """Return a graph whose arrows lead from who needs to what is needed.

    `about` says in a few words what is shown of a node's instances, below its name.
    """
    nodes = [_box(str(row.node), about(row.instances)) for row in view.nodes]
    return "\n".join(("digraph stack {", *nodes, *map(_arrow, view.dependencies), "}", ""))


def _box(node: str, about: str) -> str:
    label = f"{node}\\n{about}"
    return f"  {_quoted(node)} [label={_quoted(label)}];"


def _arrow(edge: Edge) -> str:
    return f"  {_quoted(str(edge.dependent))} -> {_quoted(str(edge.dependency))};"


def _quoted(text: str) -> str:
    # Names hold neither quotes nor backslashes; the only backslash is that of a label's line end.
    return f'"{text}"'
