"""A world in this process: a machine in memory with its daemon, on a network in memory."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Final, TypeVar

import trio

from peppy.actors.host.memory_files import File
from peppy.actors.host.ports import DOCUMENT
from peppy.actors.stack.variant_roots import ROOT_DOCUMENT
from peppy.runtime.transport.port import Transport
from peppy.schema.control import StopDaemon
from peppy.schema.daemon_config import DaemonConfig
from peppy.schema.durations import stop_answer_after
from peppy.schema.errors import PeppyError
from peppy.schema.launch import Launch
from peppy.schema.node_reader import read_node_document
from peppy.schema.requests import Request
from peppy.testing.present import present_seed
from peppy.testing.seeding import seeded
from peppy.testing.stack import embedded_launcher
from peppy.testing.stack.embedded_daemon import CORE_NODE, Daemons
from peppy.testing.stack.embedded_launcher import Arguments
from peppy.testing.stack.faults import EmbeddedFaults
from peppy.testing.stack.inhabitants import inhabited
from peppy.testing.stack.machine import ENVIRONMENT, HOME, START, Inhabit, Machine
from peppy.testing.stack.names import Documented, Names
from peppy.testing.stack.network import CALM, Conditions, EmbeddedNetwork
from peppy.testing.stack.reading import Reader
from peppy.testing.stack.seeds import stamped_virtually
from peppy.testing.stack.world import LeftBehind
from peppy.testing.trace import Trace

A = TypeVar("A")

TEST: Final = "test"
"""What the test is called on the network."""

END: Final = 10
"""The time in which a stack has to be taken down, in times that one stop may take."""


class EmbeddedWorld:
    """Where an embedded stack runs."""

    def __init__(
        self,
        nursery: trio.Nursery,
        launcher: Path,
        inhabit: Inhabit,
        seed: int,
        conditions: Conditions,
        config: DaemonConfig,
    ) -> None:
        self.core_node = CORE_NODE
        self.launcher = str(launcher)
        self.environment = ENVIRONMENT
        self.settling = 0.0
        self.seed = seed
        self.trace = Trace(trio.lowlevel.current_clock().current_time)
        reader = Reader(())
        self.network = EmbeddedNetwork(
            Random(f"{seed}/network"),  # noqa: S311
            conditions,
            self.trace,
            reader.message,
        )
        self.machine = Machine(self.network, self.trace, inhabit, seed, reader.learn)
        self.daemons = Daemons(self.machine, self.network, self.trace, config, seed)
        self.faults = EmbeddedFaults(self.machine, self.network, self.daemons, self.trace, nursery)
        self.names = self.trace.names = Names(self.trace, self._documented)
        self.network.check = self.names.check_instance
        self._config = config
        self._transports: list[Transport] = []

    def __repr__(self) -> str:
        return f"<EmbeddedWorld with seed {self.seed}, {self.machine}>"

    async def ask(self, request: Request[A], patience: float = 0.0) -> A:
        """Return the daemon's answer; raises the `PeppyError` that it refuses with.

        A daemon that is away is waited for `patience` seconds. Where there is none then, and where
        it is killed before it answers, that is the error that the command line shows.
        """
        self.names.asked(request)
        return await self.daemons.ask(request, patience)

    async def read(self, path: str) -> bytes:
        """Return a file of the machine; raises `HostError`."""
        return await self.machine.files.read(Path(path))

    def transport(self) -> Transport:
        """Return the test's own way into the stack's messages; the world closes it."""
        transport = self.network.transport(TEST)
        self._transports.append(transport)
        return transport

    async def launch(self, text: bytes) -> None:
        """Launch what the launch file says, and return when all of it runs. Raises `PeppyError`."""
        path = Path(self.launcher)
        self.names.launched(self.launcher, text, str(path.parent))
        self.machine.files.put(path, File(text))
        await self.ask(Launch(launcher=self.launcher, environment=dict(self.environment)))

    async def end(self) -> None:
        """Take the stack down as 'peppy service stop' does, and see that nothing is left.

        Raises `LeftBehind`; and what actors failed with, if that is no fault of anybody else.
        """
        self.machine.files.full = self.machine.journal.full = False
        self.daemons.spare()
        seconds = END * stop_answer_after(self._config.lifecycle.shutdown_grace_secs)
        with trio.move_on_after(seconds) as patience:
            await self.ask(StopDaemon(), patience=seconds)
            await self.daemons.over.wait()
            await self.machine.emptied()
        await self._close()
        if self.daemons.failures:
            raise ExceptionGroup("the daemon's actors failed", self.daemons.failures)
        if remains := self.machine.remains():
            raise LeftBehind(remains)
        if patience.cancelled_caught:
            raise LeftBehind([f"its daemon has not ended within {seconds:g} s"])

    async def destroy(self) -> None:
        """End everything at once, whatever state it is in."""
        with trio.CancelScope(shield=True):
            self.daemons.drop()
            self.machine.processes.reboot()
            await self.machine.emptied()
            await self._close()

    def _documented(self) -> Documented:
        """Return what the documents say of all nodes that the stack has."""
        found = Documented()
        for path, item in self.machine.files.below(HOME.root):
            if path.name in (DOCUMENT, ROOT_DOCUMENT.name) and isinstance(item, File):
                with suppress(PeppyError):
                    found.add(read_node_document(item.data, str(path)))
        return found

    async def _close(self) -> None:
        for transport in self._transports:
            await transport.close()


@asynccontextmanager
async def embedded_world(
    launcher: str | Path,
    *,
    inhabit: Inhabit,
    directory: str | Path | None = None,
    seed: int | None = None,
    conditions: Conditions = CALM,
    arguments: Arguments | None = None,
    daemon_config: DaemonConfig | None = None,
) -> AsyncGenerator[EmbeddedWorld, None]:
    """Run a launch file's stack whose instances are `inhabit`; see `embedded_stack`."""
    path, text = embedded_launcher.read(launcher, directory)
    embedded_launcher.check_sources(path, text)
    text = embedded_launcher.with_arguments(path, text, arguments or {})
    number = present_seed() if seed is None else seed
    config = DaemonConfig() if daemon_config is None else daemon_config
    own: BaseException | None = None
    with inhabited(), seeded(number), stamped_virtually(number, START):
        async with trio.open_nursery() as nursery:
            world = EmbeddedWorld(nursery, path, inhabit, number, conditions, config)
            # Kept until all has ended, so that the nursery does not wrap it in a group.
            try:
                await nursery.start(world.daemons.run)
                await world.launch(text)
                yield world
                await world.end()
            except trio.Cancelled:
                await world.destroy()
                raise
            except BaseException as error:
                own = error
                await world.destroy()
            nursery.cancel_scope.cancel()
    if own is not None:
        own.add_note(f"the embedded stack had seed {number}")
        raise own
