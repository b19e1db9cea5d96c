"""Nodes that are about to end, on either loop, and what they do on their way out."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import anyio
import msgspec

from peppy.runtime.lifecycle import Occupancy
from peppy.runtime.runner import NodeRunner
from peppy.runtime.setup import Setup
from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.schema import keys
from peppy.schema.leaving import Leaving
from peppy.testing.virtual_time import run_virtually
from tests.runtime.memory_nodes import Parameters, live, settings, until_ready

Spawn = Callable[[Callable[[], Awaitable[None]]], None]
"""Starts a task of the node's, as its loop has it."""

Play = Callable[[NodeRunner, Spawn], Awaitable[None]]
"""What a `setup` does, whatever the loop."""


async def forever() -> None:
    await anyio.sleep_forever()


class World:
    """One loop, one network, one node on it, and a record of what happened."""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self.network = MemoryNetwork()
        self.events: list[str] = []
        self.told: list[Leaving] = []

    def setup_of(self, play: Play) -> Setup:
        """Return `play` as a `setup` of this loop."""
        if self.backend == "trio":

            async def on_trio(params: Parameters, runner: NodeRunner, nursery: Any) -> None:
                await play(runner, nursery.start_soon)

            return on_trio

        async def on_asyncio(params: Parameters, runner: NodeRunner) -> list[asyncio.Future[None]]:
            tasks: list[asyncio.Future[None]] = []
            await play(runner, lambda work: tasks.append(asyncio.ensure_future(work())))
            return tasks

        return on_asyncio

    def live(
        self,
        play: Play,
        beside: Callable[[Occupancy], Awaitable[None]] | None = None,
        **more: Any,
    ) -> None:
        """Live a node whose `setup` does `play`; by default it is ended when it is ready."""
        self.live_with(self.setup_of(play), beside, **more)

    def live_with(
        self,
        setup: Setup,
        beside: Callable[[Occupancy], Awaitable[None]] | None = None,
        **more: Any,
    ) -> None:
        """Likewise, with a `setup` as it is."""

        async def main() -> None:
            daemon = MemoryTransport(self.network)
            daemon.listen(
                keys.leaving(settings().address),
                lambda sample: self.told.append(
                    msgspec.msgpack.decode(sample.payload, type=Leaving)
                ),
            )
            await live(setup, beside or self._until_ready, self.network, told=settings(**more))
            await daemon.close()

        run_virtually(self.backend, main)

    async def _until_ready(self, occupancy: Occupancy) -> None:
        await until_ready(self.network)

    async def ask(self, service: str) -> bytes:
        """Ask the node, as its daemon does."""
        transport = MemoryTransport(self.network)
        with closing(Exchange(transport)) as exchange:
            key = keys.instance_service(settings().address, service)
            reply = await exchange.ask(key, b"", timeout=3)
        await transport.close()
        return reply.payload

    def note(self, event: str) -> Callable[[], None]:
        """Return a plain hook that records itself."""

        def noted() -> None:
            self.events.append(event)

        return noted
