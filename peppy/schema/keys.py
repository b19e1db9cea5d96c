"""Where things are on the wire: the keys of topics, services and announcements.

A topic's key names its sender last, so that a consumer filters by pattern: by the emitting node
when it is linked, by nothing but the topic when it is external (behaviour.md 11.3). Names hold
only characters that mean nothing to the wire, so they stand in keys as they are.
"""

from typing import Final

import msgspec

from peppy.schema.names import InstanceId, Name

ROOT: Final = "peppy"

ANY: Final = "*"
"""In place of one part of a pattern."""


class Address(msgspec.Struct, frozen=True):
    """Who is speaking: an instance of a node under a core node."""

    core_node: str
    node: Name
    instance_id: InstanceId


def topic(sender: Address, name: str) -> str:
    """Return the key under which `sender` publishes the topic `name`."""
    return f"{ROOT}/topic/{name}/{sender.node}/{sender.core_node}/{sender.instance_id}"


def topic_pattern(
    name: str,
    node: str | None = None,
    core_node: str | None = None,
    instance_id: str | None = None,
) -> str:
    """Return the pattern that matches the topic `name` of these senders; None matches any."""
    return f"{ROOT}/topic/{name}/{node or ANY}/{core_node or ANY}/{instance_id or ANY}"


def sender_of(key: str) -> str:
    """Return the instance id in a topic's key."""
    return key.rpartition("/")[2]


def instance_service(address: Address, service: str) -> str:
    """Return the key on which an instance answers its own daemon: health, shutdown."""
    return f"{ROOT}/instance/{address.core_node}/{address.instance_id}/{service}"


def alive(address: Address) -> str:
    """Return the announcement of an instance whose process is connected."""
    return f"{ROOT}/alive/{address.core_node}/{address.node}/{address.instance_id}"


def ready(address: Address) -> str:
    """Return the announcement of an instance whose `setup` has returned."""
    return f"{ROOT}/ready/{address.core_node}/{address.node}/{address.instance_id}"


def ready_pattern(core_node: str) -> str:
    """Return the pattern of all the ready instances of one core node."""
    return f"{ROOT}/ready/{core_node}/{ANY}/{ANY}"


HEALTH_SERVICE: Final = "node_health"
READY_SERVICE: Final = "node_ready"
SHUTDOWN_SERVICE: Final = "shutdown"
"""Names that `peppylib.config` publishes (behaviour.md 8.1)."""
