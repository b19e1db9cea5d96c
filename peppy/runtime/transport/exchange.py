"""Requests and replies over a transport: messages, an inbox and a number.

A request is published on the key of its service, or on a pattern: then each server whose key
matches hears it. Beside it ride the asker's identity and a number; answers go to the asker's inbox
and wake its task directly. A server acknowledges a request that the application took and did not
answer at once. An asker that leaves tells the servers that may still be at work; one that dies is
missed, because each announces itself.

An asker that knows what servers announce learns at once that nobody is there, or that whoever was
to answer has died. It follows the announcements, so knowing costs nothing per request.
"""

import itertools
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import anyio
import msgspec

from peppy.runtime.transport import exchange_header as header
from peppy.runtime.transport.exchange_calls import Call, Way
from peppy.runtime.transport.exchange_deadlines import Deadlines
from peppy.runtime.transport.exchange_errors import Refused, Unanswered, Unreachable
from peppy.runtime.transport.exchange_post import Post, inbox_of
from peppy.runtime.transport.exchange_requests import Arrived, IncomingRequest, Refusal, Service
from peppy.runtime.transport.loops import give_way, new_waiter, waiters_here
from peppy.runtime.transport.port import (
    Announcement,
    Closed,
    Listening,
    Payload,
    Presence,
    Sample,
    Transport,
    TransportError,
)
from peppy.runtime.transport.waiting import Waiter

__all__ = ["Exchange", "IncomingRequest", "Reply", "Service"]

ASKER: Final = "peppy/asker"
"""Begins the announcement of who asks; its identity is the last part."""

MOST_WAYS: Final = 1024
"""Keys and patterns asked, to which a way is kept open."""

_read_refusal: Final = msgspec.msgpack.Decoder(Refusal).decode


class Reply(msgspec.Struct, frozen=True):
    """What one server answered."""

    key: str
    payload: bytes
    attachment: bytes
    sender: str
    """The identity of the server's transport."""


class Exchange:
    """The asking and the serving of one transport; closed before the transport is."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._post = Post(transport)
        self._origin = transport.identity.encode()
        self._numbers = itertools.count(1)
        self._ways: dict[tuple[str, str | None], Way] = {}
        self._calls: dict[int, Call] = {}
        self._services: dict[str, list[Service]] = {}
        self._asker: Announcement | None = None
        self._askers: Listening | None = None
        self._deadlines: Deadlines | None = None
        self._new_waiter: Callable[[], Waiter] = new_waiter
        self._closed = False
        self.late = 0
        """Answers that came when nobody waited for them any more."""
        self._inbox = transport.listen(inbox_of(transport.identity), self._on_inbox)

    @property
    def foreign(self) -> int:
        """How many messages to a service or to the inbox were none of an exchange."""
        return self._post.foreign

    # Asking.

    async def ask(
        self,
        key: str,
        payload: Payload,
        *,
        attachment: bytes = b"",
        timeout: float,
        servers: str | None = None,
        contested: bool = False,
        on_note: Callable[[bytes], None] | None = None,
    ) -> Reply:
        """Return the first answer of whoever serves `key`, which may be a pattern.

        `servers` matches what they announce (`serve`, with one part more). If they announce the
        keys that they serve, and are few, it goes to each of them. `contested`: of those
        who hear it, one at most gets hold of it. `on_note` is called with each note.

        Raises `Unanswered` after `timeout` seconds, `Refused` if the first answer is that, `Closed`
        if the exchange ends meanwhile; and, where `servers` is given, `Unreachable` at once if
        nobody is there, or once all have gone who might have answered.
        """
        self._check()
        way = self._ways.get((key, servers)) or self._new_way(key, servers)
        deadlines = self._deadlines or self._first_deadlines()
        deadline = deadlines.now() + timeout
        roster = way.roster
        if not way.heard or roster is None:
            await self._seek(way, timeout)
        here = None if roster is None else roster.here
        call = Call(way, self._new_waiter(), deadline, here, on_note)
        number = next(self._numbers)
        self._calls[number] = call
        way.calls[call] = None
        label = header.pack(header.ASK, number, self._origin, header.CONTESTED * contested)
        try:
            way.put(payload, label + attachment)
            deadlines.add(deadline)
            if call.kind:  # a server on this loop was quick: others have their turn all the same
                await give_way()
            else:
                await call.waiter.wait()
        finally:
            del self._calls[number]
            del way.calls[call]
            if not self._closed:
                self._leave(way, number, call)
        if call.kind == header.REPLY:
            sender, server = header.parties(call.origin) or ("", "")
            return Reply(server, call.payload, call.attachment, sender)
        raise self._failure(call, timeout)

    async def seek(self, servers: str) -> list[str]:
        """Return what is announced now by those who match, asking everybody."""
        self._check()
        return await self._transport.present(servers)

    def _new_way(self, key: str, servers: str | None) -> Way:
        if self._asker is None:
            self._asker = self._transport.announce(f"{ASKER}/{self._transport.identity}")
        if len(self._ways) >= MOST_WAYS:
            idle = next((name for name, way in self._ways.items() if way.idle), None)
            if idle is not None:
                self._ways.pop(idle).close()
        way = self._ways[key, servers] = Way(self._transport, key, servers)
        return way

    def _first_deadlines(self) -> Deadlines:
        self._new_waiter = waiters_here()
        self._deadlines = Deadlines(self._sweep)
        return self._deadlines

    def _sweep(self, now: float) -> float:
        following = math.inf
        for call in self._calls.values():
            if call.deadline <= now:
                call.end()
            elif call.deadline < following:
                following = call.deadline
        return following

    async def _seek(self, way: Way, timeout: float) -> None:
        """Return when a server can be heard."""
        way.seeking += 1  # it is in use: nobody closes it
        try:
            with anyio.move_on_after(timeout) as scope:
                await way.find_server()
        finally:
            way.seeking -= 1
        if scope.cancelled_caught:
            raise Unanswered(way.key, timeout, acknowledged=False, queued=True)

    def _leave(self, way: Way, number: int, call: Call) -> None:
        """Tell those who may still be at work that nobody waits."""
        if call.kind:
            if call.candidates is None:
                others = way.many
            else:
                who = header.parties(call.origin)
                others = len(call.candidates) > 1 or who is None or who[0] not in call.candidates
            if not others:
                return
        with suppress(TransportError):
            way.put(b"", header.pack(header.GONE, number, self._origin))

    def _failure(self, call: Call, timeout: float) -> Exception:
        way = call.way
        if call.kind:
            sender, server = header.parties(call.origin) or ("", "")
            refusal = _refusal_in(call.payload)
            return Refused(server, refusal.reason, refusal.kind, refusal.detail, sender)
        if self._closed:
            return Closed("the exchange")
        if way.roster is not None and call.lost(way.roster.here):
            return Unreachable(way.key, left=True, acknowledged=call.acknowledged)
        return Unanswered(way.key, timeout, acknowledged=call.acknowledged, queued=call.waits())

    # Serving.

    def serve(
        self,
        key: str,
        *,
        announce: str | None = None,
        capacity: int = 128,
        arrived: Arrived | None = None,
    ) -> Service:
        """Declare that `key` (no wildcards) is served here; requests come out of what returns.

        While that is so, `announce` is announced, with our identity as one part more. Beyond
        `capacity` requests that wait, the oldest are given up and counted: their askers time out.
        With `arrived`, which must not raise, each request goes to that function on the loop
        instead; it answers, or acknowledges when the application takes the request.
        """
        self._check()
        if self._askers is None:
            self._askers = self._transport.follow(f"{ASKER}/*", self._on_asker)
        service = Service(self._post, key, announce, capacity, arrived, self._forget)
        self._services.setdefault(service.key, []).append(service)
        return service

    def _forget(self, service: Service) -> None:
        serving = self._services.get(service.key, [])
        if service in serving:
            serving.remove(service)
        if not serving:
            self._services.pop(service.key, None)

    def _on_asker(self, presence: Presence) -> None:
        if not presence.present:
            identity = presence.key.rpartition("/")[2]
            for service in [each for those in self._services.values() for each in those]:
                service.asker_died(identity)
            self._post.forget(identity)

    # What arrives.

    def _on_inbox(self, sample: Sample) -> None:
        read = header.unpack(sample.attachment)
        who = None if read is None else header.parties(read[3])
        if read is None or who is None:
            self._post.foreign += 1
            return
        kind, _, number, origin, rest = read
        call = self._calls.get(number)
        if kind in (header.REPLY, header.REFUSED):
            if call is None or call.kind or call.claimant not in (None, who[0]):
                self.late += 1
            elif not call.way.may_answer(who[1]):
                self._post.foreign += 1
            else:
                call.answer(kind, origin, sample.payload, rest)
        elif kind == header.CLAIM:
            self._on_claim(number, call, *who)
        elif kind in (header.GRANTED, header.DENIED):
            for service in self._services.get(rest.decode(errors="replace"), ()):
                service.decide(origin, number, kind == header.GRANTED)
        elif kind not in (header.TAKEN, header.QUEUED, header.NOTE):
            self._post.foreign += 1
        elif call is not None and not call.kind:
            if kind == header.TAKEN:
                call.acknowledged = True
            elif kind == header.QUEUED:
                call.queued = (call.queued or set()) | {who[0]}
            elif call.on_note is not None:
                call.on_note(sample.payload)

    def _on_claim(self, number: int, call: Call | None, identity: str, key: str) -> None:
        granted = call is not None and not call.kind and call.claimant in (None, identity)
        if call is not None and granted:
            call.claimant = identity
        kind = header.GRANTED if granted else header.DENIED
        with suppress(TransportError):  # the server learns it from our absence
            label = header.pack(kind, number, self._origin) + key.encode()
            self._post.to(identity).put(b"", label)

    def _check(self) -> None:
        if self._closed:
            raise Closed("the exchange")

    def close(self) -> None:
        """Give everything back; whoever asks or serves gets `Closed`. Twice is fine."""
        if self._closed:
            return
        self._closed = True
        self._inbox.close()
        if self._askers is not None:
            self._askers.close()
        for service in [each for those in self._services.values() for each in those]:
            service.close()
        if self._deadlines is not None:
            self._deadlines.close()
        for call in self._calls.values():
            call.end()
        for way in self._ways.values():
            way.close()
        self._ways.clear()
        if self._asker is not None:
            self._asker.withdraw()
        self._post.close()


def _refusal_in(payload: bytes) -> Refusal:
    try:
        return _read_refusal(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Refusal("for a reason that cannot be read")
