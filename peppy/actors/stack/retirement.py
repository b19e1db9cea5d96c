"""Taking nodes out of the stack, so that nothing of them is left."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import trio

from peppy.actors.host.ports import HostError
from peppy.actors.kernel import ActorEnded, Ref
from peppy.actors.rules import graph
from peppy.actors.stack.entry import Entry
from peppy.actors.stack.ledger import node_key, node_record
from peppy.actors.stack.messages import Retire, Retired, TakenDown
from peppy.actors.stack.recovery import FoundNode
from peppy.actors.stack.site import Site
from peppy.schema.control import Edge, InstanceState, NodeView, Stage
from peppy.schema.events import EventKind
from peppy.schema.names import InstanceId, NodeId


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

    def without_instances(self) -> FoundNode:
        """Return it as a daemon finds it whose instances have all been stopped."""
        built = self.view is not None and self.view.stage is Stage.READY
        return FoundNode(entry=self.entry, built=built, build_log=None, instances=())


async def retire(site: Site, member: Member, successor: Entry | None) -> Retired:
    """Stop all of a node, write down who follows it, and remove its snapshot and its artifact.

    Until it is written down, the node is what was promised; from then on its successor is. Raises
    `HostError` if it cannot be written down.
    """
    node, ledger = member.entry.node, site.ledger
    retired = await _ask_to_retire(member)
    if successor is None:
        gone = ledger.happened(EventKind.NODE_REMOVED, "was removed", node=node)
        await ledger.write({node_key(node): None}, gone)
    else:
        await enter(site, successor)
    with suppress(HostError):  # what cannot be removed now, the next daemon removes
        await site.host.files.remove(member.entry.artifact)
        await site.host.files.remove(member.entry.snapshot)
    return retired


async def enter(site: Site, entry: Entry) -> None:
    """Write down that a node is in the stack from now on. Raises `HostError`."""
    added = site.ledger.happened(EventKind.NODE_ADDED, "was added", node=entry.node)
    await site.ledger.write({node_key(entry.node): node_record(entry)}, added)


async def take_down(
    members: Mapping[NodeId, Member], leaving: Sequence[Member], edges: Sequence[Edge]
) -> TakenDown:
    """Stop every node, whoever needs another one before that one; their files stay.

    Nodes that do not need one another stop at once, so that slow ones do not add up. Those that are
    `leaving` are being stopped already; their end is waited for.
    """
    stopped: list[InstanceId] = []

    async def stop(member: Member) -> None:
        stopped.extend((await _ask_to_retire(member)).stopped)

    async with trio.open_nursery() as everything:
        for member in leaving:
            everything.start_soon(member.ref.ended)
        for wave in graph.dependents_first(members, edges):
            async with trio.open_nursery() as nursery:
                for node in wave:
                    nursery.start_soon(stop, members[node])
    return TakenDown(tuple(stopped))


async def _ask_to_retire(member: Member) -> Retired:
    try:
        retired = await member.ref.ask(Retire())
    except ActorEnded:
        retired = Retired(member.entry.node, ())
    await member.ref.ended()
    return retired
