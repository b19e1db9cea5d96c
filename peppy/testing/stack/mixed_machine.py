"""The machine as it is, some of whose processes are none: they live in this one.

The disk is the real one, and a daemon finds on it what it would find anywhere: snapshots, artifacts
and logs of all instances alike. Whoever lives here speaks to the others by zenoh, as processes do.
"""

import time
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec
import trio

from peppy.actors.host.files import RealFiles
from peppy.actors.host.home import Home
from peppy.actors.host.memory_files import Directory, MemoryFiles
from peppy.actors.host.memory_processes import MemoryProcesses, Program, Stage
from peppy.actors.host.ports import AT_HAND, CommandLine, Fetching, Host, OutputLine, Process
from peppy.actors.host.processes import RealProcesses
from peppy.actors.host.real import RealClock, real_host
from peppy.actors.host.shim_lines import log_line
from peppy.actors.host.shim_log import Log
from peppy.actors.host.sources import RealSources, directory_of
from peppy.actors.stack.bindings import BINDINGS
from peppy.actors.stack.variant_roots import read_document
from peppy.runtime.transport.port import Transport
from peppy.runtime.transport.zenoh import ZenohTransport, open_peer
from peppy.schema.runtime_config import RUNTIME_CONFIG_VARIABLE, RuntimeConfig
from peppy.schema.sources import LocalSource, Origin, PlacedSource
from peppy.testing.stack.carrier import Here
from peppy.testing.stack.chosen import Chosen
from peppy.testing.stack.embedded_disk import ORIGIN
from peppy.testing.stack.machine import Household, Inhabit, Tenant, build_nothing

FIRST_PID: Final = 2**22 + 1
"""Of those who live here: no process of a machine has it, and nobody signals one by mistake."""


class MixedMachine(Household):
    """Where processes and those who live in this one are started, by `chosen`."""

    def __init__(
        self, home: Home, launcher: Path, text: bytes, chosen: Chosen, inhabit: Inhabit, seed: int
    ) -> None:
        """`text` is what the launch file says, whatever the disk has there."""
        super().__init__(inhabit)
        self.files = LaunchFiles(launcher, text)
        self._home = home
        self._chosen = chosen
        self._seed = seed
        self._starts: dict[str, int] = {}
        self._records = MemoryFiles()
        self._played = MemoryProcesses(
            self._program, self._records, RealClock(), _log, first_pid=FIRST_PID
        )
        self._real = RealProcesses()
        self._held: list[tuple[Process, bool]] = []
        """The processes that the present daemon has, and whether they outlive it."""

    def host(self) -> Host:
        """Return the machine for one daemon."""
        host = real_host(self._home)
        sources = OriginalSources(self._home, self.files)
        return msgspec.structs.replace(host, processes=self, files=self.files, sources=sources)

    async def start(self, command: CommandLine) -> Process:
        """Start a process, or have somebody live here. Raises `HostError`."""
        if self._chosen.has(command):
            process = await self._real.start(command)
            self._held.append((process, command.record is not None))
            return process
        self._records.put(command.directory, Directory())
        return await self._played.start(command)

    async def adopt(self, record: Path) -> Process | None:
        """Return what a former daemon has started with this record."""
        if record in self._records.items:
            return await self._played.adopt(record)
        process = await self._real.adopt(record)
        if process is not None:
            self._held.append((process, True))
        return process

    def kill(self, instance_id: str) -> None:
        """Kill an instance that lives here."""
        self._played.kill(self.tokens[instance_id])

    def daemon_died(self) -> None:
        """Do what happens when the daemon is killed: only what has a record goes on."""
        self._played.daemon_died()
        for process, lasts in self._held:
            if lasts:
                process.release()
            else:
                process.kill()
        self._held.clear()

    def kill_all(self) -> None:
        """Kill all who live here."""
        self._played.reboot()

    def __repr__(self) -> str:
        return f"<MixedMachine with {', '.join(self.living) or 'nobody'} in this process>"

    def _program(self, command: CommandLine) -> Program:
        return self._live if RUNTIME_CONFIG_VARIABLE in command.environment else build_nothing

    async def _live(self, stage: Stage) -> int:
        return await self.house(await self._tenant(stage.command), stage)

    async def _tenant(self, command: CommandLine) -> Tenant:
        files, directory = self.files, command.directory
        text = await files.read(Path(command.environment[RUNTIME_CONFIG_VARIABLE]))
        config = msgspec.json.decode(text, type=RuntimeConfig)
        name = config.node_instance.instance_id
        number = self._starts[name] = self._starts.get(name, 0) + 1
        wire = Wire(config)
        return Tenant(
            source=Path((await files.read(directory / ORIGIN)).decode()),
            document=await read_document(files, directory),
            bindings=await trio.to_thread.run_sync(_modules, directory / BINDINGS),
            config=config,
            environment=command.environment,
            seed=f"{self._seed}/{name}/{number}",
            now=time.time,
            open_transport=wire.open,
            sever=wire.sever,
        )


class Wire:
    """The way into the wire of one who lives here; it can be cut."""

    def __init__(self, config: RuntimeConfig) -> None:
        self._config = config
        self._transport: ZenohTransport | None = None
        self._severed = False

    async def open(self, here: Here) -> Transport:
        """Open it, on the loop that runs: what arrives is handed over to that one."""
        del here
        config = self._config
        host, port = config.messaging_host, config.messaging_port
        transport = await open_peer(host, port, config.mode, shares_memory=False)
        self._transport = transport
        if self._severed:
            transport.abandon()
        return transport

    def sever(self) -> None:
        """Cut it, without a word."""
        self._severed = True
        if self._transport is not None:
            self._transport.abandon()


class LaunchFiles(RealFiles):
    """The machine's disk, but for what the launch file says."""

    def __init__(self, launcher: Path, text: bytes) -> None:
        self._launcher = launcher
        self._text = text

    async def read(self, path: Path) -> bytes:
        """Return a file's bytes."""
        return self._text if path == self._launcher else await super().read(path)

    async def exists(self, path: Path) -> bool:
        """Say whether anything is there."""
        return path == self._launcher or await super().exists(path)


class OriginalSources(RealSources):
    """Sources whose snapshots know where they come from: code that is run here is run there."""

    def __init__(self, home: Home, files: RealFiles) -> None:
        super().__init__(home)
        self._files = files

    async def fetch(self, source: PlacedSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy a node's source to the directory `into`; return where exactly it was."""
        origin = await super().fetch(source, into, how)
        there = directory_of(source, how) if isinstance(source, LocalSource) else into
        await self._files.make_directory((into / ORIGIN).parent)
        await self._files.write(into / ORIGIN, str(there).encode())
        return origin


def _modules(bindings: Path) -> dict[str, str]:
    """Return the modules of bindings that lie on the disk, by their paths."""
    found = sorted(bindings.glob("peppygen/**/*.py"))
    return {str(path.relative_to(bindings)): path.read_text("utf-8") for path in found}


def _log(command: CommandLine, line: OutputLine) -> None:
    """Write what somebody says to the log where a process's shim would."""
    with closing(Log(str(command.log), command.log_limit)) as log:
        log.write(log_line(time.time(), line.stream, line.text))
