"""A daemon that can be killed before or after any durable step; its machine outlives it.

A `Life` is one daemon's time. `lived` gives that daemon a machine which counts what is durable, and
does nothing any more once the daemon is dead.
"""

from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar, cast

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
from peppy.schema.events import Event
from peppy.schema.sources import Origin, PlacedSource

T = TypeVar("T")

CHANGING: Final = frozenset(
    {"write", "append", "make_directory", "write_tree", "copy", "move", "remove", "pack", "unpack"}
)
"""The calls of `Files` after which the disk is another one."""


class Killed(HostError):
    """What a daemon that is dead gets from its machine, so that it does nothing any more."""


def nothing() -> None:
    """Do nothing."""


class Life:
    """One daemon's time: it ends at a given durable step, or when somebody kills it."""

    def __init__(
        self,
        ends_at: int | None = None,
        *,
        after: bool = False,
        died: Callable[[], None] = nothing,
        stepped: Callable[[], None] = nothing,
    ) -> None:
        """`died` is called when it ends so, and `stepped` after each durable step."""
        self.steps = 0
        """Durable ones, so far."""
        self.dead = False
        self.scope = trio.CancelScope()
        """All that the daemon does happens in it."""
        self._ends_at = ends_at
        self._after = after
        self._died = died
        self._stepped = stepped

    def __repr__(self) -> str:
        state = "over" if self.dead else "going on"
        return f"<Life {state}, {self.steps} steps>"

    def end_at(self, step: int | None, *, after: bool = False) -> None:
        """Let it end before or after its durable step `step`, counted from its beginning.

        None lets it go on.
        """
        self._ends_at, self._after = step, after

    def kill(self) -> None:
        """Let the daemon be gone, from this moment on."""
        if not self.dead:
            self.dead = True
            self._died()
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
        self._stepped()
        if last:
            self.kill()
            self.check()
        return result

    def check(self, call: Any = None) -> None:
        """Raise `Killed` if the daemon is dead; `call` then never begins."""
        if self.dead:
            if call is not None and hasattr(call, "close"):
                call.close()
            raise Killed("the daemon is dead")


def lived(host: Host, life: Life) -> Host:
    """Return `host`, which has processes in memory, as the daemon with this life has it."""
    return Host(
        clock=host.clock,
        processes=cast("Any", MortalProcesses(cast("MemoryProcesses", host.processes), life)),
        files=cast("Any", MortalFiles(host.files, life)),
        sources=MortalSources(host.sources, life),
        journal=cast("Any", MortalJournal(host.journal, life)),
    )


@contextmanager
def survived(life: Life) -> Generator[None, None, None]:
    """Bear what comes of a daemon that is dead."""
    try:
        yield
    except* Killed:
        if not life.dead:
            raise


class MortalFiles:
    """Files, as one daemon has them."""

    def __init__(self, files: Files, life: Life) -> None:
        self._files = files
        self._life = life

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._files, name)
        life = self._life

        async def change(*args: Any, **more: Any) -> Any:
            life.check()
            return await life.step(real(*args, **more))

        async def look(*args: Any, **more: Any) -> Any:
            life.check()
            return await real(*args, **more)

        call = change if name in CHANGING else look
        setattr(self, name, call)
        return call


class MortalJournal:
    """The journal, as one daemon has it."""

    def __init__(self, journal: Journal, life: Life) -> None:
        self._journal = journal
        self._life = life

    async def load(self) -> dict[str, bytes]:
        """Return every record."""
        return await self._journal.load()

    async def commit(
        self, records: Mapping[str, bytes | None], events: tuple[Event, ...] = ()
    ) -> tuple[Event, ...]:
        """Write records and append events: a step."""
        return await self._life.step(self._journal.commit(records, events))

    async def events(self, **which: Any) -> tuple[Event, ...]:
        """Return events."""
        return await self._journal.events(**which)

    async def close(self) -> None:
        """Let go of it."""
        await self._journal.close()


class MortalProcesses:
    """Processes, as one daemon has them: to start one is a step as well."""

    def __init__(self, processes: MemoryProcesses, life: Life) -> None:
        self._processes = processes
        self._life = life

    async def start(self, command: CommandLine) -> Process:
        """Start a process: a step."""
        return await self._life.step(self._processes.start(command))

    async def adopt(self, record: Path) -> Process | None:
        """Return the process that a former daemon has started."""
        self._life.check()
        return await self._processes.adopt(record)


class MortalSources:
    """Sources, as one daemon has them: to take a snapshot is a step."""

    def __init__(self, sources: Sources, life: Life) -> None:
        self._sources = sources
        self._life = life

    async def read(self, source: PlacedSource, how: Fetching = AT_HAND) -> FoundDocument:
        """Return the document of a source."""
        return await self._sources.read(source, how)

    async def fetch(self, source: PlacedSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Take a snapshot: a step."""
        return await self._life.step(self._sources.fetch(source, into, how))

    async def copy(self, source: PlacedSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy whatever it is: a step."""
        return await self._life.step(self._sources.copy(source, into, how))
