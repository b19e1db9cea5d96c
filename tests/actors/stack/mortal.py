"""A machine whose daemon can be killed before or after any durable step, and started anew."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import trio

from peppy.actors.host.memory_processes import MemoryProcesses
from peppy.actors.host.ports import (
    AT_HAND,
    CommandLine,
    Fetching,
    Files,
    FoundDocument,
    Host,
    HostError,
    Journal,
    Process,
    Sources,
)
from peppy.actors.kernel import Ref, run_actor
from peppy.actors.stack.recovery import recover
from peppy.actors.stack.stack import Stack
from peppy.runtime.transport.exchange import Exchange
from peppy.schema.events import Event
from peppy.schema.sources import Origin, PlacedSource
from tests.actors.stack.embedded import PARTS, Embedded, Part

T = TypeVar("T")

CHANGING = frozenset(
    {"write", "append", "make_directory", "write_tree", "copy", "move", "remove", "pack", "unpack"}
)
"""The calls of `Files` after which the disk is another one."""


class Killed(HostError):
    """What a daemon that is dead gets from its machine, so that it does nothing any more."""


class Life:
    """One daemon's time: it ends at a given durable step, or when somebody kills it."""

    def __init__(self, robot: "MortalRobot", ends_at: int | None, *, after: bool) -> None:
        self.robot = robot
        self.steps = 0
        self.dead = False
        self.scope = trio.CancelScope()
        self._ends_at = ends_at
        self._after = after

    def kill(self) -> None:
        """Let the daemon be gone, from this moment on."""
        if not self.dead:
            self.dead = True
            self.robot.processes.daemon_died()
            self.scope.cancel()

    async def step(self, call: Awaitable[T]) -> T:
        """Do one durable thing, unless the daemon is killed before it."""
        self.check(call)
        self.steps += 1
        last = self.steps == self._ends_at
        if last and not self._after:
            self.kill()
            self.check(call)
        result = await call
        self.robot.stepped()
        if last:
            self.kill()
            self.check(call)
        return result

    def check(self, call: Any = None) -> None:
        if self.dead:
            if call is not None and hasattr(call, "close"):
                call.close()
            raise Killed("the daemon is dead")


class MortalFiles:
    """Files, as one daemon has them."""

    def __init__(self, files: Files, life: Life) -> None:
        self._files = files
        self._life = life

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._files, name)

        async def call(*args: Any, **more: Any) -> Any:
            self._life.check()
            if name in CHANGING:
                return await self._life.step(real(*args, **more))
            return await real(*args, **more)

        return call


class MortalJournal:
    """The journal, as one daemon has it."""

    def __init__(self, journal: Journal, life: Life) -> None:
        self._journal = journal
        self._life = life

    async def load(self) -> dict[str, bytes]:
        return await self._journal.load()

    async def commit(
        self, records: Mapping[str, bytes | None], events: tuple[Event, ...] = ()
    ) -> tuple[Event, ...]:
        return await self._life.step(self._journal.commit(records, events))

    async def events(self, **which: Any) -> tuple[Event, ...]:
        return await self._journal.events(**which)

    async def close(self) -> None:
        await self._journal.close()


class MortalProcesses:
    """Processes, as one daemon has them: to start one is a step as well."""

    def __init__(self, processes: MemoryProcesses, life: Life) -> None:
        self._processes = processes
        self._life = life

    async def start(self, command: CommandLine) -> Process:
        return await self._life.step(self._processes.start(command))

    async def adopt(self, record: Path) -> Process | None:
        self._life.check()
        return await self._processes.adopt(record)


class MortalSources:
    """Sources, as one daemon has them: to take a snapshot is a step."""

    def __init__(self, sources: Sources, life: Life) -> None:
        self._sources = sources
        self._life = life

    async def read(self, source: PlacedSource, how: Fetching = AT_HAND) -> FoundDocument:
        return await self._sources.read(source, how)

    async def fetch(self, source: PlacedSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        return await self._life.step(self._sources.fetch(source, into, how))

    async def copy(self, source: PlacedSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        return await self._life.step(self._sources.copy(source, into, how))


class MortalRobot(Embedded):
    """A machine that outlives its daemons."""

    life: Life
    """The present daemon's, or the last one's."""

    def __init__(self, parts: Mapping[str, Part] | None = None) -> None:
        super().__init__({**PARTS, **(parts or {})})
        self._host: Host = self.host
        self.processes = cast("MemoryProcesses", self.host.processes)

    def report(self, ref: Ref[Any], error: BaseException) -> None:
        """Keep what failed, but for what a dead daemon could not do."""
        if not isinstance(error, Killed):
            super().report(ref, error)

    def stepped(self) -> None:
        """Look at the machine after each durable step; for those who want to."""

    async def live_until(
        self, step: int | None, work: Callable[[], Awaitable[None]], *, after: bool
    ) -> None:
        """Do `work` with a daemon that is killed before or after its durable step `step`."""
        life = self.life = Life(self, step, after=after)
        with _survived(life), life.scope:
            async with self._stack(life):
                await work()

    @asynccontextmanager
    async def daemon(self) -> AsyncGenerator[Life, None]:
        """Run a daemon; where it is killed inside the block, the block ends there."""
        life = self.life = Life(self, None, after=False)
        with _survived(life), life.scope:
            async with self._stack(life):
                yield life

    @asynccontextmanager
    async def _stack(self, life: Life) -> AsyncGenerator[None, None]:
        self.host = Host(
            clock=self._host.clock,
            processes=cast("Any", MortalProcesses(self.processes, life)),
            files=cast("Any", MortalFiles(self._host.files, life)),
            sources=MortalSources(self._host.sources, life),
            journal=cast("Any", MortalJournal(self._host.journal, life)),
        )
        transport = self.transport()
        try:
            with closing(Exchange(transport)) as exchange:
                site = self.site(transport, exchange)
                found = await recover(site, await site.ledger.load())
                async with run_actor(
                    lambda: Stack(site, found), name="stack", on_failure=self.report
                ) as stack:
                    self.stack = stack
                    yield
        finally:
            with trio.CancelScope(shield=True):
                await transport.close()


@contextmanager
def _survived(life: Life) -> Generator[None, None, None]:
    """Bear what comes of a daemon that is dead."""
    try:
        yield
    except* Killed:
        if not life.dead:
            raise
