"""The stack's actors on a machine in memory: node sources, and programs that play their parts."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import msgspec
import trio
from trio.testing import wait_all_tasks_blocked

from peppy.actors.host.home import Home
from peppy.actors.host.memory import memory_host
from peppy.actors.host.memory_files import File, MemoryFiles
from peppy.actors.host.memory_journal import MemoryJournal
from peppy.actors.host.memory_processes import Program
from peppy.actors.host.memory_processes import Stage as Scene
from peppy.actors.host.memory_sources import MemorySources
from peppy.actors.host.ports import Host
from peppy.actors.kernel import Ref, run_actor
from peppy.actors.stack.event_log import EventLog
from peppy.actors.stack.ledger import Ledger
from peppy.actors.stack.messages import TakeDown, TakenDown
from peppy.actors.stack.recovery import recover
from peppy.actors.stack.site import Site
from peppy.actors.stack.stack import Stack
from peppy.runtime.transport.exchange import Exchange, Service
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.schema import control, frames, keys
from peppy.schema.errors import PeppyError
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, NodeId, parse_node_id
from peppy.schema.requests import Request
from peppy.schema.runtime_config import RUNTIME_CONFIG_VARIABLE, RuntimeConfig

A = TypeVar("A")

CORE = "core-node-swift-turing-0001"
DAEMON_INSTANCE = InstanceId("calm-curie-0001")
HOME = Home(Path("/home/robot/.peppy"))
SOURCES = Path("/nodes")


@dataclass(frozen=True)
class Builder:
    """A `build_cmd`: prints, leaves a file behind, and ends."""

    prints: tuple[str, ...] = ("compiling",)
    every: float = 0.0
    """Seconds before each line."""
    code: int = 0
    hangs: bool = False
    """Whether it goes on after its last line until it is ended."""


@dataclass(frozen=True)
class Player:
    """A `run_cmd`: prints, announces itself, and lives until it is told to end."""

    prints: tuple[str, ...] = ("hello",)
    every: float = 0.0
    ready: bool = True
    """Whether it announces itself after its last line."""
    lasts: float | None = None
    """Seconds after which it ends by itself; None stays until it is told to leave."""
    code: int = 0
    leaves_in: float | None = 0.0
    """Seconds from the request to end to its end; None does not answer such requests."""
    obeys_terminate: bool = True
    well: bool = True
    """Whether it answers when it is asked for its health."""


Part = Builder | Player


class Machine:
    """One machine in memory, its disk, its network, and the stack on it."""

    def __init__(self, parts: Mapping[str, Part], files: MemoryFiles | None = None) -> None:
        self.network = MemoryNetwork()
        self.files = MemoryFiles() if files is None else files
        self.living: set[str] = set()
        """The tokens of the processes that run."""
        self.failures: list[BaseException] = []
        """What actors failed with, beside what people can put right."""
        self.sweeps = 0
        """How often shared memory was looked through for what the dead have left."""
        programs: dict[str, Program] = {name: self._program(part) for name, part in parts.items()}
        self.journal = MemoryJournal()
        self.host: Host = memory_host(programs, files=self.files, journal=self.journal)
        self.notes: list[frames.Note] = []

    # Programs.

    def _program(self, part: Part) -> Program:
        async def play(scene: Scene) -> int:
            self.living.add(scene.command.token)
            try:
                if isinstance(part, Builder):
                    return await self._build(part, scene)
                return await self._run(part, scene)
            finally:
                self.living.discard(scene.command.token)

        return play

    async def _build(self, part: Builder, scene: Scene) -> int:
        await _print(scene, part.prints, part.every)
        self.files.put(scene.command.directory / "built.txt", File(b"built"))
        if part.hangs:
            await trio.sleep_forever()
        return part.code

    async def _run(self, part: Player, scene: Scene) -> int:
        if not part.obeys_terminate:
            scene.handle_terminate()
        lasts = float("inf") if part.lasts is None else part.lasts
        transport = MemoryTransport(self.network)
        try:
            with trio.move_on_after(lasts):
                await self._live(part, scene, transport)
        finally:
            await transport.close()
        return part.code

    async def _live(self, part: Player, scene: Scene, transport: MemoryTransport) -> None:
        address = self._address(scene)
        with closing(Exchange(transport)) as exchange:
            service = keys.instance_service(address, keys.SHUTDOWN_SERVICE)
            requests = None if part.leaves_in is None else exchange.serve(service)
            if part.well:
                health = keys.instance_service(address, keys.HEALTH_SERVICE)
                exchange.serve(health, arrived=lambda request: request.reply(b""))
            await _print(scene, part.prints, part.every)
            if part.ready:
                transport.announce(keys.ready(address))
            await _until_told(requests)
            await trio.sleep(part.leaves_in or 0.0)

    def _address(self, scene: Scene) -> Address:
        item = self.files.items[Path(scene.command.environment[RUNTIME_CONFIG_VARIABLE])]
        assert isinstance(item, File)
        config = msgspec.json.decode(item.data, type=RuntimeConfig)
        return Address(config.bound_core_node, config.node_name, config.node_instance.instance_id)

    # Sources.

    def source(
        self,
        node: str = "hello:v1",
        *,
        build: str | None = "builder",
        run: str = "player",
        emits: str = "",
        consumes: str = "",
        needs: str | None = None,
        parameters: str = "",
        at: Path | None = None,
    ) -> Path:
        """Lay out a node's directory; return it. Laid out again, its document is another one."""
        node_id = parse_node_id(node)
        directory = at or SOURCES / f"{node_id.name}_{node_id.tag}"
        depends = "" if needs is None else _depends(parse_node_id(needs))
        build_cmd = "" if build is None else f'build_cmd: ["{build}", "now"],'
        document = f"""{{
            peppy_schema: "node_v1",
            manifest: {{ name: "{node_id.name}", tag: "{node_id.tag}", {depends} }},
            interfaces: {{ topics: {{ emits: [{emits}], consumes: [{consumes}] }} }},
            execution: {{
                language: "python", parameters: {{ {parameters} }},
                {build_cmd} run_cmd: ["{run}"],
            }} }}"""
        self.files.put(directory / "peppy.json5", File(document.encode()))
        return directory

    @property
    def sources(self) -> MemorySources:
        """What lies elsewhere, and whether it can be reached."""
        sources = self.host.sources
        assert isinstance(sources, MemorySources)
        return sources

    # What is left on the disk.

    def names(self, directory: Path) -> set[str]:
        return {path.name for path in self.files.items if path.parent == directory}

    @property
    def workspaces(self) -> set[str]:
        return self.names(HOME.tmp)

    @property
    def instance_directories(self) -> set[str]:
        return self.names(HOME.instances) | self.names(HOME.runtime)

    def text(self, path: str) -> str:
        item = self.files.items[Path(path)]
        assert isinstance(item, File)
        return item.data.decode()

    def transport(self) -> MemoryTransport:
        return MemoryTransport(self.network)

    def site(self, transport: MemoryTransport, exchange: Exchange) -> Site:
        host = self.host
        events = EventLog(host.journal, host.clock, host.files, HOME.stack_log)
        return Site(
            host=host,
            home=HOME,
            transport=transport,
            exchange=exchange,
            messaging_port=7448,
            core_node=CORE,
            daemon_instance=DAEMON_INSTANCE,
            daemon_pid=77,
            host_name="robot",
            started_at=self.host.clock.now(),
            program_directory="/opt/peppy",
            uv_directory=None,
            random=Random(7),
            events=events,
            ledger=Ledger(host.journal, host.clock, events.pass_on),
            sweep=self._sweep,
        )

    async def _sweep(self) -> None:
        self.sweeps += 1

    def report(self, ref: Ref[Any], error: BaseException) -> None:
        del ref
        self.failures.append(error)


class Embedded(Machine):
    """A machine with requests that a test makes of its stack."""

    stack: Ref[Any]

    async def ask(self, request: Request[A]) -> A:
        def note(item: object) -> None:
            assert isinstance(item, frames.Note)
            self.notes.append(item)

        return await self.stack.ask(request, note=note)

    async def refused(self, request: Request[Any]) -> PeppyError:
        """Ask; return what it was refused with."""
        try:
            answer = await self.ask(request)
        except PeppyError as error:
            return error
        raise AssertionError(f"{request} was answered with {answer}")

    async def add(self, node: str = "hello:v1", **document: Any) -> control.AddView:
        return await self.ask(control.AddNode(source=str(self.source(node, **document))))

    async def build(self, node: str = "hello:v1") -> control.BuildView:
        return await self.ask(control.BuildNode(node=parse_node_id(node)))

    async def run(
        self, instance_id: str | None = "front", node: str = "hello:v1"
    ) -> control.StartView:
        wanted = None if instance_id is None else InstanceId(instance_id)
        return await self.ask(control.RunNode(node=parse_node_id(node), instance_id=wanted))

    async def stop(self, instance_id: str = "front") -> control.StopView:
        return await self.ask(control.StopInstance(instance_id=InstanceId(instance_id)))

    async def ready(self, node: str = "hello:v1", **document: Any) -> None:
        """Add a node and build it."""
        await self.add(node, **document)
        await self.build(node)

    async def take_down(self) -> TakenDown:
        return await self.ask(TakeDown())

    async def listed(self) -> control.StackView:
        """Return the stack once every fact has reached it."""
        await wait_all_tasks_blocked()
        return await self.ask(control.ListStack())

    async def row(self, node: str = "hello:v1") -> control.NodeView:
        view = await self.listed()
        return next(row for row in view.nodes if row.node == parse_node_id(node))

    async def nodes(self) -> list[NodeId]:
        """Return what is in the stack, without the core node."""
        view = await self.listed()
        return [row.node for row in view.nodes[1:]]

    async def states(self, node: str = "hello:v1") -> dict[str, str]:
        row = await self.row(node)
        return {each.instance_id: each.state.value for each in row.instances}


PARTS: Mapping[str, Part] = {"builder": Builder(), "player": Player()}


@asynccontextmanager
async def embedded(
    parts: Mapping[str, Part] | None = None, *, machine: Embedded | None = None
) -> AsyncGenerator[Embedded, None]:
    """Run a stack on a machine where these programs are, beside a `builder` and a `player`."""
    robot = machine or Embedded({**PARTS, **(parts or {})})
    transport = robot.transport()
    with closing(Exchange(transport)) as exchange:
        site = robot.site(transport, exchange)
        found = await recover(site, await site.ledger.load())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(site.events.keep_log)
            async with run_actor(
                lambda: Stack(site, found), name="stack", on_failure=robot.report
            ) as stack:
                robot.stack = stack
                yield robot
            nursery.cancel_scope.cancel()
        await transport.close()


async def _print(scene: Scene, lines: tuple[str, ...], every: float) -> None:
    for line in lines:
        await trio.sleep(every)
        scene.print(line)


async def _until_told(requests: Service | None) -> None:
    if requests is None:
        await trio.sleep_forever()
    else:
        request = await requests.receive()
        request.reply(b"")


def _depends(node: NodeId) -> str:
    return (
        f'depends_on: {{ nodes: [{{ name: "{node.name}", tag: "{node.tag}",'
        f' local_id: "{node.name}" }}] }}'
    )
