"""The daemon's signs of life, which its nodes' watchdogs wait for (behaviour.md 11.4)."""

from contextlib import closing

import msgspec
import trio

from peppy.actors.stack.site import Site
from peppy.runtime.transport.port import Delivery, TransportError
from peppy.schema import keys
from peppy.schema.durations import HEARTBEAT


async def beat(site: Site) -> None:
    """Publish a sign of life, the daemon's pid, every `HEARTBEAT` seconds until cancelled."""
    payload = msgspec.msgpack.encode(site.daemon_pid)
    key = keys.heartbeat(site.core_node)
    with closing(site.transport.publisher(key, Delivery.URGENT)) as publisher:
        while True:
            try:
                publisher.put(payload)
            except TransportError:
                return  # closed: the daemon ends
            await trio.sleep(HEARTBEAT)
