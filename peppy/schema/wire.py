"""What the stack's documents put on the wire, as the daemon tells it (`DescribeWire`)."""

from typing import Any

import msgspec

from peppy.schema.names import InstanceId, Name, NodeId

Format = dict[str, Any]
"""A message format as a literal (`peppy.schema.format_reader.format_literal`)."""


class TopicConsumer(msgspec.Struct, frozen=True, order=True):
    """A node that takes a topic: from the node it depends on, or from whoever emits it."""

    node: NodeId
    external: bool = False


class TopicView(msgspec.Struct, frozen=True, kw_only=True):
    """One topic of the stack."""

    name: Name
    node: NodeId | None
    """Who emits it; None where nodes of the stack consume it and none emits it."""
    qos: str
    format: Format | None
    emitters: tuple[InstanceId, ...] = ()
    """Those that run."""
    consumers: tuple[TopicConsumer, ...] = ()


class ServiceView(msgspec.Struct, frozen=True, kw_only=True):
    """One service of the stack."""

    name: Name
    node: NodeId
    request: Format | None
    response: Format | None
    servers: tuple[InstanceId, ...] = ()
    """Those that run."""
    consumers: tuple[NodeId, ...] = ()


class ActionView(msgspec.Struct, frozen=True, kw_only=True):
    """One action of the stack."""

    name: Name
    node: NodeId
    goal_request: Format | None
    goal_response: Format | None
    feedback: Format | None
    feedback_qos: str
    result_response: Format | None
    servers: tuple[InstanceId, ...] = ()
    """Those that run."""
    consumers: tuple[NodeId, ...] = ()


class WireView(msgspec.Struct, frozen=True, kw_only=True):
    """All that the stack's documents put on the wire, and where the wire is."""

    core_node: str
    messaging_host: str
    messaging_port: int
    topics: tuple[TopicView, ...] = ()
    services: tuple[ServiceView, ...] = ()
    actions: tuple[ActionView, ...] = ()
