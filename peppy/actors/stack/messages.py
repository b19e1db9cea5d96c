"""What the stack's actors tell one another, beside the requests of `peppy.schema.control`."""

import msgspec

from peppy.schema.control import BuildView, InstanceView, NodeView
from peppy.schema.names import InstanceId, NodeId
from peppy.schema.requests import Request


class InstanceChanged(msgspec.Struct, frozen=True):
    """An instance looks different now."""

    view: InstanceView


class InstanceLeft(msgspec.Struct, frozen=True):
    """An instance is gone: its process, its directory and its place in the list."""

    instance_id: InstanceId


class NodeChanged(msgspec.Struct, frozen=True):
    """A node looks different now."""

    view: NodeView


class BuildSucceeded(msgspec.Struct, frozen=True):
    """The artifact is in place."""

    view: BuildView


class BuildStopped(msgspec.Struct, frozen=True):
    """The build ended without an artifact, for `error`."""

    error: Exception


class Retired(msgspec.Struct, frozen=True):
    """What a node took down with itself."""

    node: NodeId
    stopped: tuple[InstanceId, ...]


class Retire(Request[Retired], frozen=True, kw_only=True):
    """Stop whatever of the node is under way, and end. The node's files stay."""


class Hurry(msgspec.Struct, frozen=True):
    """What is being stopped is to be killed now."""


class TakenDown(msgspec.Struct, frozen=True):
    """Everything that ran when the stack was taken down."""

    stopped: tuple[InstanceId, ...]


class TakeDown(Request[TakenDown], frozen=True, kw_only=True):
    """Stop every instance and end every node; from now on nothing new is taken."""
