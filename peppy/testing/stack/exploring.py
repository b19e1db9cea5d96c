"""One stack through what one seed draws for it, and what is wrong with it afterwards.

It is launched, left alone for a moment, goes through its schedule, is healed, comes to rest, is
looked at, brought back whole, looked at once more and taken down.
"""

import traceback
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import trio

from peppy.actors.host.memory_processes import Stage as Scene
from peppy.runtime.runner import End
from peppy.schema.control import DescribeWire, InstanceState, InstanceView, ListStack
from peppy.schema.errors import PeppyError
from peppy.schema.launch import Launch, PlanLaunch
from peppy.schema.wire import ActionView, ServiceView
from peppy.testing.sentences import message
from peppy.testing.stack.accounts import Balances, balances, complaints
from peppy.testing.stack.asking import Asking
from peppy.testing.stack.conditions import CALM
from peppy.testing.stack.embedded_world import EmbeddedWorld, embedded_world
from peppy.testing.stack.inhabitants import Inhabitant
from peppy.testing.stack.instances import listed
from peppy.testing.stack.invariants import (
    Deeds,
    Leaving,
    Violation,
    acknowledged,
    restarted,
    running,
    silent,
    tracebacks,
)
from peppy.testing.stack.launched import LaunchedStack
from peppy.testing.stack.machine import Tenant
from peppy.testing.stack.schedules import (
    FAULTS,
    Call,
    Crash,
    FillDisk,
    Hang,
    KillDaemon,
    Order,
    Part,
    Reboot,
    Steps,
    Weather,
    draw,
)
from peppy.testing.stack.world import LeftBehind, NotLiving
from peppy.testing.trace import NotShown, Trace

CALM_BEFORE: Final = 1.0
"""Seconds in which nothing happens to it at first: what it emits then it has to emit again."""

REST: Final = 120.0
"""Seconds after which what was healed has come to rest: a restart policy's longest way."""

STILL: Final = 2.0
"""Seconds at least between healing and looking."""

FLOWS: Final = 25.0
"""Seconds within which a topic has to be heard again."""

ASIDE: Final = 0.0137
"""Seconds by which a look at counters is put beside round times, when messages are under way."""


class Explored(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one seed."""

    seed: int
    virtual: float = 0.0
    """Seconds of the stack's time."""
    real: float = 0.0
    """Seconds that it took."""
    steps: int = 0
    """Of the schedule."""
    violations: tuple[Violation, ...] = ()
    schedule: tuple[Steps, ...] = ()


class Resident(Inhabitant):
    """An instance whose comings and goings are watched."""

    def __init__(self, tenant: Tenant, watch: "_Watch") -> None:
        super().__init__(tenant)
        self._watch = watch
        self._name = tenant.instance_id

    async def play(self, stage: Scene) -> int:
        """Live; return the exit code."""
        self._watch.came(self._name, self)
        try:
            return await super().play(stage)
        finally:
            self._watch.left(self._name, self)


class _Watch:
    """Who lives in a stack at any moment."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.twice: list[str] = []
        self.leavings: list[Leaving] = []
        self._now = now
        self._living: dict[str, list[Resident]] = {}

    def inhabit(self, tenant: Tenant) -> Resident:
        return Resident(tenant, self)

    def came(self, name: str, resident: Resident) -> None:
        here = self._living.setdefault(name, [])
        here.append(resident)
        if len(here) > 1:
            self.twice.append(f"'{name}' runs twice")

    def left(self, name: str, resident: Resident) -> None:
        self.leavings.append((name, self._now()))
        self._living[name].remove(resident)
        if not self._living[name]:
            del self._living[name]

    @property
    def living(self) -> Sequence[str]:
        return tuple(self._living)

    def resident(self, name: str) -> Resident | None:
        here = self._living.get(name)
        return here[-1] if here else None

    def ends(self, name: str) -> Sequence[End]:
        resident = self.resident(name)
        return () if resident is None else resident.ends()


async def explore(
    launcher: Path,
    seed: int,
    seconds: float,
    faults: Collection[str] = FAULTS,
    *,
    keep: Callable[[Trace], None],
) -> Explored:
    """Go through everything with this seed; `keep` is given the trace as soon as there is one.

    Violations are in what is returned, and nothing is raised.
    """
    began = trio.current_time()
    watch = _Watch(lambda: trio.current_time() - began)
    run: Run | None = None
    found: list[Violation] = []
    try:
        async with embedded_world(launcher, inhabit=watch.inhabit, seed=seed) as world:
            keep(world.trace)
            stack = LaunchedStack(world)
            run = Run(stack, world, watch, began)
            try:
                await run.live(seed, seconds, faults)
            finally:
                stack.close()
    except LeftBehind as error:
        found += [Violation(trio.current_time() - began, each) for each in error.remains]
    except Exception as error:  # whatever it is, somebody has made a mistake
        text = "".join(traceback.format_exception(error))
        found.append(Violation(trio.current_time() - began, f"it failed with a bug:\n{text}"))
    return Explored(
        seed=seed,
        virtual=trio.current_time() - began,
        steps=0 if run is None else len(run.schedule),
        violations=(*(() if run is None else run.violations), *found),
        schedule=() if run is None else run.schedule,
    )


class Run:
    """One stack and its schedule."""

    def __init__(
        self, stack: LaunchedStack, world: EmbeddedWorld, watch: _Watch, began: float
    ) -> None:
        self.schedule: tuple[Steps, ...] = ()
        self.violations: list[Violation] = []
        self._stack = stack
        self._world = world
        self._watch = watch
        self._began = began
        self._deeds = Deeds()
        self._hung: dict[str, None] = {}
        self._launch = Launch(
            launcher=world.launcher, environment=dict(world.environment), clear_stack=True
        )

    def _now(self) -> float:
        return trio.current_time() - self._began

    def violate(self, *whats: str) -> None:
        """Take note of what does not hold."""
        self.violations += [Violation(self._now(), what) for what in whats]

    async def live(self, seed: int, seconds: float, faults: Collection[str]) -> None:
        """Go through it."""
        stack = self._stack
        names = sorted(await stack.instances())
        wire = await stack.ask(DescribeWire())
        ends: list[ServiceView | ActionView] = [*wire.services, *wire.actions]
        await trio.sleep(CALM_BEFORE)
        topics = sorted({e.name for e in stack.trace.entries if e.kind.value == "message"})
        first = await self._look()
        self.schedule = draw(seed, names, seconds, faults)
        asking = Asking(
            stack,
            self._world,
            self._deeds,
            self._now,
            self.violate,
            ends,
            self._launch,
            self._watch.resident,
        )
        await asking.prepare(self.schedule)
        async with trio.open_nursery() as askers:
            async with trio.open_nursery() as harm:
                for step in self.schedule:
                    match step:
                        case Order() | Call():
                            askers.start_soon(asking.ask, step)
                        case _:
                            harm.start_soon(self._harm, step)
                await trio.sleep(seconds)
                harm.cancel_scope.cancel()
            await self._heal()
        await self._rest()
        await self._check(names)
        rested = await self._look()
        await self._bring_back(names)
        await self._flow(topics)
        back = await self._look()
        await trio.sleep(STILL)
        last = await self._look()
        doubled = any(isinstance(s, Weather) and s.conditions.duplication for s in self.schedule)
        heard = {key: b for key, b in back.items() if _grown(rested, key, b.sent)}
        self.violate(*complaints(first, heard, duplicated=doubled))
        still = {key: b for key, b in last.items() if key in heard}
        self.violate(*complaints(heard, still, duplicated=False))
        self.violate(*self._watch.twice)
        self.violations += tracebacks(stack.trace.entries, self._watch.leavings)

    # What is done to it.

    async def _harm(self, step: Steps) -> None:
        await trio.sleep(step.at)
        faults, network = self._world.faults, self._world.network
        try:
            match step:
                case Crash():
                    await faults.crash(step.instance)
                case Hang():
                    await faults.hang(step.instance)
                    self._hung[step.instance] = None
                    await trio.sleep(step.seconds)
                    await faults.resume(step.instance)
                case KillDaemon():
                    await faults.kill_daemon(step.step, after=step.after, away=step.away)
                case Reboot():
                    await faults.reboot(away=step.away)
                case FillDisk():
                    await faults.fill_disk()
                    await trio.sleep(step.seconds)
                    await faults.free_disk()
                case Weather():
                    network.conditions = step.conditions
                    await trio.sleep(step.seconds)
                    network.conditions = CALM
                case Part():
                    network.part(step.group, step.others)
                    await trio.sleep(step.seconds)
                    network.heal()
                case Order() | Call():
                    raise AssertionError(step)
        except NotLiving:
            pass  # what is not there bears everything

    async def _heal(self) -> None:
        faults, network = self._world.faults, self._world.network
        network.conditions = CALM
        network.heal()
        await faults.free_disk()
        self._world.daemons.spare()
        for name in self._hung:
            with suppress(NotLiving):
                await faults.resume(name)
        with trio.move_on_after(REST):
            await self._world.daemons.there()

    async def _rest(self) -> None:
        await trio.sleep(STILL)
        restless: list[str] = []
        with trio.move_on_after(REST):
            while True:
                restless = await self._restless()
                if not restless:
                    return
                await trio.sleep(1.0)
        self.violate(f"no rest after {REST:g} s: {', '.join(restless)}")

    async def _restless(self) -> list[str]:
        try:
            view = await self._stack.ask(ListStack())
        except PeppyError as error:
            return [error.sentence]
        moving = [
            f"'{name}' is {each.state} ({each.doing or '-'}, {each.health})"
            for name, each in listed(view).items()
            if each.is_alive
            and (each.state is not InstanceState.RUNNING or each.health == "unhealthy")
        ]
        return [*moving, "something has taken hold of the stack"] if view.changing else moving

    # What is looked at.

    async def _check(self, names: Sequence[str]) -> None:
        instances = await self._stack.instances()
        self.violate(
            *acknowledged(self._deeds, names, instances),
            *running(instances, self._watch.living),
            *restarted(instances, self._stack.trace.entries),
        )

    async def _look(self) -> Balances:
        """Return all counters at a moment at which no message is under way."""
        await trio.sleep(ASIDE)
        view = await self._stack.ask(ListStack(traffic=True))
        return balances(listed(view), self._watch.ends)

    async def _bring_back(self, names: Sequence[str]) -> None:
        """Have everybody run again; that has to be possible now."""
        stack = self._stack
        try:
            plan = await stack.ask(PlanLaunch(launcher=self._world.launcher))
            there = {row.node for row in (await stack.view()).nodes}
            instances = await stack.instances()
            missing = [name for name in names if not _runs(instances.get(name))]
            if missing and not {node.node for node in plan.nodes} <= there:
                await stack.ask(self._launch)
                return
            waves = {str(i.instance_id): node.wave for node in plan.nodes for i in node.instances}
            for name in sorted(missing, key=lambda each: (waves.get(each, 0), each)):
                await stack.instance(name).start()
        except PeppyError as error:
            self.violate(f"all is healed, and yet not everybody comes back: {error.sentence}")

    async def _flow(self, topics: Sequence[str]) -> None:
        since = self._now()
        async with trio.open_nursery() as nursery:
            for topic in topics:
                nursery.start_soon(partial(self._heard, topic))
        self.violate(*silent(topics, self._stack.trace.entries, since))

    async def _heard(self, topic: str) -> None:
        with suppress(NotShown):  # `silent` says it
            await self._stack.until(message(topic), within=FLOWS, anew=True)


def _runs(view: InstanceView | None) -> bool:
    return view is not None and view.state is InstanceState.RUNNING


def _grown(before: Balances, key: tuple[str, str, str], sent: int) -> bool:
    """Say whether something was sent since then, so that all that was missed before is known."""
    then = before.get(key)
    return then is not None and sent > then.sent
