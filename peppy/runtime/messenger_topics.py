"""Topics by a messenger: bytes under a name. Source: behaviour.md 8.1, 11.3."""

from collections.abc import Callable
from typing import Any

from peppy.runtime.codec import Codec
from peppy.runtime.credit import LOOSE, Takings
from peppy.runtime.inlet import Inlet, Mismatch
from peppy.runtime.messenger import (
    FORMAT,
    Bytes,
    MessengerHandle,
    Payload,
    TopicMessage,
    check_names,
    checked_payload,
    close_when_dropped,
    of_sender,
)
from peppy.runtime.qos import TERMS, QoSProfile, capacity_of
from peppy.runtime.runner import NodeRunner
from peppy.runtime.topics import EmittedTopic
from peppy.runtime.transport.port import Backlog, Closed, Sample
from peppy.schema import keys
from peppy.schema.format_reader import parse_format


class TopicMessenger:
    """Emits and takes topics whose messages are bytes.

    A generated binding hears them, and is heard, if its document declares the topic with
    `message_format: { payload: "bytes" }`. Bindings of another format and messengers skip each
    other's messages, and say so.
    """

    @staticmethod
    async def emit(
        messenger: MessengerHandle,
        as_core_node: str,
        as_instance_id: str,
        as_node_name: str,
        as_topic_name: str,
        qos: QoSProfile,
        payload: Payload,
    ) -> None:
        """Publish one message; it returns and waits as `EmittedTopic.emit` does.

        Raises `TypeError` for a payload that is not bytes, `ValueError` for what cannot be a name,
        and `Closed` once the connection is.
        """
        checked_payload(payload)
        check_names(as_topic_name)
        speaker = messenger.speaker(as_core_node, as_instance_id, as_node_name)
        await emitted(speaker, as_topic_name, qos).emit(speaker, payload)

    @staticmethod
    async def subscribe(
        messenger: MessengerHandle,
        as_core_node: str,
        as_instance_id: str,
        to_node_name: str,
        to_topic: str,
        target_core_node: str | None,
        target_instance_id: str | None,
        qos: QoSProfile,
    ) -> "Subscription":
        """Take a topic of the node `to_node_name`: what is published from now on.

        None targets any core node, or any instance. Between two calls messages wait as they do for
        `ConsumedTopic.next_message`. Raises `ValueError` for what cannot be a name, and `Closed`.
        """
        check_names(to_topic, to_node_name, target_core_node, target_instance_id)
        speaker = messenger.speaker(as_core_node, as_instance_id)
        senders = (to_topic, to_node_name, target_core_node, target_instance_id)
        return Subscription(speaker, open_inlet(speaker, senders, qos))

    @staticmethod
    async def consume_external(
        messenger: MessengerHandle,
        as_core_node: str,
        as_instance_id: str,
        to_topic: str,
        target_core_node: str | None,
        target_instance_id: str | None,
        qos: QoSProfile,
    ) -> "Subscription":
        """Take a topic of whichever node emits it; else this is `subscribe`."""
        check_names(to_topic, target_core_node, target_instance_id)
        speaker = messenger.speaker(as_core_node, as_instance_id)
        senders = (to_topic, None, target_core_node, target_instance_id)
        return Subscription(speaker, open_inlet(speaker, senders, qos))


class BytesInlet(Inlet[TopicMessage]):
    """The way in of one subscription."""

    def __init__(
        self,
        topic: str,
        ring: Backlog[Any],
        *,
        takings: Takings | None = None,
        gaps_matter: bool = True,
        on_mismatch: Mismatch | None = None,
    ) -> None:
        self._sender = _SenderCodec(topic)
        super().__init__(
            topic,
            ring,
            self._sender,
            takings=takings,
            gaps_matter=gaps_matter,
            on_mismatch=on_mismatch,
        )

    def _open(self, sample: Sample) -> tuple[str, TopicMessage] | None:
        self._sender.key = sample.key
        return super()._open(sample)


class _SenderCodec(Codec[Any]):
    """Makes `TopicMessage`s of messages of `FORMAT`; `key` is that of the sample at hand."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"topic '{topic}'", parse_format(FORMAT), Bytes)
        self.key = ""
        build: Callable[[Any], Any] = self.build

        def built(wire: Any) -> TopicMessage:
            return of_sender(self.key, build(wire).payload)

        self.build = built


class Subscription:
    """A topic that is taken; nobody holding it ends it.

    Any number of tasks may wait; each message goes to one of them.
    """

    def __init__(self, speaker: NodeRunner, inlet: BytesInlet) -> None:
        """For the messengers."""
        self._inlet = inlet
        close_when_dropped(self, speaker, inlet)

    async def on_next_message(self) -> TopicMessage | None:
        """Return the next message, or None once the connection is closed.

        Cancelling the wait loses nothing.
        """
        try:
            return (await self._inlet.next())[1]
        except Closed:
            return None


Senders = tuple[str, str | None, str | None, str | None]
"""A topic's name; the node, the core node and the instance that emit it, None for any."""


def emitted(speaker: NodeRunner, name: str, qos: QoSProfile) -> EmittedTopic[Bytes]:
    """Return the topic as `speaker` emits it, the same at each call."""
    key = ("emitted bytes", name, qos)
    return speaker.kept(key, lambda: EmittedTopic(name, qos.value, FORMAT, Bytes))


def open_inlet(
    speaker: NodeRunner, senders: Senders, qos: QoSProfile, *, holds_back: bool = True
) -> BytesInlet:
    """Subscribe; where the profile asks for it, and `holds_back`, senders wait for this end."""
    topic, transport, terms = senders[0], speaker.transport, TERMS[qos]
    pattern = keys.topic_pattern(*senders)
    ring = transport.subscribe(pattern, capacity=capacity_of(qos, speaker.buffers))
    takings = None
    if terms.held_back and holds_back:
        # After the subscription: whoever sees this on its way hears it for certain.
        takings = Takings(transport, keys.taker(*senders, speaker.taker_id(LOOSE)))
    inlet = BytesInlet(
        topic,
        ring,
        takings=takings,
        gaps_matter=terms.gaps_matter,
        on_mismatch=speaker.mismatches.of(topic, FORMAT),
    )
    return speaker.add_end(inlet)
