"""The messages of one topic, read as its document has them."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from peppy.cli.terminal import Terminal
from peppy.cli.wire.session import on_the_wire
from peppy.runtime.inlet import Inlet
from peppy.runtime.mismatches import Mismatches
from peppy.runtime.plain import PlainCodec
from peppy.runtime.qos import TERMS, QoSProfile
from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.port import Transport
from peppy.schema import keys
from peppy.schema.format_reader import format_literal
from peppy.schema.formats import MessageFormat
from peppy.schema.wire import TopicView, WireView

CAPACITY: Final = 4096
"""Messages that wait here; a terminal is slower than any node."""


class Reading:
    """One topic, as somebody who only looks on hears it: no sender ever waits for it."""

    def __init__(
        self,
        transport: Transport,
        topic: TopicView,
        message_format: MessageFormat,
        instance_id: str | None,
        terminal: Terminal,
    ) -> None:
        self._terminal = terminal
        self._exchange = Exchange(transport)
        self._background: set[asyncio.Future[None]] = set()
        mismatches = Mismatches(self._exchange, self._in_background, _say_nothing)
        self._plain = PlainCodec(f"topic '{topic.name}'", message_format)
        subscription = transport.subscribe(pattern(topic, instance_id), capacity=CAPACITY)
        self._inlet = Inlet(
            topic.name,
            subscription,
            self._plain.codec,
            gaps_matter=TERMS[QoSProfile(topic.qos)].gaps_matter,
            on_mismatch=mismatches.of(topic.name, format_literal(message_format)),
        )

    async def next(self) -> tuple[str, dict[str, Any]]:
        """Return the next readable message and its sender; what is wrong with others is said."""
        instance_id, message = await self._inlet.next()
        return instance_id, self._plain.plain(message)

    def close(self) -> None:
        """Hear no more, and say how many messages were not shown."""
        self._inlet.close()
        self._exchange.close()
        for task in self._background:
            task.cancel()
        traffic = self._inlet.traffic()
        counts = {
            "lost": traffic.dropped + sum(peer.lost for peer in traffic.peers),
            "of another format": sum(peer.mismatched for peer in traffic.peers),
            "unreadable": sum(peer.unreadable for peer in traffic.peers),
            "not ours": traffic.foreign,
        }
        parts = [f"{count} {what}" for what, count in counts.items() if count]
        if parts:
            self._terminal.warn(f"messages that are not shown: {', '.join(parts)}")

    def _in_background(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.ensure_future(work())
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _say_nothing(kind: str, sentence: str) -> None:
    del kind, sentence


def read(
    wire: WireView,
    topic: TopicView,
    message_format: MessageFormat,
    instance_id: str | None,
    show: Callable[[str, dict[str, Any]], bool],
    terminal: Terminal,
) -> None:
    """Give each message and its sender to `show`, until that returns False or Ctrl+C comes."""

    async def work(transport: Transport) -> None:
        reading = Reading(transport, topic, message_format, instance_id, terminal)
        try:
            while show(*await reading.next()):
                pass
        finally:
            reading.close()

    on_the_wire(wire, work)


def pattern(topic: TopicView, instance_id: str | None) -> str:
    """Return the pattern of the topic's senders, or of one of them."""
    node = None if topic.node is None else topic.node.name
    return keys.topic_pattern(topic.name, node, None, instance_id)
