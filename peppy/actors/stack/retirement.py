"""Taking nodes out of the stack, so that nothing of them is left."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

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


async def take_down(members: Sequence[Member]) -> TakenDown:
    """Stop all of every node, the ones that were added last first; their files stay."""
    stopped: list[InstanceId] = []
    for member in reversed(members):
        stopped.extend((await _ask_to_retire(member)).stopped)
    return TakenDown(tuple(stopped))


async def _ask_to_retire(member: Member) -> Retired:
    try:
        retired = await member.ref.ask(Retire())
    except ActorEnded:
        retired = Retired(member.entry.node, ())
    await member.ref.ended()
    return retired
