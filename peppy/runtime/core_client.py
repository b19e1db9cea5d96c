"""How a node asks its daemon: requests to the services of a core node.

A node that the daemon has started asks that daemon. One that stands on its own asks the core node
that announces itself on the wire, whichever it is, and stays with it for as long as it is there.
Source: behaviour.md 8.8, 8.9.
"""

from typing import Final, TypeVar

import anyio
import msgspec

from peppy.runtime.core_errors import CoreNodeError, CoreNodeTimeout, CoreNodeUnreachable
from peppy.runtime.reach import SETTLE
from peppy.runtime.runner import NodeRunner
from peppy.runtime.standalone import CORE_NODE
from peppy.runtime.transport.exchange_errors import Refused, Unanswered, Unreachable
from peppy.runtime.transport.port import Transport
from peppy.schema import keys
from peppy.schema.core_services import core_node_in, serving_pattern
from peppy.schema.requests import Request

A = TypeVar("A")

GONE: Final = "it went away before it answered"

GOING_DOWN: Final = "going_down"
"""The kind of a refusal by a daemon that ends."""

RESPONSE_TIMEOUT: Final = 10.0
"""Seconds that an answer may take, unless the caller says otherwise (8.8)."""


class CoreClient:
    """What one node knows of the core node that it asks."""

    def __init__(self, node_runner: NodeRunner) -> None:
        self._exchange = node_runner.exchange
        self._transport: Transport = node_runner.transport
        bound = node_runner.bound_core_node()
        self._bound: str | None = None if bound == CORE_NODE else bound
        self._core_node = self._bound
        """Whom to ask now; None after it could not be reached."""
        self._settled = anyio.current_time() + SETTLE

    async def ask(self, service: str, request: Request[A], timeout: float) -> A:
        """Return the answer; `timeout` is in seconds.

        Raises `CoreNodeUnreachable`, `CoreNodeTimeout`, `CoreNodeError`, `Closed` once the node's
        connection is closed, and `ValueError` for a negative or NaN time-out.
        """
        if not timeout >= 0:  # a NaN is not, either
            raise ValueError(f"a timeout is a number of seconds from 0, not {timeout}")
        body = msgspec.msgpack.encode(request)
        name = type(request).__name__.encode()
        deadline = anyio.current_time() + timeout
        while True:
            core_node = self._core_node or await self._find(service, deadline)
            try:
                reply = await self._exchange.ask(
                    keys.core_service(core_node, service),
                    body,
                    attachment=name,
                    timeout=max(0.0, deadline - anyio.current_time()),
                    servers=serving_pattern(core_node, service),
                )
            except Unreachable as error:
                self._core_node = None
                if error.left or anyio.current_time() >= deadline:
                    raise CoreNodeUnreachable(service, core_node, GONE) from None
            except Unanswered as error:
                if error.queued and not error.acknowledged:
                    why = f"the request did not reach it within {timeout:g} s"
                    raise CoreNodeUnreachable(service, core_node, why) from None
                raise CoreNodeTimeout(service, core_node, timeout) from None
            except Refused as refused:
                if refused.kind == GOING_DOWN:
                    raise CoreNodeUnreachable(service, core_node, refused.reason) from None
                hint = refused.detail.decode(errors="replace")
                raise CoreNodeError(service, refused.kind, refused.reason, hint) from None
            else:
                return _read(service, request, reply.payload)

    async def _find(self, service: str, deadline: float) -> str:
        """Return the core node to ask once it is there; raise `CoreNodeUnreachable`."""
        servers = serving_pattern(self._bound, service)
        found = await self._exchange.seek(servers)
        patience = min(deadline, self._settled) - anyio.current_time()
        if not found and patience > 0:
            arriving = self._transport.watch(servers)
            try:
                with anyio.move_on_after(patience):
                    while not found:
                        presence = await arriving.receive()
                        found = [presence.key] if presence.present else []
            finally:
                arriving.close()
        if not found:
            raise CoreNodeUnreachable(service, self._bound, "no daemon is running")
        self._core_node = core_node_in(min(found))
        return self._core_node


def _read(service: str, request: Request[A], payload: bytes) -> A:
    try:
        return msgspec.msgpack.decode(payload, type=request.answer_type())
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        reason = f"what the core node answered cannot be read: {error}"
        raise CoreNodeError(service, "not_understood", reason) from None


async def ask_core_node(
    node_runner: NodeRunner, service: str, request: Request[A], timeout: float | None
) -> A:
    """Return the answer of the node's daemon, within `timeout` seconds, None for 10.

    Raises as `CoreClient.ask` does.
    """
    client = node_runner.kept(CoreClient, lambda: CoreClient(node_runner))
    return await client.ask(service, request, RESPONSE_TIMEOUT if timeout is None else timeout)
