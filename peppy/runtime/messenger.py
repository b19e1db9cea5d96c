"""Bytes in, bytes out: what messengers of topics, services and actions have in common.

A message of a messenger is one of the format `{ payload: "bytes" }`. So a generated binding and a
messenger hear each other exactly where the document declares that format, with the same checks,
counters and quality of service as among bindings; with any other format each side refuses what the
other sends, and says so. Source: behaviour.md 8.1.
"""

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec

from peppy.runtime.loops import run_soon_here
from peppy.runtime.runner import End, MessengerHandle, NodeRunner
from peppy.schema.names import is_name

__all__ = ["FORMAT", "Bytes", "MessengerHandle", "Payload", "TopicMessage"]

Payload = bytes | bytearray | memoryview
"""What may be sent; what arrives is `bytes`."""

FORMAT: Final[Mapping[str, Any]] = {"payload": "bytes"}
"""Of every message, as a document declares it."""


@dataclass(slots=True)
class Bytes:
    """A message of `FORMAT`."""

    payload: Payload


class TopicMessage(msgspec.Struct, frozen=True):
    """What arrived, and from whom."""

    core_node: str
    instance_id: str
    key_expr: str
    """The key under which it travelled."""
    payload: bytes


def of_sender(key: str, payload: bytes) -> TopicMessage:
    """Return what came under the key of a topic or a service, which ends with who sent it."""
    _, core_node, instance_id = key.rsplit("/", 2)
    return TopicMessage(core_node, instance_id, key, payload)


def checked_payload(payload: object) -> Payload:
    """Return a payload; raise `TypeError` for what is none."""
    if isinstance(payload, bytes | bytearray | memoryview):
        return cast("Payload", payload)
    raise TypeError(f"a payload is bytes, not {type(payload).__name__}")


def check_names(*names: str | None) -> None:
    """Raise `ValueError` for what cannot be a name; None stands for any."""
    for name in names:
        if name is not None and not is_name(name):
            raise ValueError(f"'{name}' cannot be a name")


def close_when_dropped(holder: object, speaker: NodeRunner, end: End) -> None:
    """Have `end` closed on this loop once nobody holds `holder` any more."""
    run_soon = run_soon_here()  # garbage is collected on any thread

    def close() -> None:
        speaker.remove_end(end)
        end.close()

    weakref.finalize(holder, run_soon, close).atexit = False
