"""One node of the soak: `python -m benchmarks.soaking.node` with its settings as JSON."""

import random
import sys
from pathlib import Path
from typing import Any, Final, Protocol

import anyio
import msgspec

from benchmarks.soaking.calling import CALLERS, Calling, Serving
from benchmarks.soaking.emitting import Emitter
from benchmarks.soaking.goals import Firing, Working
from benchmarks.soaking.hearing import Ear
from benchmarks.soaking.ledger import Ledger
from benchmarks.soaking.program import Program
from benchmarks.soaking.voice import orders, say
from benchmarks.soaking.wares import BINDING, CORE, NODE, PROFILES, emitted
from peppy.runtime.lifecycle import Occupancy, run_node
from peppy.runtime.runner import NodeRunner
from peppy.runtime.settings import Settings
from peppy.runtime.transport.zenoh import open_peer
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name, Tag
from peppy.schema.traffic import EndKind

NEWS: Final = 1.0
"""Seconds from one report to the next."""


class NodeSettings(msgspec.Struct, frozen=True):
    """What the conductor says of a child."""

    run: str
    loop: str
    port: int
    seed: int
    ledger: str
    intensity: float


class Part(Protocol):
    """What a node does all the time."""

    async def run(self) -> None: ...


class Client(Part, Protocol):
    def check(self) -> None:
        """Complain of what does not end."""
        ...


class Node:
    """One run of the program."""

    def __init__(self, settings: NodeSettings, runner: NodeRunner) -> None:
        ledger = Ledger(Path(settings.ledger))
        chance = random.Random(settings.seed)
        self.program = Program(runner, chance, ledger, settings.intensity)
        self._emitters = [Emitter(self.program, topic) for topic in emitted().values()]
        self._ears = [
            Ear(self.program, profile, subscribes=subscribes)
            for profile in PROFILES
            for subscribes in (False, True)
        ]
        callers = (Calling(self.program, number) for number in range(CALLERS))
        self._clients: list[Client] = [*callers, Firing(self.program)]
        self._end = anyio.Event()

    async def run(self) -> None:
        """Do all of it until the conductor hangs up."""
        async with anyio.create_task_group() as tasks:
            parts: list[Part] = [*self._ears, Serving(self.program), Working(self.program)]
            for part in parts:
                tasks.start_soon(part.run)
            tasks.start_soon(self.program.ticker.run)
            tasks.start_soon(self._tell)
            tasks.start_soon(self._begin_and_end)
            say(ready=self.program.run, identity=self.program.runner.transport.identity)
            async for order in orders():
                await self._obey(order)
            tasks.cancel_scope.cancel()

    async def _begin_and_end(self) -> None:
        async with anyio.create_task_group() as tasks:
            parts: list[Part] = [*self._emitters, *self._clients]
            for part in parts:
                tasks.start_soon(part.run)
        say(quiet=True)

    async def _obey(self, order: dict[str, Any]) -> None:
        match order.pop("order"):
            case "others":
                self.program.others = order["who"]
            case "slow":
                self.program.slowness = order["each"]
            case "quiet":
                self.program.slowness = 0.0
                self.program.quiet.set()
            case "last":
                for emitter in self._emitters:
                    await emitter.last()
                say(last=True)
            case "rest":
                self._report(at_rest=True)
            case unknown:
                raise ValueError(unknown)

    async def _tell(self) -> None:
        while True:
            await anyio.sleep(NEWS)
            self._report()

    def _report(self, *, at_rest: bool = False) -> None:
        program = self.program
        for ear in self._ears:
            ear.check(at_rest=at_rest)
        for client in self._clients:
            client.check()
        stalls, program.ticker.stalls = program.ticker.stalls, []
        say(
            report=[news for ear in self._ears for news in ear.news()],
            calls=program.calls,
            goals=program.goals,
            stalls=stalls,
            strange=self._strange(),
            rest=at_rest,
        )

    def _strange(self) -> dict[str, int]:
        """Return how much nonsense the runtime has counted, by where it came."""
        runner = self.program.runner
        counted = {"exchange": runner.exchange.foreign}
        for end in runner.traffic().ends:
            if end.kind in (EndKind.SERVICE, EndKind.ACTION):
                counted[end.kind] = end.foreign
        return counted


async def live(settings: NodeSettings) -> None:
    """Live one node's life."""
    address = Address(CORE, Name(NODE), InstanceId(settings.run))
    whose = Settings(
        address=address, tag=Tag("v1"), arguments={}, host="127.0.0.1", port=settings.port
    )
    found: list[NodeRunner] = []
    set_up, occupancy = anyio.Event(), Occupancy()

    def setup(_: object, runner: NodeRunner) -> None:
        found.append(runner)
        set_up.set()

    transport = await open_peer("127.0.0.1", settings.port)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run_node, BINDING, setup, whose, transport, occupancy)
        await set_up.wait()
        await Node(settings, found[0]).run()
        occupancy.token.cancel()


def main() -> None:
    settings = msgspec.json.decode(sys.argv[1], type=NodeSettings)
    anyio.run(live, settings, backend=settings.loop)


if __name__ == "__main__":
    main()
