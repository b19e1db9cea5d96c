"""A node's life: connected, announced, set up, ready, asked to end, torn down, gone.

`run_node` is the whole of it, inside a running loop and with a given transport, so that many nodes
can live in one process; `NodeBuilder.run` adds what a process of its own needs.
Source: behaviour.md 8.10, 11.2, 11.4.
"""

from collections.abc import Callable
from typing import Any

import anyio
import msgspec

from peppy.runtime.asyncio_life import AsyncioLife
from peppy.runtime.binding import Binding, P
from peppy.runtime.instance_services import serve_instance
from peppy.runtime.runner import NodeRunner
from peppy.runtime.settings import Settings
from peppy.runtime.setup import Setup, wants_nursery
from peppy.runtime.token import CancellationToken
from peppy.runtime.transport.port import Transport
from peppy.runtime.transport.waiting import on_trio
from peppy.schema import keys


def _do_nothing() -> None:
    pass


class Occupancy(msgspec.Struct, frozen=True, kw_only=True):
    """How a node shares its process. By default it is one of many and owns nothing."""

    token: CancellationToken = msgspec.field(default_factory=CancellationToken)
    """The node's own token, for whoever ends it from outside of its loop."""
    interruption: CancellationToken = msgspec.field(default_factory=CancellationToken)
    """Cancelled as well by what does not wait for a `setup` to return: signals."""
    owns_loop: bool = False
    """Whether every asyncio task of the loop ends with the node."""
    on_stuck: Callable[[], None] = _do_nothing
    """Called when a Trio task outstays its cancellation; a nursery cannot be left before it."""


async def run_node(
    binding: Binding[P],
    setup: Setup,
    settings: Settings,
    transport: Transport,
    occupancy: Occupancy | None = None,
) -> None:
    """Live a node's whole life on the running loop; return when it is over.

    Takes over `transport` and closes it. The exception of `setup` comes out, and under Trio those
    of the nursery's tasks; those of asyncio tasks are printed. Cancelling ends the node as well.
    """
    occupancy = occupancy or Occupancy()
    token = occupancy.token
    runner = NodeRunner(settings.address, settings.tag, transport, token)
    failure: BaseException | None = None
    try:
        parameters = binding.parameters.from_dict(settings.arguments)
        transport.announce(keys.alive(settings.address))
        async with anyio.create_task_group() as services:
            runner.work_with(services)
            serve_instance(runner)
            try:
                await _live(parameters, setup, runner, occupancy)
            except Exception as error:
                failure = error  # Kept out of the group, which would wrap it.
            services.cancel_scope.cancel()
    finally:
        token.cancel()
        runner.close()
        await transport.close()
    if failure is not None:
        raise failure


async def _live(parameters: Any, setup: Setup, runner: NodeRunner, occupancy: Occupancy) -> None:
    token = occupancy.token

    def ready() -> None:
        runner.transport.announce(keys.ready(runner.address))

    if on_trio():
        from peppy.runtime.trio_life import TrioLife

        extra = 1 if wants_nursery(setup) else 0
        await TrioLife(token, occupancy.interruption, occupancy.on_stuck).run(
            lambda nursery: setup(parameters, runner, *(nursery,)[:extra]), ready
        )
    else:
        life = AsyncioLife(token, occupancy.interruption, owns_loop=occupancy.owns_loop)
        await life.run(lambda: setup(parameters, runner), ready)
