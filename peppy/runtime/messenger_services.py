"""Services by a messenger: bytes asked, bytes answered. Source: behaviour.md 8.1, 8.4, 8.7."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, Final

import msgspec

from peppy.runtime.messenger import (
    FORMAT,
    Bytes,
    MessengerHandle,
    Payload,
    TopicMessage,
    check_names,
    checked_payload,
)
from peppy.runtime.runner import NodeRunner
from peppy.runtime.service_formats import ServiceFormats
from peppy.runtime.service_server import Server
from peppy.runtime.services import ConsumedService
from peppy.runtime.stamps import STAMPS
from peppy.runtime.transport.port import Closed
from peppy.schema import keys
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name

RESPONSE_TIMEOUT: Final = 2.0
"""Seconds that an answer may take unless a call says otherwise."""

Handler = Callable[["ServiceRequestContext"], object]
"""Answers a request with bytes; plain, or returning what can be awaited."""


class ServiceRequestContext(msgspec.Struct, frozen=True):
    """A request as its handler gets it."""

    message: TopicMessage
    """What was asked, and by whom; its key is that of the service."""
    request_id: str
    """A text of 16 letters and digits that no other request has here."""

    @property
    def core_node(self) -> str:
        """The core node of who asks."""
        return self.message.core_node

    @property
    def instance_id(self) -> str:
        """The instance that asks."""
        return self.message.instance_id

    @property
    def payload(self) -> bytes:
        """What it asks."""
        return self.message.payload


class ServiceMessenger:
    """Listens and polls where requests and responses are bytes.

    Generated bindings can be on the other side of a service both of whose message formats are
    `{ payload: "bytes" }`. Of other formats, each side refuses the other's requests, naming the
    difference.
    """

    @staticmethod
    async def listen(
        messenger: MessengerHandle,
        as_core_node: str,
        as_instance_id: str,
        as_node_name: str,
        as_service_name: str,
    ) -> "ServiceEndpoint":
        """Make a service known; requests wait for `handle_next_request`, up to 128.

        Raises `ValueError` for what cannot be a name, and `Closed`.
        """
        check_names(as_service_name)
        speaker = messenger.speaker(as_core_node, as_instance_id, as_node_name)
        return ServiceEndpoint(speaker, as_service_name)

    @staticmethod
    async def poll(
        messenger: MessengerHandle,
        bound_core_node: str,
        as_instance_id: str,
        target_node_name: str,
        target_service_name: str,
        target_core_node: str | None = None,
        target_instance_id: str | None = None,
        request_payload: Payload = b"",
        response_timeout_secs: float = RESPONSE_TIMEOUT,
    ) -> TopicMessage:
        """Return the response of the first instance that answers.

        Raises what `ConsumedService.poll` does: `ServiceUnreachable`, `ServiceTimeout`,
        `ServiceError`, `ValueError`, `Closed`; and `TypeError` for a payload that is not bytes.
        """
        check_names(target_node_name, target_service_name)
        speaker = messenger.speaker(bound_core_node, as_instance_id)
        target = (target_core_node, target_instance_id)
        service = (target_node_name, target_service_name)
        return await call(speaker, *service, request_payload, response_timeout_secs, *target)

    @staticmethod
    async def is_reachable(
        messenger: MessengerHandle,
        bound_core_node: str,
        as_instance_id: str,
        target_node_name: str,
        target_service_name: str,
        target_core_node: str | None = None,
        target_instance_id: str | None = None,
    ) -> bool:
        """Say whether such an instance listens now, whether or not it is at a request.

        It asks no handler. Raises `ValueError` for what cannot be a name, and `Closed`.
        """
        service = (target_service_name, target_node_name)
        check_names(*service, target_core_node, target_instance_id)
        speaker = messenger.speaker(bound_core_node, as_instance_id)
        pattern = keys.serving_pattern(*service, target_core_node, target_instance_id)
        return bool(await speaker.exchange.seek(pattern))


class ServiceEndpoint:
    """A service that is served until the connection is closed.

    Endpoints of the same service of the same instance share its requests.
    """

    def __init__(self, speaker: NodeRunner, name: str) -> None:
        """For the messengers."""
        self._key = keys.service(speaker.address, name)

        def served() -> Server:
            formats = ServiceFormats(name, FORMAT, Bytes, FORMAT, Bytes)
            return speaker.add_end(Server(speaker, name, formats, _Request, Bytes))

        self._server = speaker.kept(("served bytes", name), served)

    async def handle_next_request(self, handler: Handler) -> bool:
        """Have `handler` answer one request with bytes; wait for it if there is none.

        Return True then, also if the handler failed: that goes to the caller and to standard error.
        Return False once the connection is closed. Cancelling this leaves the request to the next
        call.
        """
        try:
            await self._server.handle_next(lambda request: self._answer(handler, request))
        except Closed:
            return False
        return True

    def _answer(self, handler: Handler, request: "_Request") -> object:
        message = TopicMessage(request.core_node, request.instance_id, self._key, request.payload)
        answered = handler(ServiceRequestContext(message, f"{STAMPS.number():016x}"))
        return _awaited(answered) if isawaitable(answered) else Bytes(checked_payload(answered))


class _Request:
    """A request as the runtime makes it."""

    __slots__ = ("core_node", "instance_id", "payload")

    def __init__(self, instance_id: str, core_node: str, data: Any) -> None:
        self.instance_id = instance_id
        self.core_node = core_node
        self.payload: bytes = data.payload


class _Response(msgspec.Struct, frozen=True):
    """A response as the runtime makes it."""

    core_node: str
    instance_id: str
    data: Any


async def _awaited(answered: Awaitable[object]) -> Bytes:
    return Bytes(checked_payload(await answered))


async def call(
    speaker: NodeRunner,
    node: str,
    name: str,
    payload: Payload,
    timeout: float,
    core_node: str | None,
    instance_id: str | None,
) -> TopicMessage:
    """Return what the service `name` of `node` answers; see `ServiceMessenger.poll`."""

    def consumed() -> ConsumedService:
        return ConsumedService(node, name, FORMAT, Bytes, FORMAT, Bytes, _Response)

    service = speaker.kept(("polled bytes", node, name), consumed)
    request = Bytes(checked_payload(payload))
    answer: _Response = await service.poll(speaker, request, timeout, core_node, instance_id)
    server = Address(answer.core_node, Name(node), InstanceId(answer.instance_id))
    return TopicMessage(
        answer.core_node, answer.instance_id, keys.service(server, name), answer.data.payload
    )
