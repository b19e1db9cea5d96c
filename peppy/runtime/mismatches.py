"""Messages of another format than the one expected here: named once, field by field."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import msgspec

from peppy.runtime.output import complain
from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.port import TransportError
from peppy.schema import keys
from peppy.schema.errors import PeppyError
from peppy.schema.format_difference import differences
from peppy.schema.format_reader import parse_format
from peppy.schema.names import InstanceId, Name

ANSWER: Final = 2.0
"""Seconds that the sender has to say what its format is: then the fingerprints have to do."""

MOST_SHOWN: Final = 5
"""Differences in one sentence."""


class FormatMismatch(PeppyError):
    """An instance sends messages of another format than the one expected here."""

    kind = "format_mismatch"

    def __init__(self, topic: str, instance_id: str, found: list[str]) -> None:
        self.topic = topic
        self.instance_id = instance_id
        self.differences = tuple(found)
        shown = "; ".join(found[:MOST_SHOWN])
        more = f"; and {len(found) - MOST_SHOWN} more" if len(found) > MOST_SHOWN else ""
        super().__init__(
            f"FormatMismatch: topic '{topic}': '{instance_id}' sends another message format:"
            f" {shown}{more}; its messages are skipped",
            hint="sync, build and run both nodes against the same document",
        )


class Mismatches:
    """What a node knows and asks about formats."""

    def __init__(
        self,
        exchange: Exchange,
        in_background: Callable[[Callable[[], Coroutine[Any, Any, None]]], None],
        notify: Callable[[str, str], None],
    ) -> None:
        self._exchange = exchange
        self._in_background = in_background
        self._notify = notify
        self._offered: dict[bytes, Mapping[str, Any]] = {}

    def offer(self, fingerprint: int, literal: Mapping[str, Any]) -> None:
        """Let others ask what the format with this fingerprint is."""
        self._offered[_asked(fingerprint)] = literal

    def offered(self, asked: bytes) -> bytes:
        """Return the answer to a question for a format: empty if it is not known."""
        literal = self._offered.get(asked)
        return b"" if literal is None else msgspec.msgpack.encode(literal)

    def of(self, topic: str, literal: Mapping[str, Any]) -> Callable[[str, int], None]:
        """Return what a consumer of `topic` calls with the key and the fingerprint that came."""

        def found(key: str, fingerprint: int) -> None:
            self._in_background(lambda: self._name(topic, literal, key, fingerprint))

        return found

    async def _name(
        self, topic: str, literal: Mapping[str, Any], key: str, fingerprint: int
    ) -> None:
        expected = parse_format(literal)
        *_, node, core_node, instance_id = key.split("/")
        sender = keys.Address(core_node, Name(node), InstanceId(instance_id))
        service = keys.instance_service(sender, keys.FORMATS_SERVICE)
        try:
            reply = await self._exchange.ask(service, _asked(fingerprint), timeout=ANSWER)
            actual = parse_format(msgspec.msgpack.decode(reply.payload, type=dict[str, Any]))
            found = differences(expected, actual)
        except (TransportError, PeppyError, msgspec.MsgspecError, RecursionError):
            found = []  # it is gone, or no node of ours
        if not found:
            found = [f"fingerprint {expected.fingerprint():016x} here, {fingerprint:016x} there"]
        mismatch = FormatMismatch(topic, instance_id, found)
        complain(f"error: {mismatch.sentence}")
        self._notify(mismatch.kind, mismatch.sentence)


def _asked(fingerprint: int) -> bytes:
    return fingerprint.to_bytes(8, "little")
