"""What the stack and an undertaking tell one another."""

from collections.abc import Mapping
from typing import Any

import msgspec

from peppy.actors.kernel import Promise, Ref
from peppy.actors.stack.ledger import Record
from peppy.actors.stack.plan import Plan
from peppy.actors.stack.recovery import FoundNode
from peppy.schema.events import Event
from peppy.schema.names import InstanceId, NodeId
from peppy.schema.requests import Request


class Surveyed(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes to have a node again as it is now."""

    node: FoundNode
    """Without its instances."""
    plans: tuple[Plan, ...]
    """Of the instances that live, or are about to."""


class Survey(Request[Surveyed], frozen=True, kw_only=True):
    """What would bring you back?"""


class Swapped(msgspec.Struct, frozen=True, kw_only=True):
    """The stack is another one, and none of its instances has been started yet.

    With an `error` it could not be written down: the nodes are the same, and all is stopped.
    """

    refs: Mapping[NodeId, Ref[Any]]
    stopped: tuple[InstanceId, ...]
    error: Exception | None = None


class Swap(Request[Swapped], frozen=True, kw_only=True):
    """Stop everything, write down the new state of things, and have these nodes instead."""

    nodes: tuple[FoundNode, ...]
    changes: Mapping[str, Record | None]
    """Written in one step with what becomes of the nodes."""
    events: tuple[Event, ...] = ()
    owners: Mapping[InstanceId, NodeId] = {}
    """The instances that will be started now."""


class SwapWritten(msgspec.Struct, frozen=True, kw_only=True):
    """All has been stopped, and what follows is written down, unless for `error`."""

    swap: Swap
    promise: Promise[Swapped]
    stopped: tuple[InstanceId, ...]
    error: Exception | None = None


class GiveUp(msgspec.Struct, frozen=True):
    """Undo what has been done so far, and end."""

    going_down: bool = False
    """Whether the whole stack ends next, so that nothing is to be started again."""


class UndertakingOver(msgspec.Struct, frozen=True):
    """An undertaking has let go of the stack."""

    ref: Ref[Any]
