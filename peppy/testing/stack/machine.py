"""The machine of an embedded stack: its disk, its journal, and the programs that play on it.

It outlives its daemons. A build is played by nothing at all, and a run by whoever inhabits the
node: its own code, in this process.
"""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec
import trio

from peppy.actors.host.home import Home
from peppy.actors.host.memory import MemoryClock
from peppy.actors.host.memory_journal import MemoryJournal
from peppy.actors.host.memory_processes import MemoryProcesses, Program, Stage
from peppy.actors.host.ports import CommandLine, Host, OutputLine
from peppy.actors.stack.variant_roots import read_document
from peppy.runtime.transport.port import Transport
from peppy.schema.events import Event
from peppy.schema.node import NodeDocument
from peppy.schema.runtime_config import RUNTIME_CONFIG_VARIABLE, RuntimeConfig
from peppy.testing.stack.embedded_disk import EmbeddedFiles, EmbeddedSources
from peppy.testing.stack.network import EmbeddedNetwork, Here
from peppy.testing.trace import Kind, Trace

HOME: Final = Home(Path("/home/robot/.peppy"))
"""Where everything of the stack lies, in memory."""

START: Final = 1_700_000_000.0
"""What the machine's clock shows when it begins, in seconds since the epoch."""

ENVIRONMENT: Final[Mapping[str, str]] = {"HOME": "/home/robot", "PATH": "/usr/bin:/bin"}
"""What the machine has for whoever is started on it."""

PATIENCE: Final = 60.0
"""Seconds in which what was killed has to be gone."""


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """An instance that is to live in this process, and all that it has to know."""

    source: Path
    """The real directory that its code is in."""
    document: NodeDocument
    bindings: Mapping[str, str]
    """The modules of its `peppygen`, by their paths."""
    config: RuntimeConfig
    """What the daemon tells it."""
    environment: Mapping[str, str]
    """What is in its `os.environ` when it begins."""
    seed: str
    """What its chance is made of; another one at each start."""
    now: Callable[[], float]
    """Tells the machine's time, in seconds since the epoch."""
    open_transport: Callable[[Here], Awaitable[Transport]]
    """Opens its way into the network."""
    sever: Callable[[], None]
    """Takes it off the network, without a word."""

    @property
    def instance_id(self) -> str:
        """Its instance id."""
        return self.config.node_instance.instance_id


class Inhabiting(Protocol):
    """A tenant's life."""

    async def play(self, stage: Stage) -> int:
        """Live to the end; return the exit code. Cancelled, it is killed."""
        ...

    def freeze(self) -> None:
        """Stand still."""
        ...

    def thaw(self) -> None:
        """Go on."""
        ...


Inhabit = Callable[[Tenant], Inhabiting]


class Household:
    """Those who live in this process. Made within Trio."""

    def __init__(self, inhabit: Inhabit) -> None:
        self.living: dict[str, Inhabiting] = {}
        """Who lives here, by instance id."""
        self.tokens: dict[str, str] = {}
        """With what they were started, the last time."""
        self._inhabit = inhabit
        self._left = trio.Event()

    async def house(self, tenant: Tenant, stage: Stage) -> int:
        """Let a tenant live to its end; return its exit code."""
        name = tenant.instance_id
        inhabitant = self.living[name] = self._inhabit(tenant)
        self.tokens[name] = stage.command.token
        try:
            return await inhabitant.play(stage)
        finally:
            if self.living.get(name) is inhabitant:
                del self.living[name]
                tenant.sever()
                self.moved_out(name)
            self._left.set()
            self._left = trio.Event()

    def moved_out(self, name: str) -> None:
        """Be told that nobody of this name lives here any more."""

    async def emptied(self) -> None:
        """Return when nobody lives here any more, or after `PATIENCE`."""
        with trio.move_on_after(PATIENCE):
            while self.living:
                await self._left.wait()


class Machine(Household):
    """One machine in memory. Made within Trio."""

    def __init__(
        self,
        network: EmbeddedNetwork,
        trace: Trace,
        inhabit: Inhabit,
        seed: int,
        learn: Callable[[NodeDocument], None],
    ) -> None:
        """`learn` is told of the document of whatever starts."""
        super().__init__(inhabit)
        self.files = EmbeddedFiles(HOME.root)
        self.journal = SeenJournal(trace)
        self.processes = MemoryProcesses(
            self._program, self.files, clock := MemoryClock(START), self._heard
        )
        self.host = Host(
            clock=clock,
            processes=self.processes,
            files=self.files,
            sources=EmbeddedSources(self.files),
            journal=self.journal,
        )
        self._network = network
        self._trace = trace
        self._seed = seed
        self._learn = learn
        self._starts: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<Machine with {', '.join(self.living) or 'nobody'}>"

    def kill(self, instance_id: str) -> None:
        """Kill an instance that lives here."""
        self.processes.kill(self.tokens[instance_id])

    def remains(self) -> Sequence[str]:
        """Return what a stack that was taken down should not have left behind."""
        files = self.files
        return [
            *(f"'{name}' plays on" for name in self.living),
            *(
                f"'{directory / name}' lies there"
                for directory in (HOME.tmp, HOME.instances, HOME.runtime)
                for name in files.inside(directory)
            ),
        ]

    def _program(self, command: CommandLine) -> Program:
        return self._run if RUNTIME_CONFIG_VARIABLE in command.environment else build_nothing

    async def _run(self, stage: Stage) -> int:
        return await self.house(await self._tenant(stage.command), stage)

    def moved_out(self, name: str) -> None:
        """Let whoever comes next hear and be heard."""
        self._network.thaw(name)

    async def _tenant(self, command: CommandLine) -> Tenant:
        files, directory = self.files, command.directory
        text = files.text(Path(command.environment[RUNTIME_CONFIG_VARIABLE]))
        config = msgspec.json.decode(text, type=RuntimeConfig)
        name, network = config.node_instance.instance_id, self._network
        number = self._starts[name] = self._starts.get(name, 0) + 1
        document = await read_document(files, directory)
        self._learn(document)

        async def opened(here: Here) -> Transport:
            return network.transport(name, here)

        return Tenant(
            source=files.origin(directory),
            document=document,
            bindings=files.bindings(directory),
            config=config,
            environment={**os.environ, **_given(command.environment)},
            seed=f"{self._seed}/{name}/{number}",
            now=self.host.clock.now,
            open_transport=opened,
            sever=lambda: network.sever(name),
        )

    def _heard(self, command: CommandLine, line: OutputLine) -> None:
        who = command.token.partition("/")[2]
        self._trace.add(Kind.LINE, who, line.stream, line.text)


def _given(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what somebody has said that an instance is to have.

    All else it has as the test has it, whose disk and programs are its own as well.
    """
    own = {name: value for name, value in environment.items() if ENVIRONMENT.get(name) != value}
    own.pop(RUNTIME_CONFIG_VARIABLE, None)  # a file in memory
    return own


async def build_nothing(stage: Stage) -> int:
    """Build nothing: the code is run as it lies there, with what this process has."""
    await trio.lowlevel.checkpoint()
    stage.print("embedded: nothing is built")
    return 0


class SeenJournal(MemoryJournal):
    """A journal whose events go into the trace."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self._trace = trace

    async def commit(
        self, records: Mapping[str, bytes | None], events: Sequence[Event] = ()
    ) -> tuple[Event, ...]:
        """Write records and append events; return the events with their numbers."""
        written = await super().commit(records, events)
        for event in written:
            who = event.instance_id or event.node or "daemon"
            self._trace.add(Kind.EVENT, str(who), event.kind.value, event.text)
        return written
