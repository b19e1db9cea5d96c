"""Whether somebody who is not there to serve may be there soon, and what to say if not."""

import math
from typing import Final

import anyio
import msgspec

from peppy.runtime.runner import NodeRunner
from peppy.runtime.transport.port import Presence, Transport
from peppy.schema import keys
from peppy.schema.wording import did_you_mean, quoted

SETTLE: Final = 0.5
"""Seconds in which a node that has just joined may not see yet who else is there."""

MOST_NAMED: Final = 5
"""Instances or nodes that a sentence names."""


class Target(msgspec.Struct, frozen=True):
    """Who is asked; None stands for any."""

    node: str
    core_node: str | None = None
    instance_id: str | None = None


class Missing(Exception):
    """No live instance of a target is there; the text says what is there instead."""


class Reach:
    """What one node knows of the others."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._settled = anyio.current_time() + SETTLE

    async def server(self, target: Target, servers: str) -> None:
        """Return once `servers` matches an announcement.

        Raises `Missing` when nobody is alive who might make one.
        """
        changed = anyio.Event()

        def on_change(_: Presence) -> None:
            changed.set()

        alive = keys.alive_pattern(target.core_node, target.node, target.instance_id)
        followed = [self._transport.follow(pattern, on_change) for pattern in (servers, alive)]
        try:
            while True:
                changed = anyio.Event()
                if await self._transport.present(servers):
                    return
                patience = math.inf
                if not await self._transport.present(alive):
                    patience = self._settled - anyio.current_time()
                    if patience <= 0:
                        raise Missing(await self._who_is_there(target))
                with anyio.move_on_after(patience):
                    await changed.wait()
        finally:
            for each in followed:
                each.close()

    async def _who_is_there(self, target: Target) -> str:
        found = await self._transport.present(keys.alive_pattern())
        return why_missing(target, [keys.alive_in(key) for key in found])


def why_missing(target: Target, alive: list[tuple[str, str, str]]) -> str:
    """Return why a target is not among these live instances: core node, node, instance id."""
    instances = sorted({instance for _, node, instance in alive if node == target.node})
    of_node = f"of node {quoted(target.node)}"
    if not instances:
        nodes = sorted({node for _, node, _ in alive})
        return f"no instance {of_node} is running{did_you_mean(target.node, nodes)}"
    running = f"running: {_listed(instances)}"
    if target.instance_id is not None and target.instance_id not in instances:
        guess = did_you_mean(target.instance_id, instances)
        return f"no instance {quoted(target.instance_id)} {of_node} is running{guess} ({running})"
    cores = sorted({core for core, node, _ in alive if node == target.node})
    guess = did_you_mean(target.core_node or "", cores) or f" (it is under {_listed(cores)})"
    return f"nothing {of_node} is running under core node {quoted(target.core_node or '')}{guess}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(quoted(name) for name in names[:MOST_NAMED]) + more


def reach_of(node_runner: NodeRunner) -> Reach:
    """Return the node's own, from the first call on."""
    return node_runner.kept(Reach, lambda: Reach(node_runner.transport))
