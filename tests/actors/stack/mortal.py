"""A machine whose daemon can be killed before or after any durable step, and started anew."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing
from typing import Any, cast

import trio

from peppy.actors.host.memory_processes import MemoryProcesses
from peppy.actors.host.ports import Host
from peppy.actors.kernel import Ref, run_actor
from peppy.actors.stack.recovery import recover
from peppy.actors.stack.stack import Stack
from peppy.runtime.transport.exchange import Exchange
from peppy.testing.stack.mortal import Killed, Life, lived, survived
from tests.actors.stack.embedded import PARTS, Embedded, Part


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
        life = self.life = self._born(step, after=after)
        with survived(life), life.scope:
            async with self._stack(life):
                await work()

    @asynccontextmanager
    async def daemon(self) -> AsyncGenerator[Life, None]:
        """Run a daemon; where it is killed inside the block, the block ends there."""
        life = self.life = self._born(None, after=False)
        with survived(life), life.scope:
            async with self._stack(life):
                yield life

    def _born(self, ends_at: int | None, *, after: bool) -> Life:
        died = self.processes.daemon_died
        return Life(ends_at, after=after, died=died, stepped=self.stepped)

    @asynccontextmanager
    async def _stack(self, life: Life) -> AsyncGenerator[None, None]:
        self.host = lived(self._host, life)
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
