"""Asking running instances what went through their interfaces."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import trio
from msgspec.structs import replace

from peppy.actors.kernel import Promise
from peppy.actors.stack.site import Site
from peppy.runtime.transport.port import TransportError
from peppy.schema import keys
from peppy.schema.control import (
    InstanceState,
    InstanceView,
    NodeInfoView,
    NodeView,
    StackView,
    Stage,
)
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId
from peppy.schema.traffic import TrafficView

BUDGET: Final = 1.0
"""Seconds for all of them together: who stands still is shown without counters."""

_read: Final = msgspec.msgpack.Decoder(TrafficView).decode


async def answer_stack(site: Site, promise: Promise[StackView], view: StackView) -> None:
    """Answer with `view` and the counters of all its instances."""
    promise.answer(replace(view, nodes=await with_traffic(site, view.nodes)))


async def answer_node(site: Site, promise: Promise[NodeInfoView], view: NodeInfoView) -> None:
    """Answer with `view` and the counters of all its instances."""
    (row,) = await with_traffic(site, (view.row,))
    promise.answer(replace(view, row=row))


async def with_traffic(site: Site, rows: Sequence[NodeView]) -> tuple[NodeView, ...]:
    """Return `rows` with the counters of each running instance that tells them in time."""
    found: dict[InstanceId, TrafficView] = {}

    async def ask(instance: InstanceView) -> None:
        address = Address(site.core_node, instance.node.name, instance.instance_id)
        traffic = await _traffic(site, address)
        if traffic is not None:
            found[instance.instance_id] = traffic

    async with trio.open_nursery() as nursery:
        for instance in running(rows):
            nursery.start_soon(ask, instance)
    return tuple(_with(row, found.get) for row in rows)


def running(rows: Sequence[NodeView]) -> tuple[InstanceView, ...]:
    """Return the instances that can be asked something; the daemon itself is none of them."""
    return tuple(
        instance
        for row in rows
        if row.stage is not Stage.ROOT
        for instance in row.instances
        if instance.state is InstanceState.RUNNING
    )


async def _traffic(site: Site, address: Address) -> TrafficView | None:
    key = keys.instance_service(address, keys.TRAFFIC_SERVICE)
    try:
        return _read((await site.exchange.ask(key, b"", timeout=BUDGET)).payload)
    except (TransportError, msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _with(row: NodeView, traffic_of: Callable[[InstanceId], TrafficView | None]) -> NodeView:
    instances = tuple(
        replace(instance, traffic=traffic_of(instance.instance_id)) for instance in row.instances
    )
    return replace(row, instances=instances)
