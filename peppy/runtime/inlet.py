"""What arrives for one consumed topic: opened, checked, and what is wrong counted and said."""

from typing import Final, Generic, TypeVar

import msgspec

from peppy.runtime.codec import Codec
from peppy.runtime.complaints import Complaints
from peppy.runtime.transport.port import Sample, Subscription
from peppy.runtime.unfit import UnreadablePayload
from peppy.schema import envelope
from peppy.schema.envelope import Envelope
from peppy.schema.keys import sender_of

M = TypeVar("M")

MOST_PUBLISHERS: Final = 1024
"""Sequences followed at once; a publisher beyond that is begun anew."""


class InletStatistics(msgspec.Struct):
    """What became of the messages of one consumed topic."""

    delivered: int = 0
    foreign: int = 0
    """Without an envelope of ours, or of another format than the one expected here."""
    unreadable: int = 0
    lost: int = 0
    """Missing in their publisher's sequence: given up by the wire or by a full ring."""


class Inlet(Generic[M]):
    """One subscription of one node, kept between its calls."""

    def __init__(
        self,
        topic: str,
        subscription: Subscription[Sample],
        codec: Codec[M],
        *,
        gaps_matter: bool,
    ) -> None:
        self.subscription = subscription
        self.statistics = InletStatistics()
        self._topic = topic
        self._codec = codec
        self._gaps_matter = gaps_matter
        self._complaints = Complaints()
        self._expected: dict[int, int] = {}

    async def next(self) -> tuple[str, M]:
        """Return the next readable message and its sender's instance id.

        A cancelled wait loses nothing: nothing is awaited once a sample is in hand. Raises
        `Closed` when the node's connection is.
        """
        while True:
            sample = await self.subscription.receive()
            message = self._open(sample)
            if message is not None:
                return sender_of(sample.key), message

    def _open(self, sample: Sample) -> M | None:
        label = envelope.unpack(sample.attachment)
        if label is None or label.fingerprint != self._codec.fingerprint:
            self.statistics.foreign += 1
            self._complain_of_format(sample, label)
            return None
        self._count_gap(sample, label)
        try:
            message = self._codec.decode(sample.payload)
        except UnreadablePayload as error:
            self.statistics.unreadable += 1
            sender = sender_of(sample.key)
            self._complaints.about(
                ("unreadable", sender), f"warning: {error.sentence} (from '{sender}'); skipped"
            )
            return None
        self.statistics.delivered += 1
        return message

    def _complain_of_format(self, sample: Sample, label: Envelope | None) -> None:
        sender = sender_of(sample.key)
        actual = "none" if label is None else f"{label.fingerprint:016x}"
        self._complaints.about(
            ("foreign", sender),
            f"warning: topic '{self._topic}': '{sender}' sends another message format"
            f" (expected {self._codec.fingerprint:016x}, actual {actual}); its messages are"
            " skipped until both nodes are synced against the same document",
        )

    def _count_gap(self, sample: Sample, label: Envelope) -> None:
        expected = self._expected.get(label.publisher)
        if expected is None and len(self._expected) >= MOST_PUBLISHERS:
            self._expected.clear()
        self._expected[label.publisher] = label.sequence + 1
        if expected is None or label.sequence <= expected:
            return
        missing = label.sequence - expected
        self.statistics.lost += missing
        if self._gaps_matter:
            sender = sender_of(sample.key)
            self._complaints.about(
                ("lost", sender),
                f"warning: topic '{self._topic}': {missing} messages of '{sender}' were lost"
                f" ({self.statistics.lost} of this topic so far)",
            )
