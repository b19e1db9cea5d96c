"""Whether a server that cannot be found may be there soon: who is alive, followed all the time.

Nobody is asked anew each time: while a node closes what it follows, a question of the wire may miss
what is there.
"""

from collections.abc import Collection
from typing import Final

import anyio

from peppy.runtime.reach import SETTLE, Missing, Target, why_missing
from peppy.runtime.runner import NodeRunner
from peppy.runtime.transport.port import Presence
from peppy.schema import keys
from peppy.schema.wording import quoted

LOOK: Final = 0.05
"""Seconds between two attempts to find a server that is about to be there."""


class Neighbours:
    """The instances that one node sees alive."""

    def __init__(self, runner: NodeRunner) -> None:
        self._alive: set[tuple[str, str, str]] = set()
        self._settled = anyio.current_time() + SETTLE
        runner.transport.follow(keys.alive_pattern(), self._changed)

    def _changed(self, presence: Presence) -> None:
        instance = keys.alive_in(presence.key)
        if presence.present:
            self._alive.add(instance)
        else:
            self._alive.discard(instance)

    async def wait_for(
        self, target: Target, left: float, servers: Collection[str], *, again: bool
    ) -> None:
        """Return when it is worth while to look again for a server.

        Raises `Missing` when it is not: nobody is alive who might serve, nor among the announced
        `servers`, or no time is `left`. Before that it is looked `again` at least once: who has
        just come may be seen a moment later.
        """
        serving = [_server_in(key) for key in servers]
        there = _meant(target, self._alive) or _meant(target, serving)
        if left and (there or not again or anyio.current_time() < self._settled):
            await anyio.sleep(min(left, LOOK))
        elif there:
            raise Missing(f"{quoted(target.node)} is running and has not exposed it yet")
        else:
            raise Missing(why_missing(target, sorted(self._alive)))


def _meant(target: Target, instances: Collection[tuple[str, str, str]]) -> bool:
    return any(
        node == target.node
        and target.core_node in (None, core_node)
        and target.instance_id in (None, instance_id)
        for core_node, node, instance_id in instances
    )


def _server_in(key: str) -> tuple[str, str, str]:
    node, core_node, instance_id, _ = key.split("/")[-4:]
    return core_node, node, instance_id


def neighbours_of(runner: NodeRunner) -> Neighbours:
    """Return the node's own, from the first call on."""
    return runner.kept(Neighbours, lambda: Neighbours(runner))
