"""What a node answers to its daemon: whether it is well, and the request to end."""

from collections.abc import Callable
from contextlib import suppress

import anyio
from anyio.abc import TaskStatus

from peppy.runtime.runner import NodeRunner
from peppy.runtime.transport.exchange import IncomingRequest, open_exchange
from peppy.runtime.transport.port import Subscription, TransportError
from peppy.schema import keys


async def serve_instance(
    runner: NodeRunner, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    """Answer until cancelled; it has started once both services can be reached.

    Both answers come through the node's own event loop: a loop that stands still is not well.
    """
    acts = {
        keys.HEALTH_SERVICE: _be_well,
        keys.SHUTDOWN_SERVICE: runner.cancellation_token().cancel,
    }
    async with open_exchange(runner.transport) as exchange, anyio.create_task_group() as group:
        for service, act in acts.items():
            requests = exchange.serve(keys.instance_service(runner.address, service))
            group.start_soon(_answer, requests, act)
        task_status.started()


async def _answer(requests: Subscription[IncomingRequest], act: Callable[[], None]) -> None:
    async for request in requests:
        act()
        with suppress(TransportError):  # who asked has gone, and that ends no node
            await request.reply(b"")


def _be_well() -> None:
    """Nothing is left to do: that the loop came here is the answer."""
