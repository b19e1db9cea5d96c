"""The daemons of an embedded stack: one after the other, on the same machine."""

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from random import Random
from typing import Any, Final, TypeVar

import trio

from peppy.actors.daemon.books import Books, keep_books
from peppy.actors.daemon.daemon import Daemon
from peppy.actors.host.ports import Host
from peppy.actors.kernel import ActorEnded, Ref, run_actor
from peppy.actors.stack.ledger import SITE, SiteRecord
from peppy.actors.stack.recovery import recover
from peppy.actors.stack.site import Site
from peppy.runtime.control_client import DaemonVanished, NoDaemon
from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.port import Transport
from peppy.schema.daemon_config import DaemonConfig
from peppy.schema.errors import PeppyError
from peppy.schema.events import EventKind
from peppy.schema.generated_names import core_node_name, generate_instance_id
from peppy.schema.requests import Request
from peppy.schema.runtime_config import DEFAULT_MESSAGING_PORT
from peppy.testing.stack.machine import HOME, Machine
from peppy.testing.stack.mortal import Life, lived, nothing, survived
from peppy.testing.stack.network import EmbeddedNetwork
from peppy.testing.stack.output import Voice, speaking_to
from peppy.testing.stack.world import StackEnded
from peppy.testing.trace import Kind, Trace

A = TypeVar("A")

DAEMON: Final = "daemon"
"""What the daemon is called on the network, and in the trace."""

CORE_NODE: Final = core_node_name("an embedded stack")

AGAIN: Final = 1.0
"""Seconds until a daemon that could not start, for a full disk say, is started again."""

FIRST_PID: Final = 100
"""The first daemon's; the next ones count on."""


class Daemons:
    """Whichever daemon the machine has now."""

    def __init__(
        self,
        machine: Machine,
        network: EmbeddedNetwork,
        trace: Trace,
        config: DaemonConfig,
        seed: int,
    ) -> None:
        self.life = Life()
        """The present daemon's, or the last one's."""
        self.failures: list[Exception] = []
        """What actors failed with that nobody but us can put right."""
        self._machine = machine
        self._network = network
        self._trace = trace
        self._config = config
        self._random = Random(f"{seed}/daemon")  # noqa: S311
        self.over = trio.Event()
        """Set when one has ended in good order: no other comes."""
        self._daemon: Ref[Any] | None = None
        self._came = trio.Event()
        self._away = 0.0
        self._dropped = False
        self._begun: Callable[[], None] = nothing
        """Called when the present one answers."""

    def __repr__(self) -> str:
        return f"<Daemons, now {self._daemon}>"

    @property
    def is_up(self) -> bool:
        """Whether there is one that answers."""
        return self._daemon is not None

    async def ask(self, request: Request[A], patience: float = 0.0) -> A:
        """Return the daemon's answer; wait for one that is away for `patience` seconds.

        Raises the `PeppyError` that the daemon refuses with, `NoDaemon` where there is none, and
        `DaemonVanished` where it is killed before it answers.
        """
        with trio.move_on_after(patience):
            await self.there()
        daemon = self._daemon
        if daemon is None and self.over.is_set():
            raise StackEnded
        if daemon is None:
            raise NoDaemon(HOME.socket)
        try:
            return await daemon.ask(request)
        except ActorEnded:
            raise DaemonVanished(HOME.socket) from None

    async def there(self) -> None:
        """Return when there is a daemon."""
        while self._daemon is None:
            await self._came.wait()

    def kill(self, away: float = 0.0) -> None:
        """Kill the daemon; the next one starts `away` seconds later."""
        self._away = away
        self.life.kill()

    def kill_at(self, step: int, *, after: bool, away: float) -> None:
        """Kill the daemon before or after the durable step that is its `step`-th from now on."""
        if step < 1:
            raise ValueError(f"durable steps from now on are counted from 1, not {step}")
        self._away = away
        self.life.end_at(self.life.steps + step, after=after)

    def drop(self) -> None:
        """Let the daemon be gone with the rest of its run, which is no fault of the test's."""
        self._dropped = True
        self.life.kill()

    def spare(self) -> None:
        """Kill none at a step that has not come yet."""
        self.life.end_at(None)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run one after the other until one ends in good order; begun is it when one answers."""
        with speaking_to(Voice(self._said)):
            await self._run(task_status.started)

    async def _run(self, begun: Callable[[], None]) -> None:
        for number in count():
            life = self.life = Life(died=self._died)
            self._begun = begun if number == 0 else nothing
            if not await self._lived_to_its_end(life, FIRST_PID + number):
                away, self._away = self._away, 0.0
                await trio.sleep(away)
                continue
            self.over.set()
            return

    async def _lived_to_its_end(self, life: Life, pid: int) -> bool:
        """Say whether a daemon has ended in good order: nobody killed it, and it could start."""
        try:
            with survived(life), life.scope:
                await self._live(life, pid)
        except* PeppyError as group:
            if pid == FIRST_PID or self._daemon is not None:
                raise
            for sentence in _sentences(group):
                self._said(f"error: {sentence}", "stderr")
            self._away = AGAIN
            life.dead = True
        self._daemon = None
        return not life.dead

    async def _live(self, life: Life, pid: int) -> None:
        host = lived(self._machine.host, life)
        transport = self._network.transport(DAEMON)
        try:
            async with keep_books(HOME, host) as books:
                with closing(Exchange(transport)) as exchange:
                    await self._serve(self._site(host, books, transport, exchange, pid))
        finally:
            with trio.CancelScope(shield=True):
                await transport.close()

    async def _serve(self, site: Site) -> None:
        """Do what `peppy service serve` does, without a socket."""
        records = await site.ledger.load()
        record = SiteRecord(messaging_port=site.messaging_port)
        if records.site != record:
            await site.ledger.write({SITE: record})
        found = await recover(site, records)
        pid = site.daemon_pid
        await site.events.note(EventKind.DAEMON_STARTED, f"the daemon is up (pid {pid})")
        async with run_actor(
            lambda: Daemon(site, found), name=DAEMON, on_failure=self._report
        ) as daemon:
            self._daemon = daemon
            self._came.set()
            self._begun()
            await daemon.ended()
        self._daemon = None
        await site.events.note(EventKind.DAEMON_STOPPED, f"the daemon has ended (pid {pid})")

    def _site(
        self, host: Host, books: Books, transport: Transport, exchange: Exchange, pid: int
    ) -> Site:
        return Site(
            host=host,
            home=HOME,
            transport=transport,
            exchange=exchange,
            messaging_port=DEFAULT_MESSAGING_PORT,
            core_node=CORE_NODE,
            daemon_instance=generate_instance_id(self._random),
            daemon_pid=pid,
            host_name="robot",
            started_at=host.clock.now(),
            program_directory="/opt/peppy",
            uv_directory=None,
            random=self._random,
            events=books.events,
            ledger=books.ledger,
            config=self._config,
            sweep=trio.lowlevel.checkpoint,
        )

    def _died(self) -> None:
        self._daemon = None
        self._came = trio.Event()
        self._network.sever(DAEMON)
        self._machine.processes.daemon_died()
        if not self._dropped:
            step = f"at durable step {self.life.steps}"
            self._trace.add(Kind.FAULT, DAEMON, "kill_daemon", step)

    def _said(self, text: str, stream: str) -> None:
        self._trace.add(Kind.LINE, DAEMON, stream, text)

    def _report(self, ref: Ref[Any], error: Exception) -> None:
        """Keep what an actor failed with, unless it is what a dead daemon could not do."""
        if self.life.dead:
            return
        if isinstance(error, PeppyError):
            self._said(f"{ref.path}: {error.sentence}", "stderr")
        else:
            error.add_note(f"it is what '{ref.path}' of the daemon failed with")
            self.failures.append(error)


def _sentences(group: BaseExceptionGroup[PeppyError]) -> Iterator[str]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _sentences(error)
        else:
            yield error.sentence
