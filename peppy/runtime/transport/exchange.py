"""Requests and replies over a transport: two topics and a correlation id.

A request is published on the key of its service, or on a pattern: then each server whose key
matches hears it. Beside it ride the asker's inbox and a number; replies go to the inbox. A server
acknowledges a request when the application takes it out of the ring, unless it has answered by
then. Whatever comes for an asker that has gone is dropped and counted.

A request is asked of who can be heard when it is sent: of nobody until then, and not of servers
that come later.
"""

import itertools
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, Literal

import anyio
import msgspec
from anyio.abc import TaskGroup

from peppy.runtime.transport.loops import new_waiter
from peppy.runtime.transport.port import (
    Closed,
    Delivery,
    Publisher,
    Refused,
    Sample,
    Statistics,
    Subscription,
    Transport,
    TransportError,
    Unanswered,
)
from peppy.runtime.transport.routes import canonical
from peppy.runtime.transport.waiting import Waiter

INBOX: Final = "peppy/exchange/inbox"

INBOX_CAPACITY: Final = 4096

SEEK: Final = 0.005
"""Seconds between two looks whether a server can be heard: the port tells it only when asked."""

MOST_PUBLISHERS: Final = 256
"""Inboxes and services to which a way is kept open."""


class Header(msgspec.Struct, frozen=True, array_like=True):
    """What rides beside a request or a reply."""

    kind: Literal["ask", "taken", "reply", "refused"]
    number: int
    """Of the request, as its asker counts."""
    sender: str
    """The identity of the transport that sends this."""
    key: str
    """Of the service; in a request it may be a pattern."""
    attachment: bytes = b""


class Reply(msgspec.Struct, frozen=True):
    """What one server answered."""

    key: str
    payload: bytes
    sender: str
    """The identity of the server's transport."""


class IncomingRequest(msgspec.Struct, frozen=True):
    """A request that the application has taken up. Its asker may have given up already."""

    key: str
    """The key that is served here, also where a pattern was asked."""
    payload: bytes
    attachment: bytes
    sender: str
    """The identity of the asker's transport."""
    number: int
    exchange: "Exchange"

    async def reply(self, payload: bytes) -> None:
        """Answer it. Raises `TransportError`, as `Publisher.send` does."""
        await self.exchange.respond(self, "reply", payload)

    async def refuse(self, reason: str) -> None:
        """Let the asker raise `Refused` with this reason. Raises as `reply` does."""
        await self.exchange.respond(self, "refused", reason.encode())


class _Call:
    """A request of ours that waits for replies."""

    def __init__(self) -> None:
        self.replies: list[tuple[Header, bytes]] = []
        self.acknowledged = False
        self._waiter: Waiter | None = None

    async def next_change(self) -> None:
        """Wait for the next answer, or for the end of the exchange."""
        self._waiter = new_waiter()
        await self._waiter.wait()

    def wake(self) -> None:
        """Let the asker look."""
        if self._waiter is not None:
            self._waiter.wake()


class Exchange:
    """The asking and the serving of one transport; made by `open_exchange`."""

    def __init__(self, transport: Transport, tasks: TaskGroup) -> None:
        self._transport = transport
        self._tasks = tasks
        self._inbox = transport.subscribe(_inbox_of(transport.identity), capacity=INBOX_CAPACITY)
        self._services: set[Service] = set()
        self._calls: dict[int, _Call] = {}
        self._numbers = itertools.count(1)
        self._publishers: dict[str, Publisher] = {}
        self._unanswered: set[tuple[str, int, str]] = set()
        self._closed = False
        self.late = 0
        """Replies that came when nobody waited for them any more."""
        self.foreign = 0
        """Messages to a service or to the inbox that are none of an exchange."""

    async def ask(
        self, key: str, payload: bytes, *, attachment: bytes = b"", timeout: float
    ) -> Reply:
        """Return the first answer of whoever serves `key`, which may be a pattern.

        Raises `Unanswered` after `timeout` seconds, `Refused` if the first answer is that, and
        `Closed` if the exchange ends meanwhile.
        """
        with self._calling(key, attachment) as (call, header):
            with anyio.move_on_after(timeout):
                await self._send_request(key, header, payload)
                while not call.replies and not self._closed:
                    await call.next_change()
            if not call.replies:
                self._check()
                raise Unanswered(key, timeout, acknowledged=call.acknowledged)
            first, body = call.replies[0]
        if first.kind == "refused":
            raise Refused(key, body.decode(errors="replace"))
        return Reply(first.key, body, first.sender)

    async def ask_all(
        self, key_pattern: str, payload: bytes, *, attachment: bytes = b"", timeout: float
    ) -> list[Reply]:
        """Return every answer that came within `timeout` seconds, and only then; no refusals."""
        with self._calling(key_pattern, attachment) as (call, header):
            with anyio.move_on_after(timeout):
                await self._send_request(key_pattern, header, payload)
                while not self._closed:
                    await call.next_change()
            return [
                Reply(header.key, body, header.sender)
                for header, body in call.replies
                if header.kind == "reply"
            ]

    def serve(self, key: str, *, capacity: int = 128) -> Subscription[IncomingRequest]:
        """Declare that `key` (no wildcards) is served here; requests come out of what returns.

        Beyond `capacity` requests that wait, the oldest are given up: their askers time out.
        """
        self._check()
        service = Service(self, canonical(key), self._transport.subscribe(key, capacity=capacity))
        self._services.add(service)
        return service

    @contextmanager
    def _calling(self, key: str, attachment: bytes) -> Generator[tuple[_Call, Header], None, None]:
        self._check()
        number, call = next(self._numbers), _Call()
        self._calls[number] = call
        try:
            yield call, Header("ask", number, self._transport.identity, key, attachment)
        finally:
            del self._calls[number]

    async def _send_request(self, key: str, header: Header, payload: bytes) -> None:
        publisher = self._publisher(key)
        while not publisher.matched():
            await anyio.sleep(SEEK)
            publisher = self._publisher(key)  # others may have had it closed
        await publisher.send(payload, msgspec.msgpack.encode(header))

    def _publisher(self, key: str) -> Publisher:
        self._check()
        publisher = self._publishers.pop(key, None)
        if publisher is None:
            publisher = self._transport.publisher(key, Delivery.RELIABLE)
            if len(self._publishers) >= MOST_PUBLISHERS:
                least_recent = next(iter(self._publishers))
                self._publishers.pop(least_recent).close()
        self._publishers[key] = publisher
        return publisher

    async def respond(
        self, request: IncomingRequest, kind: Literal["taken", "reply", "refused"], payload: bytes
    ) -> None:
        """For `IncomingRequest`: send something to the asker."""
        self._unanswered.discard((request.sender, request.number, request.key))
        header = Header(kind, request.number, self._transport.identity, request.key)
        inbox = self._publisher(_inbox_of(request.sender))
        await inbox.send(payload, msgspec.msgpack.encode(header))

    def take_up(self, sample: Sample, key: str) -> IncomingRequest | None:
        """For `Service`: return the request in `sample`, soon to be acknowledged, or None."""
        header = _header_of(sample)
        if header is None or header.kind != "ask" or not _is_identity(header.sender):
            self.foreign += 1
            return None
        request = IncomingRequest(
            key, sample.payload, header.attachment, header.sender, header.number, self
        )
        self._unanswered.add((request.sender, request.number, request.key))
        self._tasks.start_soon(self._acknowledge, request)
        return request

    async def _acknowledge(self, request: IncomingRequest) -> None:
        if (request.sender, request.number, request.key) in self._unanswered:
            with suppress(TransportError):  # the asker will have to do without
                await self.respond(request, "taken", b"")

    async def take_replies(self) -> None:
        """For `open_exchange`: hand out what comes into the inbox, until it is closed."""
        async for sample in self._inbox:
            header = _header_of(sample)
            if header is None:
                self.foreign += 1
            elif (call := self._calls.get(header.number)) is None:
                self.late += header.kind != "taken"
            elif header.kind == "taken":
                call.acknowledged = True
            else:
                call.replies.append((header, sample.payload))
                call.wake()
        self.close()

    def forget(self, service: "Service") -> None:
        """For `Service`: it is closed."""
        self._services.discard(service)

    def close(self) -> None:
        """Give everything back; whoever asks or serves gets `Closed`."""
        self._closed = True
        self._inbox.close()
        for service in list(self._services):
            service.close()
        for publisher in self._publishers.values():
            publisher.close()
        self._publishers.clear()
        for call in self._calls.values():
            call.wake()

    def _check(self) -> None:
        if self._closed:
            raise Closed("the exchange")


class Service(Subscription[IncomingRequest]):
    """The requests for one key; taking one out acknowledges it."""

    def __init__(self, exchange: Exchange, key: str, requests: Subscription[Sample]) -> None:
        self._exchange = exchange
        self._key = key
        self._requests = requests

    async def receive(self) -> IncomingRequest:
        """Take up the oldest request."""
        while True:
            sample = await self._requests.receive()
            request = self._exchange.take_up(sample, self._key)
            if request is not None:
                return request

    def receive_nowait(self) -> IncomingRequest | None:
        """Take up the oldest request, if there is one."""
        while (sample := self._requests.receive_nowait()) is not None:
            request = self._exchange.take_up(sample, self._key)
            if request is not None:
                return request
        return None

    def statistics(self) -> Statistics:
        """Return the counters."""
        return self._requests.statistics()

    def close(self) -> None:
        """Serve no more."""
        self._requests.close()
        self._exchange.forget(self)


@asynccontextmanager
async def open_exchange(transport: Transport) -> AsyncGenerator[Exchange, None]:
    """Ask and serve over `transport` in this block; what the block raises comes out as it is."""
    raised: Exception | None = None
    async with anyio.create_task_group() as tasks:
        exchange = Exchange(transport, tasks)
        tasks.start_soon(exchange.take_replies)
        try:
            yield exchange
        except Exception as error:  # carried past the task group, which would wrap it up
            raised = error
        finally:
            exchange.close()
            tasks.cancel_scope.cancel()
    if raised is not None:
        raise raised


def _inbox_of(identity: str) -> str:
    return f"{INBOX}/{identity}"


def _is_identity(text: str) -> bool:
    return text.replace("-", "").isalnum()


def _header_of(sample: Sample) -> Header | None:
    try:
        return msgspec.msgpack.decode(sample.attachment, type=Header)
    except (msgspec.DecodeError, RecursionError):
        return None
