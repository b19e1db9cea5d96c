"""Starts the children, makes trouble, and says at the end what became of it all."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import anyio
import msgspec

from benchmarks.soaking.child import Child
from benchmarks.soaking.judging import AFTERMATH, LEASE, Court, roll_missing
from benchmarks.soaking.ledger import Ledger
from benchmarks.soaking.node import NodeSettings
from benchmarks.soaking.wares import CORE, NODE
from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.exchange_errors import Unanswered
from peppy.runtime.transport.port import TransportError
from peppy.runtime.transport.ports import free_port
from peppy.runtime.transport.zenoh import open_router
from peppy.schema import keys
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name

FUZZER: Final = "fuzzer"

HEALTH: Final = 3.0
"""Seconds within which a node must say that it is well."""

LOOK: Final = 0.1
SAMPLE: Final = 5.0
"""Seconds between two looks at what children say, and at what they take of the machine."""

LONG: Final = 15.0
"""Seconds of standing still that the wire does not forgive."""


@dataclass(frozen=True)
class Plan:
    seconds: float
    seed: int
    nodes: int
    intensity: float = 1.0
    fuzz: float = 300.0
    """Pieces of nonsense each second."""
    strangers: int = 4
    """Publishers that the nonsense on one key claims to come from."""
    every: tuple[float, float] = (3.0, 12.0)
    """Seconds from one trouble to the next, at the least and at the most."""
    long_stops: float = 0.1
    """The part of all stops that lasts beyond the lease."""
    kills: bool = True


@dataclass
class Conductor:
    plan: Plan
    directory: Path
    port: int
    exchange: Exchange
    court: Court = field(default_factory=Court)
    nodes: dict[str, Child] = field(default_factory=dict[str, Child])
    """Those that are to live."""
    everybody: list[Child] = field(default_factory=list[Child])
    ending: bool = False

    def __post_init__(self) -> None:
        self.chance = random.Random(self.plan.seed)

    def log(self, what: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)

    async def run(self) -> None:
        """Do all of it; whatever happens, no child is left."""
        try:
            async with anyio.create_task_group() as self.tasks:
                await self.start_fuzzer()
                for _ in range(self.plan.nodes):
                    await self.start_node()
                with anyio.move_on_after(self.plan.seconds):
                    async with anyio.create_task_group() as trouble:
                        trouble.start_soon(self.watch_machine)
                        trouble.start_soon(self.make_trouble)
                await self.wind_up()
                self.tasks.cancel_scope.cancel()
        finally:
            self.ending = True
            with anyio.CancelScope(shield=True):
                for child in self.everybody:
                    await child.end()

    # Children.

    async def start_fuzzer(self) -> None:
        plan = self.plan
        words = [str(self.port), str(plan.seed), str(plan.fuzz), str(plan.strangers)]
        self.fuzzer = await self._start(FUZZER, "benchmarks.soaking.fuzzer", words)

    async def start_node(self) -> Child:
        name = f"node-{len(self.everybody)}"
        loop = self.chance.choice(("asyncio", "trio"))
        ledger = self.directory / f"{name}.ledger"
        Ledger(ledger)
        seed = self.chance.getrandbits(32)
        settings = NodeSettings(name, loop, self.port, seed, str(ledger), self.plan.intensity)
        words = [msgspec.json.encode(settings).decode()]
        child = await self._start(name, "benchmarks.soaking.node", words)
        self.nodes[name] = child
        self.log(f"{name} starts, on {loop}, seed {seed}")
        return child

    async def _start(self, name: str, module: str, words: list[str]) -> Child:
        child = await Child.start(name, module, words, self.directory / f"{name}.stderr")
        self.everybody.append(child)
        self.court.know(child)
        self.tasks.start_soon(self._listen, child)
        return child

    async def _listen(self, child: Child) -> None:
        async for heard in child.lines():
            self.court.hear(child, heard)
            if "ready" in heard:
                if child is not self.fuzzer:
                    self.tasks.start_soon(self._ask_health, child)
                await self.tell_others()
        await child.gone()
        if not (child.killed or self.ending):
            self.nodes.pop(child.name, None)
            child.killed = time.time()
            self.court.accuse(f"{child.name} has ended by itself, with {child.code}")

    async def tell_others(self) -> None:
        """Let everybody know who is there."""
        targets = {
            name: self.court.said[name]["identity"]
            for name in self.nodes
            if "identity" in self.court.said[name]
        }
        for child in (*self.nodes.values(), self.fuzzer):
            if not child.stopped:
                await child.tell(order="others", who=list(targets), targets=targets)

    async def _ask_health(self, child: Child) -> None:
        address = Address(CORE, Name(NODE), InstanceId(child.name))
        key = keys.instance_service(address, keys.HEALTH_SERVICE)
        since = time.time()
        while not (child.killed or self.ending):
            asked = time.time()
            try:
                await self.exchange.ask(key, b"", timeout=HEALTH)
            except Unanswered:
                now = time.time()
                if child.killed or self.ending:
                    return
                excused = child.overlaps(asked, now) or self.court.disturbed(child, asked, now)
                if not excused:
                    self.court.accuse(f"{child.name} did not say within {HEALTH:g} s that it lives")
                continue
            except TransportError:
                return
            self.court.silent(child, max(since, asked - HEALTH) if since < asked - 2 else asked,
                              time.time())  # fmt: skip
            since = time.time()
            await anyio.sleep(1)

    async def watch_machine(self) -> None:
        while True:
            for child in list(self.nodes.values()):
                child.sample()
            await anyio.sleep(SAMPLE)

    # Trouble.

    async def make_trouble(self) -> None:
        chance = self.chance
        while True:
            await anyio.sleep(chance.uniform(*self.plan.every))
            kind = chance.choices(("kill", "stop", "slow"), (3 * self.plan.kills, 5, 2))[0]
            name = chance.choice(sorted(self.nodes))
            child = self.nodes[name]
            if kind == "kill":
                self.log(f"{name} is killed, {time.time() - child.born:.0f} s old")
                del self.nodes[name]
                child.kill()
                await child.gone()
                await self.start_node()
                await self.tell_others()
            elif kind == "stop" and not child.stopped:
                long = chance.random() < self.plan.long_stops
                self.tasks.start_soon(self._stop, child, LONG if long else chance.uniform(0.5, 6))
            elif kind == "slow":
                self.tasks.start_soon(self._slow, child, chance.choice((0.002, 0.02, 0.1)))

    async def _stop(self, child: Child, seconds: float) -> None:
        self.log(f"{child.name} is stopped for {seconds:.1f} s")
        child.stop()
        await anyio.sleep(seconds)
        child.resume()
        await self.tell_others()

    async def _slow(self, child: Child, each: float) -> None:
        self.log(f"{child.name} becomes slow: {each:g} s for each message")
        await child.tell(order="slow", each=each)
        await anyio.sleep(5)
        await child.tell(order="slow", each=0.0)

    # The end.

    async def wind_up(self) -> None:
        """Let all come to rest, compare what is left to compare, and end everybody."""
        nodes, court = list(self.nodes.values()), self.court
        self.log("everybody comes to rest")
        for child in (*nodes, self.fuzzer):
            child.resume()
            await child.tell(order="quiet")
        await self._until_said([*nodes, self.fuzzer], "quiet", 60)
        for child in nodes:
            await child.tell(order="last")
        await self._until_said(nodes, "last", 40)
        sent = {
            child.name: Ledger(self.directory / f"{child.name}.ledger").read() for child in nodes
        }
        await self._until_nothing_waits(nodes)
        await self._rest(nodes)
        court.check_whole(nodes, sent)
        court.check_fuzz(court.said[FUZZER].get("claimed", {}))
        before = {child.name: court.at_rest(child.name) for child in nodes}
        await self.fuzzer.tell(order="roll")
        await self._until_said([self.fuzzer], "roll", 10)
        await anyio.sleep(2)
        await self._rest(nodes)
        rolled = court.said[FUZZER].get("roll", {})
        for child in nodes:
            after = court.at_rest(child.name)
            now = time.time()
            parted = child.overlaps(now - AFTERMATH, now, LEASE)
            for missing in roll_missing(child.name, before[child.name], after, rolled):
                (self.log if parted else court.accuse)(missing)
            child.sample()
        self.ending = True
        for child in (*nodes, self.fuzzer):
            code = await child.hang_up()
            if code != 0:
                court.accuse(f"{child.name} ended with {code} when it was to end in order")

    async def _until_said(self, children: list[Child], what: str, seconds: float) -> None:
        missing: list[str] = []
        with anyio.move_on_after(seconds):
            while True:
                missing = [each.name for each in children if what not in self.court.said[each.name]]
                if not missing:
                    return
                await anyio.sleep(LOOK)
        self.court.accuse(f"{missing} did not say '{what}' within {seconds:g} s")

    async def _until_nothing_waits(self, nodes: list[Child]) -> None:
        names = {child.name for child in nodes}
        with anyio.move_on_after(20):
            await anyio.sleep(3)
            ends = self.court.ends
            await _until(
                lambda: not any(end.waiting for (run, _), end in ends.items() if run in names)
            )

    async def _rest(self, nodes: list[Child]) -> None:
        before = self.court.rested.copy()
        for child in nodes:
            await child.tell(order="rest")
        with anyio.move_on_after(10):
            rested = self.court.rested
            await _until(lambda: all(rested[each.name] > before[each.name] for each in nodes))


async def _until(condition: Callable[[], bool]) -> None:
    """Return once it holds; the lines of the children make it so."""
    while not condition():  # noqa: ASYNC110
        await anyio.sleep(LOOK)


async def conduct(plan: Plan, directory: Path) -> Conductor:
    """Soak as planned; return what was seen."""
    port = free_port()
    router = await open_router(port)
    exchange = Exchange(router)
    conductor = Conductor(plan, directory, port, exchange)
    try:
        await conductor.run()
    finally:
        exchange.close()
        await router.close()
    return conductor
