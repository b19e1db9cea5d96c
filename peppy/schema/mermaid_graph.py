"""The stack in Mermaid's language, which pages on the web and in repositories draw."""

from collections.abc import Iterator
from typing import Final

from peppy.schema.dot_graph import NOT_THERE, About, running
from peppy.schema.names import NodeId
from peppy.schema.stack_graph import Link, StackGraph, unwell

_CODES: Final = str.maketrans({letter: f"#{ord(letter)};" for letter in "#\"'<>&`\\\n"})
"""Letters that mean something to Mermaid or to the page, by their numbers."""


def mermaid_graph(graph: StackGraph, about: About = running) -> str:
    """Return a flow chart whose arrows lead from who needs to what is needed.

    Topics that are taken from any node have dotted arrows. `about` says what is shown of a node's
    instances, below its name and its stage.
    """
    nodes = [*(row.node for row in graph.nodes), *graph.absent]
    ids = {node: f"n{number}" for number, node in enumerate(nodes)}
    boxes = [
        f"  {ids[row.node]}[{_text(str(row.node), str(row.stage), about(row.instances))}]"
        for row in graph.nodes
    ] + [f"  {ids[node]}[{_text(str(node), NOT_THERE)}]" for node in graph.absent]
    ill = [ids[row.node] for row in graph.nodes if unwell(row)]
    colour = ["  classDef unwell stroke:red", f"  class {','.join(ill)} unwell"] if ill else []
    return "\n".join(("flowchart LR", *boxes, *_links(graph, ids), *colour, ""))


def _links(graph: StackGraph, ids: dict[NodeId, str]) -> Iterator[str]:
    nobody: dict[str, str] = {}
    for link in graph.links:
        if link.dependency is not None:
            yield _arrow(ids[link.dependent], link, ids[link.dependency])
            continue
        for taken in map(str, link.takes):
            if taken not in nobody:
                nobody[taken] = f"t{len(nobody)}"
                yield f"  {nobody[taken]}([{_text(taken)}])"
            yield f"  {ids[link.dependent]} -.-> {nobody[taken]}"


def _arrow(tail: str, link: Link, head: str) -> str:
    line = "-.->" if link.external else "-->"
    label = f"|{_text(*map(str, link.takes))}|" if link.takes else ""
    return f"  {tail} {line}{label} {head}"


def _text(*lines: str) -> str:
    return f'"{"<br/>".join(line.translate(_CODES) for line in lines)}"'
