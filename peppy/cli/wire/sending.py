"""Messages of a topic, sent as if by the node that emits it."""

import asyncio
from typing import Any, Final

import msgspec

from peppy.cli.terminal import Terminal
from peppy.cli.wire.session import on_the_wire, own_address
from peppy.runtime.outlet import Outlet
from peppy.runtime.plain import PlainCodec
from peppy.runtime.qos import TERMS, QoSProfile
from peppy.runtime.transport.port import Transport
from peppy.schema import keys
from peppy.schema.formats import MessageFormat
from peppy.schema.wire import TopicView, WireView

LOOK: Final = 0.01
"""Seconds between two looks whether somebody listens: the port tells it only when asked."""

LISTENERS: Final = 2.0
"""Seconds to wait for the first of those who listen: links between nodes take a moment."""

SETTLE: Final = 0.2
"""Seconds for the others to be found once one is, and for the last message to be taken."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent."""

    topic: str
    instance_id: str
    """As whom."""
    messages: int
    heard: bool
    """Whether somebody was known to listen."""


class Order(msgspec.Struct, frozen=True):
    """What is to be sent, and how often."""

    topic: TopicView
    message_format: MessageFormat
    values: dict[str, Any]
    times: int | None
    """None goes on until Ctrl+C."""
    rate: float
    """Messages a second."""


def publish(wire: WireView, order: Order, terminal: Terminal) -> Published:
    """Send messages, as if the node that emits the topic had.

    Raises `DocumentError` for values that do not fit, before anything is sent.
    """
    topic, times = order.topic, order.times
    codec = PlainCodec(f"topic '{topic.name}'", order.message_format)
    encoded = codec.encode(order.values)
    address = own_address(wire, topic.node)
    terms = TERMS[QoSProfile(topic.qos)]

    async def work(transport: Transport) -> Published:
        publisher = transport.publisher(keys.topic(address, topic.name), terms.delivery)
        outlet = Outlet(topic.name, publisher, codec.fingerprint, lambda: encoded)
        heard = await _heard(outlet)
        if not heard:
            terminal.warn(f"nobody is known to listen to topic '{topic.name}'")
        if terms.held_back:
            await outlet.hold_back(transport, address)
        sent = 0
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while times is None or sent < times:
            await asyncio.sleep(max(0.0, begun + sent / order.rate - loop.time()))
            await outlet.send()
            sent += 1
        outlet.flush()
        heard = heard or outlet.matched()
        await asyncio.sleep(SETTLE)
        return Published(
            topic=topic.name, instance_id=address.instance_id, messages=sent, heard=heard
        )

    return on_the_wire(wire, work)


async def _heard(outlet: Outlet) -> bool:
    """Wait until somebody listens, or has been waited for long enough; say which."""
    for _ in range(int(LISTENERS / LOOK)):
        if outlet.matched():
            await asyncio.sleep(SETTLE)
            return True
        await asyncio.sleep(LOOK)
    return False
