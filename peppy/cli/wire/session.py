"""A connection of the command's own, for as long as it works."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from peppy.runtime.transport.port import Transport
from peppy.runtime.transport.zenoh import open_peer
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name, NodeId
from peppy.schema.wire import WireView

T = TypeVar("T")


def on_the_wire(wire: WireView, work: Callable[[Transport], Coroutine[Any, Any, T]]) -> T:
    """Return what `work` returns, done on a loop of its own with a connection to the nodes.

    Ctrl+C cancels the work, which may still say goodbye, and then raises `KeyboardInterrupt`.
    Raises `TransportError` if there is no way to the wire.
    """

    async def main() -> T:
        transport = await open_peer(wire.messaging_host, wire.messaging_port)
        try:
            return await work(transport)
        finally:
            await transport.close()

    return asyncio.run(main())


def own_address(wire: WireView, node: NodeId | None) -> Address:
    """Return a new name for this command; it speaks as an instance of `node`, if that is given."""
    name = Name("cli") if node is None else node.name
    return Address(wire.core_node, name, InstanceId(f"cli-{secrets.token_hex(4)}"))
