"""Services as generated bindings declare them: one value per service, shared by a node's code.

Source: behaviour.md 8.4, 8.7; seed 003, "Services". What is declared on the wire belongs to the
`NodeRunner`; what is compiled belongs to the service. Both are made at the first use and kept.
"""

from typing import Any

import anyio

from peppy.runtime.runner import NodeRunner
from peppy.runtime.service_caller import Caller
from peppy.runtime.service_formats import Literal, ServiceFormats
from peppy.runtime.service_server import Handler, Server
from peppy.runtime.transport.port import Closed


class ExposedService:
    """A service that the node answers."""

    def __init__(
        self,
        name: str,
        request_format: Literal | None,
        request_data: type[Any] | None,
        request: type[Any],
        response_format: Literal | None,
        response: type[Any] | None,
    ) -> None:
        """Keep what is said of it; a format is None where there is nothing in a message."""
        self.name = name
        self.formats = ServiceFormats(name, request_format, request_data, response_format, response)
        self._request = request
        self._response = response

    async def handle_next_request(self, node_runner: NodeRunner, handler: Handler) -> None:
        """Have `handler`, plain or async, answer one request; wait for it if there is none.

        The first call makes the service known; requests wait between calls, up to 128. An error of
        the handler goes to the caller and to standard error, and this returns as usual. A caller
        that goes away cancels its async handler. Cancelling this leaves the request to the next
        call. Raises `Closed` once the node's connection is closed.
        """
        await self._server(node_runner).handle_next(handler)

    async def handle_requests(
        self, node_runner: NodeRunner, handler: Handler, limit: int = 1
    ) -> None:
        """Answer requests, `limit` at a time, until cancelled or until the connection is closed.

        Each is handled as by `handle_next_request`. Raises `ValueError` for a limit below 1.
        """
        if limit < 1:
            raise ValueError(f"a limit is a number of requests from 1, not {limit}")
        server = self._server(node_runner)
        async with anyio.create_task_group() as tasks:
            for _ in range(limit):
                tasks.start_soon(_serve, server, handler)

    def _server(self, node_runner: NodeRunner) -> Server:
        def expose() -> Server:
            made = Server(node_runner, self.name, self.formats, self._request, self._response)
            return node_runner.add_end(made)

        return node_runner.kept(self, expose)

    def __repr__(self) -> str:
        return f"<ExposedService '{self.name}'>"


async def _serve(server: Server, handler: Handler) -> None:
    try:
        while True:
            await server.handle_next(handler)
    except Closed:
        pass


class ConsumedService:
    """A service of `node` that this node calls.

    `link` is the dependency's label: a call that targets no instance means the one that it is bound
    to, and any if it is not.
    """

    def __init__(
        self,
        node: str,
        name: str,
        request_format: Literal | None,
        request: type[Any] | None,
        response_format: Literal | None,
        response_data: type[Any] | None,
        response: type[Any] | None,
        *,
        link: str | None = None,
    ) -> None:
        """Keep what is said of it; a format is None where there is nothing in a message."""
        self.node = node
        self.link = link
        self.name = name
        self.formats = ServiceFormats(name, request_format, request, response_format, response_data)
        self._response = response

    async def poll(
        self,
        node_runner: NodeRunner,
        request: object,
        timeout: float,
        target_core_node: str | None = None,
        target_instance_id: str | None = None,
    ) -> Any:
        """Return the response of the first instance that answers.

        Targets are as in `ConsumedTopic.next_message`.
        None comes back where the service has no response format. `timeout` is in seconds. Raises

        - `ServiceUnreachable` (a `ConnectionError`): nobody is there, which is known at once, or
          nobody took the request up in time, or whoever did has gone;
        - `ServiceTimeout` (a `TimeoutError`): taken up, and not answered in time;
        - `ServiceError` (a `RuntimeError`): the handler failed, or the formats do not fit;
        - `ValueError`: a negative or NaN time-out, a target that cannot be a name, a request with a
          value that does not fit its field;
        - `Closed`: the node's connection is closed.
        """
        caller = node_runner.kept(self, lambda: self._caller(node_runner))
        return await caller.call(request, timeout, target_core_node, target_instance_id)

    def _caller(self, node_runner: NodeRunner) -> Caller:
        return node_runner.add_end(
            Caller(node_runner, self.node, self.name, self.formats, self._response, self.link)
        )

    def __repr__(self) -> str:
        return f"<ConsumedService '{self.name}' of '{self.node}'>"
