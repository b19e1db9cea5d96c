"""A node's life: connected, announced, set up, ready, asked to end, cleaned up, torn down, gone.

However it is asked to end, by its daemon, a signal, the silence of the daemon, an error, its own
code or by being cancelled, its token is cancelled, and then everything happens in one order: hooks
run while all else goes on, tasks are torn down, messaging is closed.

`run_node` is the whole of it, inside a running loop and with a given transport, so that many nodes
can live in one process; `NodeBuilder.run` adds what a process of its own needs.
Source: seed 004; behaviour.md 8.10, 11.2, 11.4.
"""

from collections.abc import Callable, Iterable
from typing import Any

import anyio
import msgspec

from peppy.runtime.asyncio_life import AsyncioLife, Future
from peppy.runtime.binding import Binding, P
from peppy.runtime.hooks import OnFailure
from peppy.runtime.instance_services import serve_instance
from peppy.runtime.leaving import Departure, teller
from peppy.runtime.output import complain
from peppy.runtime.runner import NodeRunner
from peppy.runtime.settings import Settings
from peppy.runtime.setup import Setup, wants_nursery
from peppy.runtime.token import CancellationToken
from peppy.runtime.transport.port import Subscription, Transport
from peppy.runtime.transport.waiting import on_trio
from peppy.runtime.watchdog import daemon_silent, listen_to_daemon
from peppy.schema import keys
from peppy.schema.daemon_config import Lifecycle


def _do_nothing() -> None:
    pass


class Occupancy(msgspec.Struct, frozen=True, kw_only=True):
    """How a node shares its process. By default it is one of many and owns nothing."""

    token: CancellationToken = msgspec.field(default_factory=CancellationToken)
    """The node's own token, for whoever ends it from outside of its loop."""
    interruption: CancellationToken = msgspec.field(default_factory=CancellationToken)
    """Cancelled as well by all that does not wait for a `setup` to return: whatever comes from
    outside. Only the node's own code cancels the token alone."""
    owns_loop: bool = False
    """Whether every asyncio task of the loop ends with the node."""
    left_behind: Callable[[], Iterable[Future]] = tuple
    """Where it does not own an asyncio loop: the tasks of the loop that end with the node all the
    same, besides those that its `setup` has returned."""
    on_failure: OnFailure | None = None
    """Told of what is printed and comes out nowhere: the failure of a task of an asyncio node, that
    of a hook, and `Outstayed`, what has not ended when it was cancelled."""
    on_stuck: Callable[[], None] = _do_nothing
    """Called when a Trio task outstays its cancellation; a nursery cannot be left before it."""

    def end(self) -> None:
        """Begin shutdown from outside."""
        self.token.cancel()
        self.interruption.cancel()


async def run_node(
    binding: Binding[P],
    setup: Setup,
    settings: Settings,
    transport: Transport,
    occupancy: Occupancy | None = None,
) -> None:
    """Live a node's whole life on the running loop; return when it is over.

    Takes over `transport` and closes it. The exception of `setup` comes out, and under Trio those
    of the nursery's tasks; those of asyncio tasks are printed. Cancelling ends the node in the same
    order as everything else does: the token, hooks, tasks, messaging.
    """
    occupancy = occupancy or Occupancy()
    runner = NodeRunner(
        settings.address,
        settings.tag,
        transport,
        occupancy.token,
        settings.buffers,
        settings.bindings,
    )
    runner.endpoint = settings.host, settings.port
    over = anyio.Event()
    failure: BaseException | None = None

    async def live() -> None:
        nonlocal failure
        try:
            # Cancelling reaches the node as its token, so that it can still do its cleaning up.
            with anyio.CancelScope(shield=True):
                await _live(binding, setup, settings, runner, occupancy)
        except BaseException as error:
            failure = error  # Kept out of the group, which would wrap it.
        finally:
            over.set()

    try:
        async with anyio.create_task_group() as life:
            life.start_soon(live)
            try:
                await over.wait()
            finally:
                occupancy.end()
    finally:
        occupancy.end()
        runner.close()
        await transport.close()
        if failure is not None:
            raise failure


async def _live(
    binding: Binding[P], setup: Setup, settings: Settings, runner: NodeRunner, occupancy: Occupancy
) -> None:
    parameters = binding.parameters.from_dict(settings.arguments)
    grace = settings.lifecycle.shutdown_grace_secs
    runner.hooks.on_failure = occupancy.on_failure
    departure = Departure(runner.hooks, grace, teller(runner.transport, settings.address))
    failure: BaseException | None = None
    async with anyio.create_task_group() as services:
        runner.work_with(services)
        if settings.supervised:
            heartbeats = listen_to_daemon(runner.transport, settings.address.core_node)
            services.start_soon(_miss_daemon, heartbeats, settings.lifecycle, occupancy)
        serve_instance(runner, occupancy.interruption)
        runner.transport.announce(keys.alive(settings.address))
        try:
            await _on_its_loop(parameters, setup, runner, occupancy, departure)
        except (Exception, SystemExit) as error:
            failure = error  # Likewise.
        services.cancel_scope.cancel()
    departure.closing()
    if failure is not None:
        raise failure


async def _miss_daemon(
    heartbeats: Subscription[Any], lifecycle: Lifecycle, occupancy: Occupancy
) -> None:
    grace = lifecycle.daemon_grace_secs
    if await daemon_silent(heartbeats, grace):
        complain(
            f"error: no sign of life of the daemon for {grace:g} s (lifecycle.daemon_grace_secs);"
            " the node shuts down"
        )
        occupancy.end()


async def _on_its_loop(
    parameters: Any, setup: Setup, runner: NodeRunner, occupancy: Occupancy, departure: Departure
) -> None:
    token = occupancy.token

    def ready() -> None:
        runner.transport.announce(keys.ready(runner.address))

    if on_trio():
        from peppy.runtime.trio_life import TrioLife

        extra = 1 if wants_nursery(setup) else 0
        await TrioLife(token, occupancy.interruption, occupancy.on_stuck, occupancy.on_failure).run(
            lambda nursery: setup(parameters, runner, *(nursery,)[:extra]), ready, departure
        )
    else:
        life = AsyncioLife(
            token,
            occupancy.interruption,
            owns_loop=occupancy.owns_loop,
            left_behind=occupancy.left_behind,
            on_failure=occupancy.on_failure,
        )
        await life.run(lambda: setup(parameters, runner), ready, departure)
