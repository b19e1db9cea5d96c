"""The transport over zenoh; the only module that imports it.

What others send arrives on zenoh's threads: `_Inlet` turns it into a `Sample`, pushes it into its
ring and has the loop woken (`handover`). What this process sends to itself does not go through
zenoh, which would deliver it on the sender's own thread: that is the loop, and a full `BLOCK` ring
would hold up the very loop that has to empty it. Subscribers are declared for remote senders only,
and local delivery waits on the loop like any other task.
"""

import contextlib
import json
import socket
from collections.abc import Callable
from typing import Any, Final

import anyio.to_thread
import msgspec
import zenoh

from peppy.runtime.transport.handover import Handover
from peppy.runtime.transport.loops import give_way, open_handover
from peppy.runtime.transport.memory import no_size, sample_size
from peppy.runtime.transport.port import (
    Announcement,
    Closed,
    Delivery,
    Overflow,
    Presence,
    Publisher,
    Sample,
    Subscription,
    Transport,
    TransportError,
)
from peppy.runtime.transport.ring import TURN, Ring
from peppy.runtime.transport.routes import BadKey, Routes, matcher

LARGEST_PAYLOAD: Final = 512 * 1024 * 1024
"""Bytes; beyond this a sender is refused rather than a receiver flooded."""


class PortTaken(TransportError):
    """A router cannot listen: somebody else does."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(
            f"messaging port {port} is taken", hint="choose another with PEPPY_MESSAGING_PORT"
        )


class WireError(TransportError):
    """Zenoh refuses, in its own words."""

    def __init__(self, what: str, error: Exception) -> None:
        super().__init__(f"{what}: {error}")


def free_port() -> int:
    """Return a TCP port of loopback that nobody listens on now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def open_router(port: int) -> "ZenohTransport":
    """Return a transport through which others find one another: it listens on loopback.

    Raises `PortTaken`, or `WireError`.
    """
    settings = {
        "mode": "router",
        "listen/endpoints": [f"tcp/127.0.0.1:{port}"],
        "scouting/delay": 1,
    }
    try:
        return await _open(settings)
    except WireError as error:
        if "in use" in error.sentence:
            raise PortTaken(port) from error
        raise


async def open_peer(host: str, port: int) -> "ZenohTransport":
    """Return a transport of a node, linked directly to the other nodes of the router at `port`.

    It opens whether or not a router is there, and joins it when it comes. Raises `WireError`.
    """
    return await _open(
        {
            "mode": "peer",
            "listen/endpoints": ["tcp/127.0.0.1:0"],
            "connect/endpoints": [f"tcp/{host}:{port}"],
            "connect/timeout_ms": -1,
            "connect/exit_on_failure": False,
            "scouting/delay": 1,
        }
    )


async def _open(settings: dict[str, Any]) -> "ZenohTransport":
    common = {"scouting/multicast/enabled": False, "scouting/gossip/enabled": True}
    config: Any = zenoh.Config()  # its methods have no types
    for name, value in (common | settings).items():
        config.insert_json5(name, json.dumps(value))
    try:
        session = await anyio.to_thread.run_sync(zenoh.open, config)
    except zenoh.ZError as error:
        raise WireError("messaging cannot be opened", error) from error
    return ZenohTransport(session, open_handover())


class Terms(msgspec.Struct, frozen=True):
    """What a `Delivery` means to zenoh."""

    congestion: zenoh.CongestionControl
    priority: zenoh.Priority
    express: bool


_TERMS: Final = {
    Delivery.DROP: Terms(zenoh.CongestionControl.DROP, zenoh.Priority.DATA, False),
    Delivery.STANDARD: Terms(zenoh.CongestionControl.BLOCK, zenoh.Priority.DATA, False),
    Delivery.RELIABLE: Terms(zenoh.CongestionControl.BLOCK, zenoh.Priority.DATA_HIGH, False),
    Delivery.URGENT: Terms(zenoh.CongestionControl.BLOCK, zenoh.Priority.REAL_TIME, True),
}


class ZenohTransport(Transport):
    """A zenoh session, seen from one event loop."""

    def __init__(self, session: Any, handover: Handover) -> None:
        self._session = session  # a zenoh.Session, whose methods are typed by halves
        self._handover = handover
        self._identity = str(session.info.zid())
        self._local: Routes[Sample] = Routes()
        self._rings: set[Ring[Any]] = set()
        self._announced: set[ZenohAnnouncement] = set()
        """Kept here, because zenoh takes back a token that nobody holds."""
        self._open = True

    @property
    def identity(self) -> str:
        """The session's zenoh id."""
        return self._identity

    def publisher(self, key: str, delivery: Delivery = Delivery.STANDARD) -> Publisher:
        """Declare a way out."""
        self._check()
        if "*" in key:
            raise BadKey(key)
        terms = _TERMS[delivery]
        try:
            declared = self._session.declare_publisher(
                key,
                congestion_control=terms.congestion,
                priority=terms.priority,
                express=terms.express,
                reliability=zenoh.Reliability.RELIABLE,
                allowed_destination=zenoh.Locality.REMOTE,
            )
        except zenoh.ZError as error:
            raise BadKey(key) from error
        return ZenohPublisher(declared, key, self._local)

    def subscribe(
        self, pattern: str, *, capacity: int = 128, overflow: Overflow = Overflow.DROP_OLDEST
    ) -> Subscription[Sample]:
        """Declare a way in."""
        self._check()
        declared: list[Any] = []
        ring = self._ring(pattern, capacity, overflow, sample_size, declared)
        handover = self._handover

        def arrive(sample: zenoh.Sample) -> None:  # on a thread of zenoh's
            attachment = sample.attachment
            ring.push_waiting(
                Sample(
                    str(sample.key_expr),
                    sample.payload.to_bytes(),
                    b"" if attachment is None else attachment.to_bytes(),
                )
            )
            handover.call(ring.wake)

        callback = zenoh.handlers.Callback(arrive, indirect=False)
        try:
            declared.append(
                self._session.declare_subscriber(
                    pattern, callback, allowed_origin=zenoh.Locality.REMOTE
                )
            )
        except zenoh.ZError as error:
            raise BadKey(pattern) from error
        self._local.add(pattern, ring)
        return ring

    def announce(self, key: str) -> Announcement:
        """Let others see `key`."""
        self._check()
        try:
            token = self._session.liveliness().declare_token(key)
        except zenoh.ZError as error:
            raise BadKey(key) from error
        announcement = ZenohAnnouncement(token, self._announced.discard)
        self._announced.add(announcement)
        return announcement

    def watch(self, pattern: str, *, capacity: int = 1024) -> Subscription[Presence]:
        """Follow announcements."""
        self._check()
        matcher(pattern)
        declared: list[Any] = []
        ring = self._ring(pattern, capacity, Overflow.DROP_OLDEST, no_size, declared)
        handover = self._handover

        def change(sample: zenoh.Sample) -> None:  # on a thread of zenoh's
            present = sample.kind == zenoh.SampleKind.PUT
            ring.push(Presence(str(sample.key_expr), present))
            handover.call(ring.wake)

        callback = zenoh.handlers.Callback(change, indirect=False)
        declared.append(
            self._session.liveliness().declare_subscriber(pattern, callback, history=True)
        )
        return ring

    async def close(self, timeout: float = 2.0) -> None:
        """Close all that was declared here, and the session; leave it behind if that hangs."""
        if not self._open:
            return
        self._open = False
        for ring in list(self._rings):
            ring.close()
        with anyio.CancelScope(shield=True), anyio.move_on_after(timeout, shield=True):
            await anyio.to_thread.run_sync(self._close_session, abandon_on_cancel=True)
        self._handover.close()

    def _close_session(self) -> None:
        with contextlib.suppress(zenoh.ZError):
            self._session.close()

    def _ring(
        self,
        pattern: str,
        capacity: int,
        overflow: Overflow,
        size: Callable[[Any], int],
        declared: list[Any],
    ) -> Ring[Any]:
        def forget(ring: Ring[Any]) -> None:
            self._rings.discard(ring)
            self._local.remove(ring)
            for subscriber in declared:
                with contextlib.suppress(zenoh.ZError):
                    subscriber.undeclare()

        ring: Ring[Any] = Ring(pattern, capacity, overflow, size, forget)
        self._rings.add(ring)
        return ring

    def _check(self) -> None:
        if not self._open:
            raise Closed("the transport")


class ZenohPublisher(Publisher):
    """A declared zenoh publisher, and the listeners in this process."""

    def __init__(self, declared: Any, key: str, local: Routes[Sample]) -> None:
        self._declared = declared
        self._key = key
        self._local = local
        self._closed = False
        self._in_a_row = 0

    @property
    def key(self) -> str:
        """The key of every message."""
        return self._key

    async def send(self, payload: bytes, attachment: bytes = b"") -> None:
        """Hand over one message."""
        if self._closed:
            raise Closed(f"the publisher of '{self._key}'")
        if len(payload) > LARGEST_PAYLOAD:
            raise TransportError(
                f"a message of {len(payload)} bytes on '{self._key}' is larger than"
                f" {LARGEST_PAYLOAD} bytes"
            )
        self._in_a_row += 1
        if self._in_a_row >= TURN:
            self._in_a_row = 0
            await give_way()
        local = self._local.listening(self._key)
        while any(ring.full for ring in local):
            await next(ring for ring in local if ring.full).room()
            local = self._local.listening(self._key)
        try:
            self._declared.put(payload, attachment=attachment or None)
        except zenoh.ZError as error:
            raise Closed(f"the publisher of '{self._key}'") from error
        if local:
            sample = Sample(self._key, bytes(payload), attachment)
            for ring in local:
                ring.push(sample)
                ring.wake()

    def matched(self) -> bool:
        """Say whether somebody is known to listen."""
        if self._local.listening(self._key):
            return True
        if self._closed:
            return False
        status: Any = self._declared.matching_status  # the binding's types call it a bool
        return bool(status.matching)

    def close(self) -> None:
        """Give the declaration back."""
        if not self._closed:
            self._closed = True
            with contextlib.suppress(zenoh.ZError):
                self._declared.undeclare()


class ZenohAnnouncement(Announcement):
    """A zenoh liveliness token."""

    def __init__(self, token: Any, forget: Callable[["ZenohAnnouncement"], None]) -> None:
        self._token = token
        self._forget = forget

    def withdraw(self) -> None:
        """Take it back."""
        token, self._token = self._token, None
        self._forget(self)
        if token is not None:
            with contextlib.suppress(zenoh.ZError):
                token.undeclare()
