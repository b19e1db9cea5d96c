"""Digests by which bindings and variants are compared with documents. Source: behaviour.md 7.2."""

import hashlib

from peppy.schema.formats import MessageFormat
from peppy.schema.node import ActionService, ExternalTopic, FeedbackTopic, Interfaces


def document_sha256(document: bytes) -> str:
    """Return the lower-case hex SHA-256 of a document's bytes."""
    return hashlib.sha256(document).hexdigest()


def interface_fingerprint(interfaces: Interfaces) -> str:
    """Return a hex SHA-256 that two nodes share exactly when their interfaces are the same.

    The order of items and of fields does not count, nor does it matter whether an empty list is
    written. QoS profiles count (behaviour.md 2.3, "interface comparison").
    """
    lines = [
        *(f"emits {t.name} {t.qos} {_format(t.format)}" for t in interfaces.emits),
        *(
            f"consumes any {t.name} {_format(t.format)}"
            if isinstance(t, ExternalTopic)
            else f"consumes {t.local_id!r} {t.name}"
            for t in interfaces.consumes
        ),
        *(
            f"service {s.name} {_format(s.request)} {_format(s.response)}"
            for s in interfaces.exposed_services
        ),
        *(f"calls {s.local_id!r} {s.name}" for s in interfaces.consumed_services),
        *(
            f"action {a.name} {_half(a.goal)} {_half(a.feedback)} {_half(a.result)}"
            for a in interfaces.exposed_actions
        ),
        *(f"fires {a.local_id!r} {a.name}" for a in interfaces.consumed_actions),
    ]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _format(message: MessageFormat | None) -> str:
    return "-" if message is None else message.canonical()


def _half(half: ActionService | FeedbackTopic | None) -> str:
    match half:
        case None:
            return "-"
        case ActionService():
            return f"({half.qos} {_format(half.request)} {_format(half.response)})"
        case FeedbackTopic():
            return f"({half.qos} {_format(half.format)})"
