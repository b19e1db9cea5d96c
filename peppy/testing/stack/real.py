"""A stack with a daemon and processes of its own, in real time, over the real wire."""

import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Generic, TypeVar

import trio
from trio.testing import MockClock

from peppy.runtime.transport.port import Transport
from peppy.runtime.transport.zenoh import open_peer
from peppy.schema.control import DescribeDaemon, DescribeNode, DescribeWire, ListStack
from peppy.schema.errors import PeppyError
from peppy.schema.events import ListEvents
from peppy.schema.launch import Launch
from peppy.schema.requests import Request
from peppy.schema.runtime_config import DEFAULT_MESSAGING_HOST
from peppy.testing.jumping_clock import JumpingClock
from peppy.testing.stack.janitor import janitor_at
from peppy.testing.stack.launched import LaunchedStack
from peppy.testing.stack.names import Names
from peppy.testing.stack.real_daemon import OwnDaemon, RealDaemon
from peppy.testing.stack.real_faults import RealFaults
from peppy.testing.stack.real_trace import Recorder
from peppy.testing.stack.world import LeftBehind, must_be_on_trio, must_have_ended
from peppy.testing.trace import Trace

A = TypeVar("A")

F = TypeVar("F", bound=RealFaults)

TIMEOUT: Final = 300.0
"""Seconds for a launch: nodes are built, the first time with downloads."""

END: Final = 60.0
"""Seconds to take the stack down in order; then everything is killed."""

SETTLING: Final = 0.2
"""Seconds until all nodes know what the test declares: zenoh tells it on its own threads."""

PREFIX: Final = "peppy-stack-"
"""Begins the name of the temporary directory that a stack's daemon has as its home."""

QUESTIONS: Final = (DescribeDaemon, DescribeNode, DescribeWire, ListEvents, ListStack)
"""Requests that change nothing."""


class VirtualTime(PeppyError):
    """A stack with real processes in a test whose clock jumps."""

    kind = "virtual_time"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} takes real time, and the clock of this test jumps",
            hint='mark it with @pytest.mark.peppy(loop="trio", real_time=True), or leave out the'
            " fixture 'autojump_clock'",
        )


def must_be_in_real_time(what: str) -> None:
    """Raise `VirtualTime` for `what`, which is a real stack, on a clock that jumps."""
    if isinstance(trio.lowlevel.current_clock(), MockClock | JumpingClock):
        raise VirtualTime(what)


class RealWorld(Generic[F]):
    """Where a real stack runs."""

    network = None
    settling = SETTLING

    def __init__(
        self,
        launcher: Path,
        daemon: OwnDaemon,
        transport: Transport,
        core_node: str,
        recorder: Recorder,
        faults: F,
    ) -> None:
        self.launcher = str(launcher)
        self.core_node = core_node
        self.trace = recorder.trace
        self.faults = faults
        self.names = self.trace.names = Names(self.trace, lambda: recorder.documented)
        self._daemon = daemon
        self._transport = transport
        self._recorder = recorder

    @property
    def environment(self) -> Mapping[str, str]:
        """What builds and instances are started with."""
        return self._daemon.environment

    async def ask(self, request: Request[A]) -> A:
        """Return the daemon's answer; raises the `PeppyError` that it refuses with.

        What has come of an order by then is in the trace.
        """
        self.names.asked(request)
        answer = await self._daemon.ask(request)
        if not isinstance(request, QUESTIONS):
            await self._recorder.catch_up()
        return answer

    async def read(self, path: str) -> bytes:
        """Return a file's content. Raises `PeppyError`."""
        return await self._daemon.read(Path(path))

    def transport(self) -> Transport:
        """Return the test's own way into the stack's messages."""
        return self._transport

    def __repr__(self) -> str:
        return f"<RealWorld of '{self.launcher}'>"


@asynccontextmanager
async def real_stack(
    launcher: str | os.PathLike[str], *, timeout: float = TIMEOUT
) -> AsyncGenerator[LaunchedStack, None]:
    """Launch a launch file with a daemon and processes of its own; yield when all of it runs.

    Everything is as for a person at the command line, but for a home directory and a port of its
    own. At the end the stack is taken down in order, whatever became of the test, and nothing of it
    is left. Must run on Trio, with a clock that goes. `timeout` is in seconds, for the launch.

    Raises the `PeppyError` that the launch is refused with; at the end `LeftBehind`, and
    `NeverEnded` where a task of an instance went on when it was cancelled.
    """
    must_be_on_trio()
    must_be_in_real_time("a real stack")
    daemon = RealDaemon(Path(tempfile.mkdtemp(prefix=PREFIX)))
    async with real_world(Path(launcher).absolute(), daemon, RealFaults, timeout) as world:
        stack = LaunchedStack(world)
        try:
            yield stack
        finally:
            stack.close()
    must_have_ended(world.trace)


@asynccontextmanager
async def real_world(
    launcher: Path,
    daemon: OwnDaemon,
    faults: Callable[[OwnDaemon, Recorder, trio.Nursery], F],
    timeout: float,
) -> AsyncGenerator[RealWorld[F], None]:
    """Launch with this daemon; take all down at the end, its home directory included.

    `faults` returns what can be done to the stack. Raises as `real_stack` does.
    """
    failure: BaseException | None = None
    left: list[str] = []
    with janitor_at(daemon.home, daemon.environment):
        try:
            async with trio.open_nursery() as nursery:
                try:
                    async with _world(launcher, daemon, faults, nursery) as world:
                        await _launch(world, timeout)
                        yield world
                except BaseException as error:
                    failure = error  # kept out of the nursery, which would wrap it
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                left = await daemon.destroy()
                shutil.rmtree(daemon.home, ignore_errors=True)
    if failure is not None:
        raise failure
    if left:
        raise LeftBehind(left)


@asynccontextmanager
async def _world(
    launcher: Path,
    daemon: OwnDaemon,
    faulted: Callable[[OwnDaemon, Recorder, trio.Nursery], F],
    nursery: trio.Nursery,
) -> AsyncGenerator[RealWorld[F], None]:
    """Give a world without a stack; take down at the end what there is in it by then."""
    recorder = Recorder(Trace(trio.current_time), daemon)
    faults = faulted(daemon, recorder, nursery)
    view = await daemon.start()
    transport = await open_peer(DEFAULT_MESSAGING_HOST, view.messaging_port)
    try:
        recorder.listen(transport)
        nursery.start_soon(recorder.follow_events)
        nursery.start_soon(recorder.follow_logs)
        yield RealWorld(launcher, daemon, transport, view.core_node, recorder, faults)
    except BaseException:
        with suppress(PeppyError):  # what the test says matters more
            await _end(daemon, faults)
        raise
    else:
        await _end(daemon, faults)
    finally:
        with trio.CancelScope(shield=True):
            await recorder.last_words()
            await transport.close()


async def _end(daemon: OwnDaemon, faults: RealFaults) -> None:
    """Take everything down in order, as `peppy service stop` does."""
    with trio.CancelScope(shield=True):
        faults.resume_all()
        with trio.move_on_after(END):
            await daemon.stop()


async def _launch(world: RealWorld[F], timeout: float) -> None:
    text = await world.read(world.launcher)
    world.names.launched(world.launcher, text, str(Path(world.launcher).parent))
    with trio.move_on_after(timeout) as patience:
        await world.ask(Launch(launcher=world.launcher, environment=dict(world.environment)))
    if patience.cancelled_caught:
        raise PeppyError(
            f"'{world.launcher}' was not launched within {timeout:g} s",
            hint="give it a longer 'timeout', or build the nodes once before",
        )
