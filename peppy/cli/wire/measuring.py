"""Listening to a topic without reading it, and telling each second what came."""

import asyncio
from collections.abc import Callable
from time import monotonic, time_ns
from typing import Final, TypeVar

from peppy.cli.terminal import Terminal
from peppy.cli.wire.measures import Heard, Window
from peppy.cli.wire.reading import pattern
from peppy.cli.wire.session import on_the_wire
from peppy.runtime.transport.port import Sample, Transport
from peppy.schema import envelope
from peppy.schema.wire import TopicView, WireView

F = TypeVar("F")

EVERY: Final = 1.0
"""Seconds between two lines."""


class Measuring:
    """One topic, counted as it arrives."""

    def __init__(self, topic: TopicView, window: Window, terminal: Terminal) -> None:
        self._topic = topic
        self._window = window
        self._terminal = terminal

    def take(self, sample: Sample) -> None:
        """Count one arrival."""
        label = envelope.unpack(sample.attachment)
        if label is None:
            self._terminal.warn(
                f"topic '{self._topic.name}': what is no message of ours also comes"
            )
            return
        rest = sample.attachment[envelope.SIZE :]
        self._window.add(
            Heard(
                at=monotonic(),
                messages=envelope.number_in(rest),
                size=len(sample.payload) + len(rest),
                delay=(time_ns() - label.sent_at) / 1e9,
            )
        )


def measure(
    wire: WireView,
    topic: TopicView,
    window: Window,
    figures: Callable[[Window], F | None],
    draw: Callable[[F], str],
    times: int | None,
    terminal: Terminal,
) -> None:
    """Print a line of figures each second, `times` of them or until Ctrl+C."""
    measuring = Measuring(topic, window, terminal)

    async def work(transport: Transport) -> None:
        transport.listen(pattern(topic, None), measuring.take)
        given, before, silent = 0, 0, 0
        while times is None or given < times:
            await asyncio.sleep(EVERY)
            view = figures(window)
            if view is None or window.total == before:
                silent += 1
                terminal.step(f"No messages on topic '{topic.name}' for {silent * EVERY:g} s")
                continue
            before, silent = window.total, 0
            given += 1
            terminal.item(view, draw(view))

    on_the_wire(wire, work)
