"""What the stack tells itself: how things came out that it had begun in the background."""

from typing import Any

import msgspec

from peppy.actors.kernel import Promise
from peppy.actors.stack.entry import Entry
from peppy.actors.stack.messages import Retired
from peppy.schema.control import AddNode, AddView
from peppy.schema.names import NodeId


class Staged(msgspec.Struct, frozen=True):
    """A node may enter the stack, if the stack agrees."""

    request: AddNode
    promise: Promise[AddView]
    entry: Entry


class RoomMade(msgspec.Struct, frozen=True):
    """It is written down that the staged node is in the stack; the one it replaces is gone."""

    staged: Staged
    retired: Retired | None


class NotWritten(msgspec.Struct, frozen=True):
    """It could not be written down that the staged node is in the stack."""

    staged: Staged
    error: Exception


class Done(msgspec.Struct, frozen=True):
    """What a request asked for has come out."""

    promise: Promise[Any]
    answer: object

    def deliver(self) -> None:
        """Give whoever asked the answer."""
        self.promise.answer(self.answer)


class Failed(msgspec.Struct, frozen=True):
    """What a request asked for cannot be had."""

    promise: Promise[Any]
    error: Exception

    def deliver(self) -> None:
        """Let whoever asked raise the error."""
        self.promise.refuse(self.error)


class Gone(msgspec.Struct, frozen=True):
    """Nothing of a node is left, or not all could be removed; `then` waited for that."""

    node: NodeId
    then: RoomMade | NotWritten | Done | Failed


class AddEnded(msgspec.Struct, frozen=True):
    """A node will not enter the stack: its adding failed, or nobody waits for it any more."""

    source: str
    promise: Promise[AddView]
    error: Exception
