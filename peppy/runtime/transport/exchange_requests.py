"""The serving half of an exchange: what is asked of one key, and how it is answered."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

import msgspec

from peppy.runtime.transport import exchange_header as header
from peppy.runtime.transport.exchange_post import Post, call_in_next_turn, call_later
from peppy.runtime.transport.loops import new_waiter
from peppy.runtime.transport.port import (
    Payload,
    Sample,
    Statistics,
    Subscription,
    TransportError,
)
from peppy.runtime.transport.ring import Ring
from peppy.runtime.transport.routes import canonical
from peppy.runtime.transport.waiting import Waiter

_UNBOUNDED: Final = 2**31 - 1
"""The ring's own capacity: the service keeps the limit, so that it knows what it gives up."""

QUEUED_AFTER: Final = 0.02
"""Seconds after which askers learn that their requests wait: most are taken long before."""

_encode = msgspec.msgpack.Encoder().encode


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """The payload of a refusal."""

    reason: str
    kind: str = ""
    detail: bytes = b""


class IncomingRequest:
    """One request, from its arrival until it is answered or its asker has gone."""

    __slots__ = (
        "_callbacks",
        "_claimed",
        "_service",
        "_waiter",
        "acknowledged",
        "answered",
        "attachment",
        "contested",
        "gone",
        "number",
        "origin",
        "payload",
        "queued",
        "sender",
        "taken",
    )

    def __init__(
        self,
        service: "Service",
        origin: bytes,
        sender: str,
        number: int,
        contested: bool,
        payload: bytes,
        attachment: bytes,
    ) -> None:
        self.payload = payload
        self.attachment = attachment
        self.sender = sender
        """The identity of the asker's transport."""
        self.number = number
        """Of the request, as its asker counts."""
        self.origin = origin
        self.contested = contested
        self.gone = False
        """Whether nobody waits for the answer any more."""
        self.answered = False
        self.acknowledged = False
        self.taken = False
        self.queued = False
        """Whether the asker knows that it waits."""
        self._service = service
        self._callbacks: list[Callable[[], object]] | None = None
        self._claimed: bool | None = None
        self._waiter: Waiter | None = None

    @property
    def key(self) -> str:
        """The key that is served here, also where a pattern was asked."""
        return self._service.key

    def reply(self, payload: Payload, attachment: bytes = b"") -> None:
        """Answer it, once; nothing happens if its asker has gone. Raises as `Publisher.put`.

        A reply that the wire did not take leaves the request open: it can be refused.
        """
        self._answer(header.REPLY, payload, attachment)

    def refuse(self, reason: str, kind: str = "", detail: bytes = b"") -> None:
        """Let the asker raise `Refused` with these; raises as `reply` does."""
        self._answer(header.REFUSED, _encode(Refusal(reason, kind, detail)), b"")

    def acknowledge(self) -> None:
        """Let the asker know that the application has it. Twice, or too late, is fine."""
        if not (self.acknowledged or self.answered or self.gone):
            self.acknowledged = True
            with suppress(TransportError):  # the asker will have to do without
                self._send(header.TAKEN, b"", b"")

    def tell_queued(self) -> None:
        """For `Service`: let the asker know that the application has not taken it yet."""
        if not (self.queued or self.acknowledged or self.answered or self.gone):
            self.queued = True
            with suppress(TransportError):
                self._send(header.QUEUED, b"", b"")

    def note(self, payload: bytes) -> None:
        """Let the asker's `on_note` have something while the answer takes its time."""
        if not (self.answered or self.gone):
            with suppress(TransportError):
                self._send(header.NOTE, payload, b"")

    def put_back(self) -> None:
        """Have it received again, before all others; unless it is answered or its asker gone."""
        if not (self.answered or self.gone):
            self._service.put_back((self,))

    def when_gone(self, callback: Callable[[], object]) -> None:
        """Have `callback` called on the loop if the asker goes away; at once if it has."""
        if self.gone:
            callback()
        elif self._callbacks is None:
            self._callbacks = [callback]
        else:
            self._callbacks.append(callback)

    def forget_callback(self, callback: Callable[[], object]) -> None:
        """Do not have `callback` called any more."""
        if self._callbacks is not None and callback in self._callbacks:
            self._callbacks.remove(callback)

    async def claim(self) -> bool:
        """Say whether this server is to act on the request; if not, it is none of ours any more.

        Of several servers that heard a contested request one is told so, at any number of calls;
        of any other request each is, at once. A cancelled call can be made again. Raises as
        `Publisher.put` does.
        """
        if not self.contested and not self.gone:
            return True
        while self._claimed is None and not self.gone:
            self._waiter = waiter = new_waiter()
            self._send(header.CLAIM, b"", b"")
            await waiter.wait()
        return self._claimed is True and not self.gone

    def settle_claim(self, granted: bool) -> None:
        """For `Service`: the asker has decided."""
        self._claimed = granted
        if granted:
            self._wake()
        else:
            self.leave()

    def leave(self) -> None:
        """For `Service`: nobody waits for an answer from here."""
        if self.gone or self.answered:
            return
        self.gone = True
        self._service.settle(self)
        self._wake()
        callbacks, self._callbacks = self._callbacks, None
        for callback in callbacks or ():
            callback()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.wake()

    def _answer(self, kind: int, payload: Payload, attachment: bytes) -> None:
        if self.answered:
            raise RuntimeError("a request is answered once")
        if not self.gone:
            self._send(kind, payload, attachment)
            self._service.settle(self)
        self.answered = True
        self._callbacks = None

    def _send(self, kind: int, payload: Payload, attachment: bytes) -> None:
        label = header.pack(kind, self.number, self._service.origin)
        self._service.post.to(self.sender).put(payload, label + attachment)

    def __repr__(self) -> str:
        state = "gone" if self.gone else "answered" if self.answered else "open"
        return f"<IncomingRequest of '{self.key}', {state}>"


Arrived = Callable[[IncomingRequest], None]


class Service(Subscription[IncomingRequest]):
    """The requests for one key. Who takes one out and does not answer it at once acknowledges it.

    Requests whose asker has gone are not handed out.
    """

    def __init__(
        self,
        post: Post,
        key: str,
        announce: str | None,
        capacity: int,
        arrived: Arrived | None,
        on_close: Callable[["Service"], None],
    ) -> None:
        transport = post.transport
        self.key = canonical(key)
        self.post = post
        self.origin = f"{transport.identity} {self.key}".encode()
        self.gone = 0
        """Requests whose asker went away before they were answered."""
        self._capacity = max(1, capacity)
        self._arrived = arrived
        self._on_close = on_close
        self._ring = Ring[IncomingRequest](
            f"the service '{self.key}'", _UNBOUNDED, lambda ring: None
        )
        self._open: dict[tuple[bytes, int], IncomingRequest] = {}
        self._received = self._dropped = self._waiting = 0
        self._taken: list[IncomingRequest] = []
        self._telling = False
        self._closed = False
        self._listening = transport.listen(self.key, self._on_sample)
        self._announcement = (
            None if announce is None else transport.announce(f"{announce}/{transport.identity}")
        )

    async def receive(self, *, acknowledge: bool = True) -> IncomingRequest:
        """Return the oldest request whose asker waits; raises `Closed`.

        Without `acknowledge`, that is left to who takes it.
        """
        while True:
            request = await self._ring.receive()
            self._waiting -= 1
            if not request.gone:
                request.taken = True
                if acknowledge:
                    self._acknowledge_soon(request)
                return request

    def receive_nowait(self) -> IncomingRequest | None:
        """Return the oldest request whose asker waits, if there is one."""
        while (request := self._ring.receive_nowait()) is not None:
            self._waiting -= 1
            if not request.gone:
                request.taken = True
                self._acknowledge_soon(request)
                return request
        return None

    def _acknowledge_soon(self, request: IncomingRequest) -> None:
        self._taken.append(request)
        if len(self._taken) == 1:
            call_in_next_turn(self._acknowledge)

    def _acknowledge(self) -> None:
        taken, self._taken = self._taken, []
        for request in taken:
            request.acknowledge()

    def put_back(self, requests: Iterable[IncomingRequest]) -> None:
        """Have these received again, before all others."""
        returned = [request for request in requests if not request.gone]
        self._waiting += len(returned)
        for request in returned:
            request.taken = False
        self._ring.put_back(returned)

    def statistics(self) -> Statistics:
        """Return the counters."""
        return Statistics(self._received, self._dropped, self._waiting)

    def close(self) -> None:
        """Serve no more; what waits is still handed out, and what was taken can be answered."""
        if self._closed:
            return
        self._closed = True
        if self._announcement is not None:
            self._announcement.withdraw()
        self._listening.close()
        self._ring.close()
        self._on_close(self)

    def settle(self, request: IncomingRequest) -> None:
        """For `IncomingRequest`: it is answered, or its asker has gone."""
        self._open.pop((request.origin, request.number), None)
        if request.gone:
            self.gone += 1

    def decide(self, origin: bytes, number: int, granted: bool) -> None:
        """For `Exchange`: an asker has decided on a claim."""
        request = self._open.get((origin, number))
        if request is not None:
            request.settle_claim(granted)

    def asker_died(self, identity: str) -> None:
        """For `Exchange`: whoever has this identity waits for nothing any more."""
        for request in [each for each in self._open.values() if each.sender == identity]:
            request.leave()

    def _on_sample(self, sample: Sample) -> None:
        read = header.unpack(sample.attachment)
        if read is None:
            self.post.foreign += 1
            return
        kind, flags, number, origin, rest = read
        if kind == header.ASK:
            who = header.parties(origin)
            if who is not None:
                contested = flags & header.CONTESTED != 0
                self._arrive(
                    IncomingRequest(self, origin, who[0], number, contested, sample.payload, rest)
                )
                return
        elif kind == header.GONE:
            request = self._open.get((origin, number))
            if request is not None:
                request.leave()
            return
        self.post.foreign += 1

    def _arrive(self, request: IncomingRequest) -> None:
        name = (request.origin, request.number)
        if name in self._open:  # a stranger repeats what was asked
            self.post.foreign += 1
            return
        self._open[name] = request
        self._received += 1
        if self._arrived is not None:
            self._arrived(request)
            return
        if self._waiting >= self._capacity:
            self._give_up_oldest()
        if not self._telling and not self._ring.awaited:
            self._telling = True
            call_later(QUEUED_AFTER, self._tell_queued)
        self._waiting += 1
        self._ring.push(request)
        self._ring.wake()

    def _tell_queued(self) -> None:
        self._telling = False
        for request in self._open.values():
            if not request.taken:
                request.tell_queued()

    def _give_up_oldest(self) -> None:
        oldest = self._ring.receive_nowait()
        if oldest is not None:
            self._waiting -= 1
            if not oldest.gone:
                self._dropped += 1
                del self._open[oldest.origin, oldest.number]

    def __repr__(self) -> str:
        return f"<Service '{self.key}', {len(self._open)} open>"
