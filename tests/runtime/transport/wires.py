"""What the promises are checked on: each transport under each loop."""

import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Final, TypeVar

import anyio
import pytest

from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.runtime.transport.port import Publisher, Subscription, Transport
from peppy.runtime.transport.ports import free_port as any_free_port
from peppy.runtime.transport.zenoh import PortTaken, ZenohTransport, open_peer, open_router
from peppy.testing.stack.network import EmbeddedNetwork

LOOPS = ["asyncio", "trio"]

DEADLINE = 20.0
"""Seconds after which a test has failed."""

LOOK: Final = 0.002
"""Seconds between two looks at a condition."""

Scenario = Callable[["Wire"], Awaitable[None]]


T = TypeVar("T")


class Wire:
    """A network that transports may join."""

    def __init__(self, join: Callable[[], Awaitable[Transport]]) -> None:
        self._join = join
        self._stack = AsyncExitStack()

    async def join(self) -> Transport:
        """Return one more transport; closed at the end of the test."""
        transport = await self._join()
        self._stack.push_async_callback(transport.close)
        return transport

    async def pair(self) -> tuple[Transport, Transport]:
        return await self.join(), await self.join()

    async def leave(self) -> None:
        await self._stack.aclose()


@asynccontextmanager
async def memory_wire() -> AsyncGenerator[Wire, None]:
    network = MemoryNetwork()

    async def join() -> Transport:
        return MemoryTransport(network)

    wire = Wire(join)
    try:
        yield wire
    finally:
        await wire.leave()


async def router_somewhere() -> tuple[ZenohTransport, int]:
    while True:
        port = any_free_port()
        try:
            return await open_router(port), port
        except PortTaken:
            continue


@asynccontextmanager
async def zenoh_wire() -> AsyncGenerator[Wire, None]:
    router, port = await router_somewhere()

    async def join() -> Transport:
        return await open_peer("127.0.0.1", port)

    wire = Wire(join)
    try:
        yield wire
    finally:
        await wire.leave()
        await router.close()


@asynccontextmanager
async def embedded_wire() -> AsyncGenerator[Wire, None]:
    network = EmbeddedNetwork(Random(0))
    names = itertools.count()

    async def join() -> Transport:
        return network.transport(f"participant-{next(names)}")

    wire = Wire(join)
    try:
        yield wire
    finally:
        await wire.leave()


WIRES = {"memory": memory_wire, "embedded": embedded_wire, "zenoh": zenoh_wire}


@dataclass(frozen=True)
class World:
    """One transport under one loop."""

    transport: str
    loop: str

    def run(self, scenario: Scenario) -> None:
        """Run a scenario to its end, within the deadline."""

        async def main() -> None:
            with anyio.fail_after(DEADLINE):
                async with WIRES[self.transport]() as wire:
                    await scenario(wire)

        anyio.run(main, backend=self.loop)


WORLDS = [
    pytest.param(World(transport, loop), id=f"{transport}-{loop}")
    for transport in WIRES
    for loop in LOOPS
    if (transport, loop) != ("embedded", "asyncio")  # its conditions are kept by Trio's clock
]


async def until(condition: Callable[[], bool]) -> None:
    """Return once `condition` holds; the scenario's deadline is the limit."""
    while not condition():  # noqa: ASYNC110  # the port tells it only when asked
        await anyio.sleep(LOOK)


async def heard(*publishers: Publisher) -> None:
    """Return once somebody is known to listen to each."""
    for publisher in publishers:
        await until(publisher.matched)


async def take(subscription: Subscription[T], count: int) -> list[T]:
    """Return the next `count` items."""
    return [await subscription.receive() for _ in range(count)]
