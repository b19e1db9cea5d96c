"""Requests and replies over a transport: two topics and a correlation id.

A request goes to the key of its service, or, if it is for any that match a pattern, to one key that
every server hears. It carries the asker's inbox and a number; replies go to the inbox. A server
acknowledges a request when the application takes it up. Whatever comes for an asker that has gone
is dropped and counted.
"""

import itertools
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

import anyio
import msgspec
from anyio.abc import TaskGroup

from peppy.runtime.transport.port import (
    Closed,
    Delivery,
    Overflow,
    Publisher,
    Refused,
    Sample,
    Statistics,
    Subscription,
    Transport,
    Unanswered,
)
from peppy.runtime.transport.ring import Ring
from peppy.runtime.transport.routes import matches

EVERYBODY: Final = "peppy/exchange/everybody"
INBOX: Final = "peppy/exchange/inbox"

SEEK: Final = 0.005
"""Seconds between two looks whether a server can be heard."""

MOST_PUBLISHERS: Final = 256
"""Inboxes and services to which a way is kept open."""


class Header(msgspec.Struct, frozen=True, array_like=True):
    """What rides beside a request or a reply."""

    kind: str
    """`ask`, `taken`, `reply` or `refused`."""
    number: int
    sender: str
    key: str
    attachment: bytes = b""


class Reply(msgspec.Struct, frozen=True):
    """What one server answered."""

    key: str
    payload: bytes
    sender: str


class IncomingRequest(msgspec.Struct, frozen=True):
    """A request that the application has taken up. Its asker may be gone already."""

    key: str
    payload: bytes
    attachment: bytes
    sender: str
    exchange: "Exchange"
    number: int

    async def reply(self, payload: bytes) -> None:
        """Answer it."""
        await self.exchange.respond(self, "reply", payload)

    async def refuse(self, reason: str) -> None:
        """Let the asker raise `Refused` with this reason."""
        await self.exchange.respond(self, "refused", reason.encode())


class _Call:
    """A request of ours that waits for replies."""

    def __init__(self) -> None:
        self.replies: list[tuple[Header, bytes]] = []
        self.acknowledged = False
        self.changed = anyio.Event()


class Exchange:
    """The asking and the serving of one transport; made by `open_exchange`."""

    def __init__(self, transport: Transport, tasks: TaskGroup) -> None:
        self._transport = transport
        self._tasks = tasks
        self._served: list[tuple[str, Ring[IncomingRequest]]] = []
        self._general: Subscription[Sample] | None = None
        self._inbox_key = f"{INBOX}/{transport.identity}"
        self._inbox = transport.subscribe(self._inbox_key, capacity=4096)
        self._calls: dict[int, _Call] = {}
        self._numbers = itertools.count(1)
        self._publishers: dict[str, Publisher] = {}
        self.late = 0
        """Replies that came when nobody waited for them any more."""
        self.foreign = 0
        """Messages to a service that were no requests."""

    async def ask(
        self, key: str, payload: bytes, *, attachment: bytes = b"", timeout: float
    ) -> Reply:
        """Return the first answer of whoever serves `key`, which may be a pattern.

        Raises `Unanswered` after `timeout` seconds, or `Refused` if the first answer is that.
        """
        with self._calling(key, attachment) as (call, header):
            with anyio.move_on_after(timeout):
                await self._send_request(key, header, payload)
                while not call.replies:
                    await call.changed.wait()
            if not call.replies:
                raise Unanswered(key, timeout, acknowledged=call.acknowledged)
            first, body = call.replies[0]
        if first.kind == "refused":
            raise Refused(key, body.decode(errors="replace"))
        return Reply(first.key, body, first.sender)

    async def ask_all(self, key: str, payload: bytes, *, timeout: float) -> list[Reply]:
        """Return every answer to `key`, which may be a pattern, that came in `timeout` seconds."""
        with self._calling(key, b"") as (call, header):
            with anyio.move_on_after(timeout):
                await self._send_request(key, header, payload)
                await anyio.sleep_forever()
        return [
            Reply(header.key, body, header.sender)
            for header, body in call.replies
            if header.kind == "reply"
        ]

    def serve(self, key: str, *, capacity: int = 128) -> Subscription[IncomingRequest]:
        """Declare that `key` is served here; requests come out of the subscription."""
        direct = self._transport.subscribe(key, capacity=capacity)

        def forget(ring: Ring[IncomingRequest]) -> None:
            self._served = [(other, r) for other, r in self._served if r is not ring]
            direct.close()

        ring: Ring[IncomingRequest] = Ring(
            f"the service '{key}'", capacity, Overflow.DROP_OLDEST, _request_size, forget
        )
        if self._general is None:
            self._general = self._transport.subscribe(EVERYBODY, capacity=4096)
            self._tasks.start_soon(self._take_general, self._general)
        self._served.append((key, ring))
        self._tasks.start_soon(self._take_direct, direct, ring)
        return Serving(ring, self.acknowledge)

    async def respond(self, request: IncomingRequest, kind: str, payload: bytes) -> None:
        """For an `IncomingRequest`: send something to its asker."""
        header = Header(kind, request.number, self._transport.identity, request.key)
        with suppress(Closed):  # the transport is closing, and the asker will hear of that
            await self._publisher(request.sender).send(payload, msgspec.msgpack.encode(header))

    @contextmanager
    def _calling(self, key: str, attachment: bytes) -> Generator[tuple[_Call, Header], None, None]:
        number, call = next(self._numbers), _Call()
        self._calls[number] = call
        try:
            yield call, Header("ask", number, self._inbox_key, key, attachment)
        finally:
            del self._calls[number]

    async def _send_request(self, key: str, header: Header, payload: bytes) -> None:
        publisher = self._publisher(EVERYBODY if "*" in key else key)
        while not publisher.matched():  # noqa: ASYNC110  # zenoh tells no other way
            await anyio.sleep(SEEK)
        await publisher.send(payload, msgspec.msgpack.encode(header))

    def _publisher(self, key: str) -> Publisher:
        publisher = self._publishers.pop(key, None)
        if publisher is None:
            publisher = self._transport.publisher(key, Delivery.RELIABLE)
            while len(self._publishers) >= MOST_PUBLISHERS:
                oldest = next(iter(self._publishers))
                self._publishers.pop(oldest).close()
        self._publishers[key] = publisher
        return publisher

    def acknowledge(self, request: IncomingRequest) -> None:
        """For `Serving`: let the asker know that its request has been taken up."""
        self._tasks.start_soon(self.respond, request, "taken", b"")

    def start(self) -> None:
        """For `open_exchange`: begin to take replies."""
        self._tasks.start_soon(self._take_replies)

    async def _take_direct(self, direct: Subscription[Sample], ring: Ring[IncomingRequest]) -> None:
        async for sample in direct:
            self._enqueue(sample, ring)

    async def _take_general(self, general: Subscription[Sample]) -> None:
        async for sample in general:
            header = _header_of(sample)
            if header is not None:
                for key, ring in self._served:
                    if matches(header.key, key):
                        self._enqueue(sample, ring, key)

    def _enqueue(self, sample: Sample, ring: Ring[IncomingRequest], key: str | None = None) -> None:
        header = _header_of(sample)
        if header is None or header.kind != "ask" or not header.sender.startswith(INBOX):
            self.foreign += 1
            return
        ring.push(
            IncomingRequest(
                key or sample.key,
                sample.payload,
                header.attachment,
                header.sender,
                self,
                header.number,
            )
        )
        ring.wake()

    async def _take_replies(self) -> None:
        async for sample in self._inbox:
            header = _header_of(sample)
            call = None if header is None else self._calls.get(header.number)
            if header is None or call is None:
                self.late += 1
                continue
            if header.kind == "taken":
                call.acknowledged = True
            else:
                call.replies.append((header, sample.payload))
            call.changed.set()
            call.changed = anyio.Event()

    def close(self) -> None:
        """Give everything back."""
        self._inbox.close()
        if self._general is not None:
            self._general.close()
        for _, ring in list(self._served):
            ring.close()
        for publisher in self._publishers.values():
            publisher.close()
        self._publishers.clear()


class Serving(Subscription[IncomingRequest]):
    """The requests for one key; taking one out acknowledges it."""

    def __init__(
        self,
        ring: Ring[IncomingRequest],
        acknowledge: Callable[[IncomingRequest], None],
    ) -> None:
        self._ring = ring
        self._acknowledge = acknowledge

    async def receive(self) -> IncomingRequest:
        """Take up the oldest request."""
        request = await self._ring.receive()
        self._acknowledge(request)
        return request

    def receive_nowait(self) -> IncomingRequest | None:
        """Take up the oldest request, if there is one."""
        request = self._ring.receive_nowait()
        if request is not None:
            self._acknowledge(request)
        return request

    def statistics(self) -> Statistics:
        """Return the counters."""
        return self._ring.statistics()

    def close(self) -> None:
        """Serve no more."""
        self._ring.close()


@asynccontextmanager
async def open_exchange(transport: Transport) -> AsyncGenerator[Exchange, None]:
    """Ask and serve over `transport` within this block."""
    async with anyio.create_task_group() as tasks:
        exchange = Exchange(transport, tasks)
        exchange.start()
        try:
            yield exchange
        finally:
            exchange.close()
            tasks.cancel_scope.cancel()


def _request_size(request: IncomingRequest) -> int:
    return len(request.payload)


def _header_of(sample: Sample) -> Header | None:
    try:
        return msgspec.msgpack.decode(sample.attachment, type=Header)
    except (msgspec.DecodeError, RecursionError):
        return None
