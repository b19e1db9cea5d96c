"""What nodes may ask their daemon over the wire: its core services, and what each of them takes.

A request travels as a map, with the name of its type beside it; the answer is the view as a map. A
core node announces what it serves, so that a node without a daemon of its own finds one.
Source: behaviour.md 8.8, 8.9.
"""

from typing import Any, Final

from peppy.schema import keys
from peppy.schema.control import DescribeDaemon, ListStack
from peppy.schema.datastore import LARGEST_VALUE, GetValue, ListValues, RemoveValue, SetValue
from peppy.schema.requests import Request

DATASTORE_SERVICE: Final = "datastore"
INFO_SERVICE: Final = "info"
STACK_SERVICE: Final = "stack"

CORE_SERVICES: Final[dict[str, dict[str, type[Request[Any]]]]] = {
    service: {kind.__name__: kind for kind in kinds}
    for service, kinds in {
        DATASTORE_SERVICE: (GetValue, SetValue, ListValues, RemoveValue),
        INFO_SERVICE: (DescribeDaemon,),
        STACK_SERVICE: (ListStack,),
    }.items()
}
"""The requests of each service, by the names that they have there."""

LONGEST_REQUEST: Final = LARGEST_VALUE + 64 * 1024
"""Bytes: the largest value with its key and its encoding, and room for what is new one day."""


def serving_pattern(core_node: str | None, service: str) -> str:
    """Return the pattern of what core nodes announce that serve this; None matches any of them."""
    return f"{keys.core_service(core_node or keys.ANY, service)}/{keys.ANY}"


def core_node_in(announced: str) -> str:
    """Return the core node in what it announces: its key, and who it is on the wire."""
    return announced.split("/")[-3]
