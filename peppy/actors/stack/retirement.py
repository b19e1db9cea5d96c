"""Taking nodes out of the stack, so that nothing of them is left."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import trio

from peppy.actors.host.ports import Files
from peppy.actors.kernel import ActorEnded, Ref
from peppy.actors.stack.entry import Entry
from peppy.actors.stack.messages import Retire, Retired, TakenDown
from peppy.schema.control import InstanceState, NodeView
from peppy.schema.names import InstanceId


class Member(msgspec.Struct, frozen=True):
    """A node that is in the stack."""

    ref: Ref[Any]
    entry: Entry
    view: NodeView | None = None
    """None until the node has shown itself."""

    @property
    def instances(self) -> tuple[InstanceId, ...]:
        """The instances that are listed, the ended ones too."""
        return () if self.view is None else tuple(i.instance_id for i in self.view.instances)

    @property
    def live(self) -> tuple[InstanceId, ...]:
        """The instances that have a process, or are about to."""
        over = (InstanceState.FINISHED, InstanceState.FAILED)
        instances = () if self.view is None else self.view.instances
        return tuple(i.instance_id for i in instances if i.state not in over)


async def retire(files: Files, member: Member, artifact: Path) -> Retired:
    """Stop all of a node, wait for its end, and remove its snapshot and its artifact."""
    retired = await _ask_to_retire(member)
    await files.remove(artifact)
    await files.remove(member.entry.snapshot)
    return retired


async def take_down(members: Sequence[Member], leaving: Sequence[Member]) -> TakenDown:
    """Stop all of every node at once, so that slow ones do not add up; their files stay.

    Those that are `leaving` are being stopped already; their end is waited for.
    """
    stopped: list[InstanceId] = []

    async def stop(member: Member) -> None:
        stopped.extend((await _ask_to_retire(member)).stopped)

    async with trio.open_nursery() as nursery:
        for member in members:
            nursery.start_soon(stop, member)
        for member in leaving:
            nursery.start_soon(member.ref.ended)
    return TakenDown(tuple(stopped))


async def _ask_to_retire(member: Member) -> Retired:
    try:
        retired = await member.ref.ask(Retire())
    except ActorEnded:
        retired = Retired(member.entry.node, ())
    await member.ref.ended()
    return retired
