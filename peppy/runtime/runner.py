"""The node runner: what node code holds of its own node. Source: behaviour.md 8.10."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from peppy.runtime.token import CancellationToken
from peppy.runtime.transport.port import Transport
from peppy.schema.keys import Address
from peppy.schema.names import Tag

T = TypeVar("T")


class NodeRunner:
    """One running node: its names, its token, its connection.

    Everything but the token belongs to the event loop that runs the node.
    """

    def __init__(
        self, address: Address, tag: Tag, transport: Transport, token: CancellationToken
    ) -> None:
        self.address = address
        self.transport = transport
        self._tag = tag
        self._token = token
        self._kept: dict[object, Any] = {}

    def cancellation_token(self) -> CancellationToken:
        """Return the token that is cancelled when the node's shutdown begins."""
        return self._token

    def bound_core_node(self) -> str:
        """Return the name of the core node that this instance belongs to."""
        return self.address.core_node

    def bound_instance_id(self) -> str:
        """Return this instance's id."""
        return self.address.instance_id

    def node_name(self) -> str:
        """Return the node's name."""
        return self.address.node

    def node_tag(self) -> str:
        """Return the node's tag."""
        return self._tag

    def kept(self, key: object, make: Callable[[], T]) -> T:
        """Return what was made under `key`, making it now if this is the first call.

        Declarations on the wire are costly and are made once; they live as long as the node.
        """
        try:
            return cast("T", self._kept[key])
        except KeyError:
            made = self._kept[key] = make()
            return made

    def __repr__(self) -> str:
        return f"<NodeRunner of {self.address.node}:{self._tag} '{self.address.instance_id}'>"
