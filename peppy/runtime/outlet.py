"""The way out of one emitted topic: a declared publisher and the sequence of what went through.

A message goes to the wire at once. Only in a flood, and only on topics whose senders are held back,
messages ride together: from the 17th that follow one another without a pause, until the task that
sends gives way or has sent `TURN`. They are one sample then: a MessagePack array of the messages,
whose attachment ends with their number.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from peppy.runtime.complaints import Complaints
from peppy.runtime.credit import LAPSE, Window
from peppy.runtime.loops import RunSoon, run_soon_here
from peppy.runtime.stamps import STAMPS
from peppy.runtime.transport.loops import give_way
from peppy.runtime.transport.port import Publisher, Transport, TransportError
from peppy.runtime.transport.ring import TURN
from peppy.schema import envelope
from peppy.schema.keys import Address
from peppy.schema.traffic import EndKind, EndTraffic

Payload = bytes | bytearray | memoryview

PAUSE: Final = 50_000
"""Nanoseconds without a message after which those that follow are no flood."""

ALONE: Final = 16
"""Messages of a flood that are still sent each by itself: a burst of a few waits for nothing."""

LARGEST_TOGETHER: Final = 2048
"""Bytes up to which a message rides with others: beyond, one sample more does not matter."""


_label: Final = envelope.pack


class Outlet:
    """One publisher of one node, kept between its calls."""

    def __init__(
        self,
        topic: str,
        publisher: Publisher,
        fingerprint: int,
        parts: Callable[..., tuple[Payload, bytes]],
    ) -> None:
        """`parts` makes a payload of a message's values, and what rides beside it."""
        self.topic = topic
        self._publisher = publisher
        self._put = publisher.put
        self._fingerprint = fingerprint
        self._parts = parts
        self._now = STAMPS.clock
        self._number = STAMPS.number()
        self._sequence = 0
        self._bytes = 0
        self._window: Window | None = None
        self._run_soon: RunSoon = run_soon_here()
        self._last = 0
        self._in_a_row = 0
        self._together: list[bytes] = []
        self._first = 0
        """The sequence number of the first of those that wait to go together."""
        self._complaints = Complaints()

    async def hold_back(self, transport: Transport, sender: Address) -> None:
        """From now on, wait for consumers rather than have them lose a message."""
        if self._window is None:
            self._window = Window(transport, sender, self.topic, self._number, self._lapsed)
        await self._window.opened()

    async def send(self, *values: Any) -> None:
        """Publish the message with these values, in the format's order.

        Cancelled while it waits or gives way, it has sent nothing. Raises `UnfitValue`, and
        `TransportError` if the wire refuses.
        """
        payload, rest = self._parts(*values)
        if self._sequence % TURN == TURN - 1:
            self.flush()
            await give_way()
        window = self._window
        if window is None:
            self._send_alone(payload, rest, self._now())
            return
        while window.full:
            self.flush()
            await window.room()
        now = self._now()
        self._in_a_row = 0 if now - self._last > PAUSE else self._in_a_row + 1
        self._last = now
        if self._in_a_row >= ALONE and not rest and type(payload) is bytes:
            self._ride_along(payload, now)
        else:
            if self._together:
                self.flush()
            self._send_alone(payload, rest, now)
        window.sent(len(payload))

    def _send_alone(self, payload: Payload, rest: bytes, now: int) -> None:
        sequence = self._sequence
        label = _label(self._fingerprint, self._number, sequence, now)
        self._put(payload, label + rest if rest else label)
        self._sequence = sequence + 1
        self._bytes += len(payload)

    def _ride_along(self, payload: bytes, now: int) -> None:
        if len(payload) > LARGEST_TOGETHER:
            self.flush()
            self._send_alone(payload, b"", now)
            return
        if not self._together:
            self._first = self._sequence
            self._run_soon(self._flush_in_turn)
        self._together.append(payload)
        self._sequence += 1
        self._bytes += len(payload)

    def flush(self) -> None:
        """Send what waits to go together; raises `TransportError` if the wire refuses."""
        together = self._together
        if not together:
            return
        self._together = []
        label = _label(self._fingerprint, self._number, self._first, self._now())
        if len(together) == 1:
            self._put(together[0], label)
        else:
            self._put(envelope.joined(together), label + envelope.number_of(together))

    def _flush_in_turn(self) -> None:
        try:
            self.flush()
        except TransportError as error:
            self._complaints.about("flush", f"warning: topic '{self.topic}': {error.sentence}")

    @property
    def sequence(self) -> int:
        """The number of messages so far."""
        return self._sequence

    def matched(self) -> bool:
        """Say whether somebody is known to listen."""
        return self._publisher.matched()

    def traffic(self) -> EndTraffic:
        """Return what went through."""
        return EndTraffic(
            kind=EndKind.PUBLISHER, name=self.topic, messages=self._sequence, bytes=self._bytes
        )

    def close(self) -> None:
        """Send what waits, and hold nobody back any more."""
        with suppress(TransportError):
            self.flush()
        if self._window is not None:
            self._window.close()

    def _lapsed(self) -> None:
        self._complaints.about(
            "lapsed",
            f"warning: topic '{self.topic}': a consumer has taken nothing for {LAPSE:g} s;"
            " going on without it",
        )


class TopicPublisher:
    """A topic's way out as node code holds it; generated code adds `emit`."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet

    def matched(self) -> bool:
        """Say whether somebody is known to listen."""
        return self._outlet.matched()

    def traffic(self) -> EndTraffic:
        """Return what went through so far."""
        return self._outlet.traffic()
