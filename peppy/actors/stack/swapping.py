"""Having another stack: everything stops, and what follows is written down in one step."""

from collections.abc import Mapping, Sequence

import msgspec

from peppy.actors.host.ports import HostError
from peppy.actors.stack.ledger import Record, node_key, node_record
from peppy.actors.stack.retirement import Member, take_down
from peppy.actors.stack.site import Site
from peppy.actors.stack.undertaking_messages import Swap
from peppy.schema.control import Edge
from peppy.schema.names import InstanceId, NodeId


class Written(msgspec.Struct, frozen=True):
    """All has been stopped; unless for `error`, it is written down who follows."""

    stopped: tuple[InstanceId, ...]
    error: HostError | None = None


async def carry_out(
    site: Site,
    swap: Swap,
    members: Mapping[NodeId, Member],
    leaving: Sequence[Member],
    edges: Sequence[Edge],
) -> Written:
    """Stop all of `members`, whoever needs another before that one, and write the swap down."""
    taken = await take_down(members, leaving, edges)
    changes: dict[str, Record | None] = {node_key(node): None for node in members}
    for node in swap.nodes:
        record = node_record(node.entry, built=node.built, build_log=node.build_log)
        changes[node_key(node.entry.node)] = record
    try:
        await site.ledger.write(changes | dict(swap.changes), *swap.events)
    except HostError as error:
        return Written(taken.stopped, error)
    return Written(taken.stopped)
