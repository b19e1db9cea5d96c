"""The calling end of one service in one node: requests sent, answers opened, failures named."""

from typing import Any, Final

import anyio
import msgspec

from peppy.runtime import service_formats
from peppy.runtime.reach import Missing, Target, reach_of
from peppy.runtime.runner import NodeRunner
from peppy.runtime.service_errors import ServiceError, ServiceTimeout, ServiceUnreachable
from peppy.runtime.service_formats import ServiceFormats
from peppy.runtime.transport.exchange import Reply
from peppy.runtime.transport.exchange_errors import Refused, Unanswered, Unreachable
from peppy.runtime.unfit import UnreadablePayload
from peppy.schema import keys, service_label
from peppy.schema.names import is_name
from peppy.schema.traffic import EndKind, EndTraffic, PeerTraffic
from peppy.schema.wording import quoted

MOST_PEERS: Final = 1024
"""Servers counted one by one; those met later are counted together."""

THE_REST: Final = "others"


class _Route(msgspec.Struct, frozen=True):
    """Whom a call goes to."""

    target: Target
    key: str
    servers: str


class _Peer:
    __slots__ = ("bytes", "mismatched", "replies", "unreadable")

    def __init__(self) -> None:
        self.replies = self.bytes = self.unreadable = self.mismatched = 0


class Caller:
    """One consumed service on the wire."""

    def __init__(
        self,
        node_runner: NodeRunner,
        node: str,
        name: str,
        formats: ServiceFormats,
        response: type[Any] | None,
        link: str | None = None,
    ) -> None:
        """`link` is the dependency's label, by which an instance of it may be bound."""
        self._runner = node_runner
        self._bound = node_runner.instance_of(link)
        self._exchange = node_runner.exchange
        self._node = node
        self._name = name
        self._formats = formats
        self._encode = None if formats.request is None else formats.request.encode
        self._decode = None if formats.response is None else formats.response.decode
        self._response = response
        self._label = service_label.pack(*formats.fingerprints, node_runner.address)
        self._routes: dict[tuple[str | None, str | None], _Route] = {}
        self._peers: dict[str, _Peer] = {}
        self._calls = self._bytes = self._errors = self._timeouts = self._unreachable = 0

    async def call(
        self, request: object, timeout: float, core_node: str | None, instance_id: str | None
    ) -> Any:
        """Return the response of the first that answers; see `ConsumedService.poll`."""
        if not timeout >= 0:  # a NaN is not, either
            raise ValueError(f"a timeout is a number of seconds from 0, not {timeout}")
        if instance_id is None:
            instance_id = self._bound
        route = self._routes.get((core_node, instance_id))
        if route is None:
            route = self._new_route(core_node, instance_id)
        payload = b"" if self._encode is None else self._encode(request)
        self._calls += 1
        self._bytes += len(payload)
        try:
            try:
                reply = await self._exchange.ask(
                    route.key,
                    payload,
                    attachment=self._label,
                    timeout=timeout,
                    servers=route.servers,
                )
            except Unreachable as error:
                reply = await self._ask_again(route, payload, timeout, error)
        except Refused as refused:
            self._errors += 1
            raise ServiceError(self._name, instance_id, self._reason(refused)) from None
        except Unanswered as error:
            if error.queued and not error.acknowledged:
                self._unreachable += 1
                why = f"nobody took the request up within {timeout:g} s"
                raise ServiceUnreachable(self._name, instance_id, why) from None
            self._timeouts += 1
            raise ServiceTimeout(self._name, instance_id, timeout) from None
        except ServiceUnreachable:
            self._unreachable += 1
            raise
        return self._opened(reply, instance_id)

    async def _ask_again(
        self, route: _Route, payload: bytes, timeout: float, why_not: Unreachable
    ) -> Reply:
        """Return the reply of a server that is still to come."""
        left = timeout
        while True:
            if why_not.left:
                instance_id = route.target.instance_id
                why = "whoever was to answer went away before it did"
                raise ServiceUnreachable(self._name, instance_id, why)
            left = await self._until_served(route, left, timeout)
            try:
                return await self._exchange.ask(
                    route.key,
                    payload,
                    attachment=self._label,
                    timeout=left,
                    servers=route.servers,
                )
            except Unreachable as error:
                why_not = error

    async def _until_served(self, route: _Route, left: float, timeout: float) -> float:
        """Return the seconds that are left when a server is there."""
        began = anyio.current_time()
        instance_id = route.target.instance_id
        try:
            with anyio.move_on_after(left):
                await reach_of(self._runner).server(route.target, route.servers)
                return max(0.0, left - (anyio.current_time() - began))
        except Missing as missing:
            raise ServiceUnreachable(self._name, instance_id, str(missing)) from None
        why = f"{quoted(self._node)} is running and did not serve it within {timeout:g} s"
        raise ServiceUnreachable(self._name, instance_id, why)

    def _opened(self, reply: Reply, target: str | None) -> Any:
        core_node, instance_id = keys.server_in(reply.key)
        peer = self._peer(instance_id)
        if self._decode is None or self._response is None:
            peer.replies += 1
            return None
        try:
            data = self._decode(reply.payload)
        except UnreadablePayload as error:
            peer.unreadable += 1
            raise ServiceError(self._name, target, error.sentence) from None
        peer.replies += 1
        peer.bytes += len(reply.payload)
        return self._response(core_node, instance_id, data)

    def _reason(self, refused: Refused) -> str:
        if refused.kind != service_formats.MISMATCH:
            return refused.reason
        _, instance_id = keys.server_in(refused.key)
        self._peer(instance_id).mismatched += 1
        differences = self._formats.differences(refused.detail)
        return f"{quoted(instance_id)} has another message format: {differences}"

    def _new_route(self, core_node: str | None, instance_id: str | None) -> _Route:
        for target in (core_node, instance_id):
            if target is not None and not is_name(target):
                raise ValueError(f"service '{self._name}': '{target}' cannot be a server's name")
        route = self._routes[core_node, instance_id] = _Route(
            Target(self._node, core_node, instance_id),
            keys.service_pattern(self._name, self._node, core_node, instance_id),
            keys.serving_pattern(self._name, self._node, core_node, instance_id),
        )
        return route

    def _peer(self, instance_id: str) -> _Peer:
        peer = self._peers.get(instance_id)
        if peer is None:
            who = instance_id if len(self._peers) < MOST_PEERS else THE_REST
            peer = self._peers.setdefault(who, _Peer())
        return peer

    def traffic(self) -> EndTraffic:
        """Return what was called, and who answered."""
        return EndTraffic(
            kind=EndKind.CALLER,
            name=self._name,
            messages=self._calls,
            bytes=self._bytes,
            peers=tuple(
                PeerTraffic(
                    instance_id=instance_id,
                    messages=peer.replies,
                    bytes=peer.bytes,
                    unreadable=peer.unreadable,
                    mismatched=peer.mismatched,
                )
                for instance_id, peer in self._peers.items()
            ),
            more={
                "errors": self._errors,
                "timeouts": self._timeouts,
                "unreachable": self._unreachable,
            },
        )

    def close(self) -> None:
        """Nothing is held here: the ways belong to the exchange."""
