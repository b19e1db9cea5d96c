"""What a node under test sees of a daemon: its datastore, its questions, its signs of life."""

from collections.abc import Callable

import anyio
import msgspec

from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.exchange_errors import Unanswered
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.runtime.transport.port import Delivery, Presence
from peppy.schema import keys
from peppy.schema.datastore import StoredValue
from peppy.schema.durations import HEARTBEAT
from peppy.schema.keys import Address
from peppy.schema.leaving import Leaving
from peppy.testing.played_datastore import serve_datastore


class PlayedDaemon:
    """The daemon of one node under test."""

    def __init__(
        self,
        network: MemoryNetwork,
        node: Address,
        values: dict[str, StoredValue],
        on_ready: Callable[[], None],
        on_leaving: Callable[[Leaving], None],
    ) -> None:
        """`values` are those of its datastore."""
        self._node = node
        self._transport = MemoryTransport(network)
        self._exchange = Exchange(self._transport)
        self._beats = anyio.CancelScope()
        serve_datastore(self._exchange, node.core_node, values)

        def presence(presence: Presence) -> None:
            if presence.present:
                on_ready()

        self._transport.follow(keys.ready(node), presence)
        self._transport.listen(
            keys.leaving(node),
            lambda sample: on_leaving(msgspec.msgpack.decode(sample.payload, type=Leaving)),
        )

    async def beat(self) -> None:
        """Give signs of life until it falls silent."""
        key = keys.heartbeat(self._node.core_node)
        publisher = self._transport.publisher(key, Delivery.URGENT)
        with self._beats:
            while True:
                publisher.put(msgspec.msgpack.encode(0))
                await anyio.sleep(HEARTBEAT)

    def fall_silent(self) -> None:
        """Give no more signs of life."""
        self._beats.cancel()

    async def health(self, timeout: float) -> bool:
        """Say whether the node's loop answers within so many seconds."""
        key = keys.instance_service(self._node, keys.HEALTH_SERVICE)
        try:
            await self._exchange.ask(key, b"", timeout=timeout)
        except Unanswered:
            return False
        return True

    async def close(self) -> None:
        """Leave."""
        self._beats.cancel()
        self._exchange.close()
        await self._transport.close()
