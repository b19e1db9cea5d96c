"""The serving end of one service in one node: requests opened, handed to code, and answered."""

import asyncio
import traceback
from collections.abc import Callable
from contextlib import suppress
from inspect import isawaitable
from typing import Any, Final

from peppy.runtime import service_formats
from peppy.runtime.complaints import Complaints
from peppy.runtime.runner import NodeRunner
from peppy.runtime.service_formats import ServiceFormats
from peppy.runtime.service_running import unless_gone
from peppy.runtime.transport.exchange import IncomingRequest
from peppy.runtime.transport.port import TransportError
from peppy.runtime.transport.waiting import on_trio
from peppy.runtime.unfit import UnfitValue, UnreadablePayload, shown
from peppy.schema import keys, service_label
from peppy.schema.traffic import EndKind, EndTraffic, PeerTraffic
from peppy.schema.wording import quoted

Handler = Callable[[Any], object]

CAPACITY: Final = 128
"""Requests that may wait; beyond that the oldest are given up."""

MOST_PEERS: Final = 1024
"""Callers counted one by one; those met later are counted together."""

THE_REST: Final = "others"

LONGEST_REASON: Final = 2000
"""Characters of an error that a caller is told."""


class _Peer:
    __slots__ = ("bytes", "errors", "mismatched", "requests", "unreadable")

    def __init__(self) -> None:
        self.requests = self.bytes = self.unreadable = self.mismatched = self.errors = 0


class Server:
    """One exposed service on the wire."""

    def __init__(
        self,
        node_runner: NodeRunner,
        name: str,
        formats: ServiceFormats,
        request: type[Any],
        response: type[Any] | None,
    ) -> None:
        self._name = name
        self._formats = formats
        self._expected = formats.fingerprints
        self._request = request
        self._decode = None if formats.request is None else formats.request.decode
        self._encode = None if formats.response is None else formats.response.encode
        self._response = response
        self._peers: dict[str, _Peer] = {}
        self._foreign = self._replies = self._gone = 0
        self._complaints = Complaints()
        address = node_runner.address
        key = keys.service(address, name)
        self._service = node_runner.exchange.serve(key, announce=key, capacity=CAPACITY)
        self._receive = self._service.receive

    async def handle_next(self, handler: Handler) -> None:
        """Have `handler` answer one request that can be read. Raises `Closed`.

        Cancelled, it leaves the request to the next call; also while the handler runs.
        """
        while True:
            incoming = await self._receive(acknowledge=False)
            opened = self._open(incoming)
            if opened is not None:
                await self._handle(incoming, *opened, handler)
                return

    async def _handle(
        self, incoming: IncomingRequest, request: Any, peer: _Peer, handler: Handler
    ) -> None:
        # Nothing is awaited between taking the request and this: a cancelled wait loses nothing.
        try:
            answer = handler(request)
            if type(answer) is not self._response and isawaitable(answer):
                answer = await unless_gone(incoming, answer)
                if incoming.gone:
                    self._gone += 1
                    return
        except Exception as error:
            self._count_error(incoming, peer, error)
        except BaseException as error:
            if _cancels_us(error):
                peer.requests -= 1
                incoming.put_back()
                raise
            self._count_error(incoming, peer, error)
        else:
            self._answer(incoming, peer, answer)

    def _open(self, incoming: IncomingRequest) -> tuple[Any, _Peer] | None:
        label = service_label.unpack(incoming.attachment)
        if label is None:
            self._foreign += 1
            self._refuse(incoming, "the request does not say who asks", service_formats.UNREADABLE)
            self._complain("foreign", "a request that does not say who asks was refused")
            return None
        instance_id = label.instance_id
        peer = self._peer(instance_id)
        if (label.request, label.response) != self._expected:
            peer.mismatched += 1
            detail = self._formats.literals
            why = "its message formats are others"
            self._refuse(incoming, why, service_formats.MISMATCH, detail)
            said = f"requests of {quoted(instance_id)} are refused: {why}; it is told which"
            self._complain(("mismatch", instance_id), said)
            return None
        if self._decode is None:
            request = self._request(instance_id, label.core_node)
        else:
            try:
                data = self._decode(incoming.payload)
            except UnreadablePayload as error:
                peer.unreadable += 1
                self._refuse(incoming, error.sentence, service_formats.UNREADABLE)
                said = f"{error.sentence} (from {quoted(instance_id)}); refused"
                self._complain(("unreadable", instance_id), said)
                return None
            request = self._request(instance_id, label.core_node, data)
        peer.requests += 1
        peer.bytes += len(incoming.payload)
        return request, peer

    def _answer(self, incoming: IncomingRequest, peer: _Peer, answer: object) -> None:
        try:
            incoming.reply(self._encoded(answer))
        except (UnfitValue, TransportError) as error:
            peer.errors += 1
            self._refuse(incoming, str(error), service_formats.UNFIT)
            self._complain("unfit", f"{error}; the caller is told", "error")
        else:
            self._replies += 1

    def _encoded(self, answer: object) -> bytes:
        if self._encode is None or self._response is None:
            return b""
        if not isinstance(answer, self._response):
            expected = quoted(self._response.__name__)
            problem = f"the handler returned {shown(answer)}, not a {expected}"
            raise UnfitValue(problem, subject=f"response of service '{self._name}'")
        return self._encode(answer)

    def _count_error(self, incoming: IncomingRequest, peer: _Peer, error: BaseException) -> None:
        peer.errors += 1
        self._refuse(incoming, told(error), service_formats.ERROR)
        lines = "".join(traceback.format_exception(error)).rstrip("\n")
        said = f"a handler failed; the caller is told\n{lines}"
        self._complain(("error", type(error)), said, "error")

    def _refuse(
        self, incoming: IncomingRequest, reason: str, kind: str, detail: bytes = b""
    ) -> None:
        with suppress(TransportError):  # who asked will have to do without
            incoming.refuse(reason, kind, detail)

    def _complain(self, trouble: object, line: str, what: str = "warning") -> None:
        self._complaints.about(trouble, f"{what}: service '{self._name}': {line}")

    def _peer(self, instance_id: str) -> _Peer:
        peer = self._peers.get(instance_id)
        if peer is None:
            who = instance_id if len(self._peers) < MOST_PEERS else THE_REST
            peer = self._peers.setdefault(who, _Peer())
        return peer

    def traffic(self) -> EndTraffic:
        """Return what was asked, and by whom."""
        statistics = self._service.statistics()
        peers = self._peers.values()
        return EndTraffic(
            kind=EndKind.SERVICE,
            name=self._name,
            messages=sum(peer.requests for peer in peers),
            bytes=sum(peer.bytes for peer in peers),
            dropped=statistics.dropped,
            foreign=self._foreign,
            waiting=statistics.waiting,
            peers=tuple(
                PeerTraffic(
                    instance_id=instance_id,
                    messages=peer.requests,
                    bytes=peer.bytes,
                    unreadable=peer.unreadable,
                    mismatched=peer.mismatched,
                )
                for instance_id, peer in self._peers.items()
            ),
            more={
                "replies": self._replies,
                "errors": sum(peer.errors for peer in peers),
                "refused": sum(peer.unreadable + peer.mismatched for peer in peers) + self._foreign,
                "gone": self._service.gone,
                "cancelled": self._gone,
            },
        )

    def close(self) -> None:
        """Serve no more."""
        self._service.close()


def told(error: BaseException) -> str:
    """Return what a caller is told of an error: its type and its text, never its traceback."""
    try:
        text = str(error)
    except Exception:  # whatever somebody's `__str__` does
        text = ""
    whole = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return whole if len(whole) <= LONGEST_REASON else whole[: LONGEST_REASON - 1] + "…"


def _cancels_us(error: BaseException) -> bool:
    """Say whether this ends the task that runs a handler, not the handler alone.

    On asyncio a handler that awaits a task which somebody cancelled raises the same as one that is
    cancelled itself.
    """
    if isinstance(error, asyncio.CancelledError) and not on_trio():
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return True
