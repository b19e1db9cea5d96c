"""Messages on topics as plain values, whoever has sent them."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from peppy.runtime.plain import PlainCodec
from peppy.runtime.unfit import UnreadablePayload
from peppy.schema import envelope
from peppy.schema.format_reader import parse_format
from peppy.schema.formats import MessageFormat
from peppy.schema.node import ExternalTopic, NodeDocument
from peppy.schema.wire import Format, TopicView

_TOPIC: Final = 2
_NODE: Final = 3
"""Where these stand in the key of a topic."""

_values: Final = msgspec.msgpack.Decoder(dict[str, Any])


class Reader:
    """Reads what topics carry, by the formats that the stack's documents say."""

    def __init__(self, topics: Iterable[TopicView]) -> None:
        self._codecs: dict[int, PlainCodec] = {}
        for topic in topics:
            if topic.format is not None:
                self._learn(codec_for(topic.name, topic.format))

    def learn(self, document: NodeDocument) -> None:
        """Know the formats of the topics of a node from now on."""
        for topic in document.interfaces.emits:
            if topic.format is not None:
                self._learn(_codec(topic.name, topic.format))
        for consumed in document.interfaces.consumes:
            if isinstance(consumed, ExternalTopic):
                self._learn(_codec(consumed.name, consumed.format))

    def _learn(self, codec: PlainCodec) -> None:
        self._codecs[codec.fingerprint] = codec

    def message(self, payload: bytes, attachment: bytes, place: int) -> dict[str, Any]:
        """Return one message of a sample; an empty one for what cannot be read."""
        messages = self.read(payload, attachment)
        return messages[place] if place < len(messages) else {}

    def read(self, payload: bytes, attachment: bytes) -> list[dict[str, Any]]:
        """Return the messages of one sample: mostly one, several where they were sent together.

        Messages of a format that no document has are read as well as can be: a `time` is
        nanoseconds then. What cannot be read at all is left out.
        """
        if len(attachment) < envelope.SIZE:
            return []
        codec = self._codecs.get(envelope.values(attachment)[0])
        rest = attachment[envelope.SIZE :]
        try:
            if codec is None:
                return [_values.decode(payload)]
            if envelope.number_in(rest) == 1:
                return [codec.decode(payload, rest)]
            many = codec.codec.decode_many(payload)
        except (UnreadablePayload, msgspec.MsgspecError):
            return []
        return [codec.plain(each) for each in many if not isinstance(each, UnreadablePayload)]


def topic_in(key: str) -> tuple[str, str]:
    """Return the topic and the name of the sending node in a topic's key."""
    parts = key.split("/")
    return parts[_TOPIC], parts[_NODE]


def codec_for(topic: str, literal: Format) -> PlainCodec:
    """Return the codec of a topic's format, made once in a process."""
    return _codec(topic, parse_format(literal))


@lru_cache(maxsize=1024)
def _codec(topic: str, message_format: MessageFormat) -> PlainCodec:
    return PlainCodec(f"topic '{topic}'", message_format)


def shown(message: Mapping[str, Any], width: int = 80) -> str:
    """Return a message in short, for a sentence that says what did come."""
    text = ", ".join(f"{name}: {_short(value)}" for name, value in message.items())
    return "{" + (text if len(text) <= width else text[: width - 1] + "…") + "}"


def _short(value: Any) -> str:
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else repr(value)
