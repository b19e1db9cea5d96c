"""A daemon of its own for one test, in the test's process, on the machine as it is."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import trio

from peppy.actors.daemon.books import keep_books
from peppy.actors.daemon.daemon import Daemon
from peppy.actors.daemon.serve import open_site
from peppy.actors.host.home import Home
from peppy.actors.host.lock import hold_lock
from peppy.actors.host.processes import reap_left
from peppy.actors.kernel import ActorEnded, Ref, run_actor
from peppy.actors.stack.recovery import recover
from peppy.runtime.control_client import DaemonVanished, NoDaemon
from peppy.schema.control import DaemonView, DescribeDaemon, StopDaemon
from peppy.schema.daemon_config import DaemonConfig
from peppy.schema.errors import PeppyError
from peppy.schema.events import EventKind
from peppy.schema.frames import Note
from peppy.schema.requests import Request
from peppy.testing.stack.mixed_machine import MixedMachine
from peppy.testing.stack.mortal import Life, lived, survived
from peppy.testing.stack.real_daemon import environment_at, swept

A = TypeVar("A")

BURIED: Final = 0.2
"""Seconds for the shims of processes that have ended to end as well."""


class MixedDaemon:
    """One daemon after another on the same home directory. Made within Trio.

    They outlive the cancellation of the test, so that the stack can be taken down in order.
    """

    def __init__(self, home: Home, machine: MixedMachine, config: DaemonConfig) -> None:
        self._home = home
        self._machine = machine
        self._config = config
        self._environment = environment_at(home.root)
        self._life = Life()
        self._daemon: Ref[Any] | None = None
        self._over = trio.Event()
        self._over.set()
        self._failures: list[Exception] = []

    @property
    def home(self) -> Path:
        """Its home directory, which nobody else has."""
        return self._home.root

    @property
    def environment(self) -> Mapping[str, str]:
        """What builds and instances are started with."""
        return self._environment

    async def start(self) -> DaemonView:
        """Start a daemon and return what it says of itself. Raises what keeps it from starting."""
        await self._over.wait()
        over = self._over = trio.Event()
        self._life = Life(died=self._died)
        up = trio.Event()
        trio.lowlevel.spawn_system_task(self._live, self._life, up, over)
        await up.wait()
        self._raise_failures()
        return await self.ask(DescribeDaemon())

    async def ask(self, request: Request[A], on_note: Callable[[Note], None] | None = None) -> A:
        """Return its answer, however long that takes.

        Raises the `PeppyError` that it refuses with, `NoDaemon` where there is none, and
        `DaemonVanished` where it is killed before it answers.
        """

        def note(item: object) -> None:
            if on_note is not None and isinstance(item, Note):
                on_note(item)

        if self._daemon is None:
            raise NoDaemon(self._home.socket)
        try:
            return await self._daemon.ask(request, note=note)
        except ActorEnded:
            raise DaemonVanished(self._home.socket) from None

    async def read(self, path: Path) -> bytes:
        """Return a file as the daemon sees it. Raises `HostError`."""
        return await self._machine.files.read(path)

    def kill(self) -> None:
        """Kill it, without a chance to say anything; its instances live on."""
        self._life.kill()

    async def stop(self) -> None:
        """Have it take the stack down, and end. Raises what its actors failed with."""
        if self._daemon is not None:
            await self.ask(StopDaemon())
            await self._over.wait()
            await self._machine.emptied()
        self._raise_failures()

    async def destroy(self) -> list[str]:
        """Let nothing of it be left; return what there still was."""
        self.kill()
        await self._over.wait()
        lived_on = [f"'{name}' lived on in this process" for name in self._machine.living]
        self._machine.kill_all()
        await self._machine.emptied()
        left = await swept(self.home)
        with trio.move_on_after(BURIED):
            while reap_left():  # noqa: ASYNC110  # nobody tells when a process of theirs has ended
                await trio.sleep(BURIED / 10)
        return lived_on + left

    async def _live(self, life: Life, up: trio.Event, over: trio.Event) -> None:
        try:
            with survived(life), life.scope:
                await self._serve(life, up)
        except Exception as error:
            self._failures.append(error)
        finally:
            self._daemon = None
            up.set()
            over.set()

    async def _serve(self, life: Life, up: trio.Event) -> None:
        """Do what `peppy service serve` does, without a socket and without signals."""
        home, host = self._home, lived(self._machine.host(), life)
        with hold_lock(home):
            async with keep_books(home, host) as books:
                records = await books.ledger.load()
                where = self._environment
                async with open_site(home, host, books, None, records.site, where) as site:
                    site = msgspec.structs.replace(site, config=self._config)  # noqa: PLW2901
                    found = await recover(site, records)
                    await site.events.note(EventKind.DAEMON_STARTED, "the daemon is up")
                    async with run_actor(
                        lambda: Daemon(site, found), name="daemon", on_failure=self._report
                    ) as daemon:
                        self._daemon = daemon
                        up.set()
                        await daemon.ended()
                    self._daemon = None
                    await site.events.note(EventKind.DAEMON_STOPPED, "the daemon has ended")

    def _died(self) -> None:
        self._daemon = None
        self._machine.daemon_died()

    def _report(self, ref: Ref[Any], error: Exception) -> None:
        """Keep what an actor failed with, unless it is what a dead daemon could not do."""
        if self._life.dead:
            return
        if isinstance(error, PeppyError):
            sys.stderr.write(f"{ref.path}: {error.sentence}\n")
        else:
            error.add_note(f"it is what '{ref.path}' of the daemon failed with")
            self._failures.append(error)

    def _raise_failures(self) -> None:
        failures, self._failures = self._failures, []
        if len(failures) == 1:
            raise failures[0]
        if failures:
            raise ExceptionGroup("the daemon's actors failed", failures)

    def __repr__(self) -> str:
        return f"<MixedDaemon in '{self.home}'>"
