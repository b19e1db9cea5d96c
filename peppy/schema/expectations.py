"""What a node's bindings were generated against: `dependencies.json` beside them.

It holds, for each dependency, the part of its interfaces that the node consumes. So a node that was
built against other interfaces than those that are there now is seen, and the difference is told.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from peppy.schema.consumption import Documents, consumed_of
from peppy.schema.errors import PeppyError
from peppy.schema.format_difference import Sides
from peppy.schema.interface_difference import differences
from peppy.schema.names import NodeId, parse_node_id
from peppy.schema.node import Interfaces, NodeDocument

DEPENDENCIES_FILE: Final = "dependencies.json"

Expectations = Mapping[NodeId, Interfaces]
"""What a node expects of each of its dependencies."""

BINDINGS_AND_STACK: Final = Sides("in the bindings", "in the stack")


def expectations_text(expected: Expectations) -> str:
    """Return the text of the file."""
    data = msgspec.json.encode({str(node): its for node, its in sorted(expected.items())})
    return msgspec.json.format(data, indent=2).decode() + "\n"


def read_expectations(text: bytes) -> dict[NodeId, Interfaces]:
    """Return what a file holds; nothing is expected by one that cannot be read."""
    try:
        found = msgspec.json.decode(text, type=dict[str, Interfaces])
        return {parse_node_id(name): its for name, its in found.items()}
    except (msgspec.MsgspecError, UnicodeError, RecursionError, PeppyError):
        return {}


def drift(
    document: NodeDocument, expected: Expectations, known: Documents, sides: Sides
) -> dict[NodeId, list[str]]:
    """Return for each dependency in `known` in what it differs from what a node expects of it.

    Only what the node consumes counts. Those that are as they are expected to be are left out.
    """
    found = {
        node: differences(its, consumed_of(document, node, known[node].interfaces), sides)
        for node, its in expected.items()
        if node in known
    }
    return {node: differences_ for node, differences_ in found.items() if differences_}
