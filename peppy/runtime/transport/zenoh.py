"""The transport over zenoh; the only module that imports it.

What others send arrives on zenoh's threads: a callback turns it into a `Sample`, pushes it into its
ring and has the loop woken (`handover`). What this process sends to itself does not go through
zenoh, which would deliver it on the sender's own thread: that is the loop, and a full `BLOCK` ring
would hold up the very loop that has to empty it. Publishers and subscribers are declared for remote
partners only, and local delivery waits on the loop like any other task.

A full `BLOCK` ring holds zenoh's receiving thread, and with it whatever else comes over that link.
Once the link's buffers are full as well, `send` holds the sender's loop, for zenoh cannot be asked
to send only if it need not wait. A sender that was held for 5 s (zenoh's `wait_before_close`) gives
up the link and what is on it. So a `BLOCK` ring is for readers that are late, not for ones that
stand still, and two processes that fill one another's `BLOCK` rings hold one another.

A node may run all of zenoh on one thread (`ZENOH_RUNTIME`) only if none of its rings is `BLOCK`.
"""

import atexit
import contextlib
import json
import socket
import weakref
from collections.abc import Callable
from typing import Any, Final

import anyio
import msgspec
import zenoh

from peppy.runtime.transport.aside import aside
from peppy.runtime.transport.delivery import DeclaredPublisher, push_to_all, room_in_all
from peppy.runtime.transport.handover import Handover
from peppy.runtime.transport.loops import open_handover
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
from peppy.runtime.transport.ring import Ring, presence_size, sample_size
from peppy.runtime.transport.routes import BadKey, Routes, canonical
from peppy.runtime.transport.thread_state import keeping

LARGEST_PAYLOAD: Final = 512 * 1024 * 1024
"""Bytes; beyond this a sender is refused rather than a receiver flooded."""

_EVERYWHERE: Final = {
    "scouting/multicast/enabled": False,
    "scouting/gossip/enabled": True,
    # Milliseconds that opening waits for others: those who come later are found all the same.
    "scouting/delay": 1,
}


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
    try:
        return await _open({"mode": "router", "listen/endpoints": [f"tcp/127.0.0.1:{port}"]})
    except WireError as error:
        if "already in use" in error.sentence.lower():
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
        }
    )


async def _open(settings: dict[str, Any]) -> "ZenohTransport":
    config: Any = zenoh.Config()  # its methods have no types
    for name, value in (_EVERYWHERE | settings).items():
        config.insert_json5(name, json.dumps(value))
    handover = open_handover()
    try:
        session = await aside(handover, lambda: zenoh.open(config))
    except BaseException as error:  # a session that nobody takes closes itself
        handover.close()
        if isinstance(error, zenoh.ZError):
            raise WireError("messaging cannot be opened", error) from error
        raise
    return ZenohTransport(session, handover)


class Terms(msgspec.Struct, frozen=True):
    """What a `Delivery` means to zenoh."""

    congestion: zenoh.CongestionControl
    priority: zenoh.Priority
    express: bool = False


_TERMS: Final = {
    Delivery.DROP: Terms(zenoh.CongestionControl.DROP, zenoh.Priority.DATA),
    Delivery.STANDARD: Terms(zenoh.CongestionControl.BLOCK, zenoh.Priority.DATA),
    Delivery.RELIABLE: Terms(zenoh.CongestionControl.BLOCK, zenoh.Priority.DATA_HIGH),
    Delivery.URGENT: Terms(zenoh.CongestionControl.BLOCK, zenoh.Priority.REAL_TIME, express=True),
}


class ZenohTransport(Transport):
    """A zenoh session, seen from one event loop."""

    def __init__(self, session: Any, handover: Handover) -> None:
        self._session = session  # a zenoh.Session, whose methods are typed by halves
        self._handover = handover
        self._identity = str(session.info.zid())
        self._local: Routes[Sample] = Routes()
        self._rings: set[Ring[Any]] = set()
        self._publishers: set[ZenohPublisher] = set()
        self._announced: set[ZenohAnnouncement] = set()
        """Kept here, because zenoh takes back a token that nobody holds."""
        self._closed = False
        _open_ones.add(self)

    @property
    def identity(self) -> str:
        """The session's zenoh id."""
        return self._identity

    def publisher(self, key: str, delivery: Delivery = Delivery.STANDARD) -> Publisher:
        """Declare a way out."""
        self._check()
        key = canonical(key)
        terms = _TERMS[delivery]
        try:
            declared = self._session.declare_publisher(
                key,
                congestion_control=terms.congestion,
                priority=terms.priority,
                express=terms.express,
                # Between two hops nothing gets lost; a sender that may drop does so by congestion.
                reliability=zenoh.Reliability.RELIABLE,
                allowed_destination=zenoh.Locality.REMOTE,
            )
        except zenoh.ZError as error:
            raise BadKey(key) from error
        publisher = ZenohPublisher(declared, key, self._local, self._publishers.discard)
        self._publishers.add(publisher)
        return publisher

    def subscribe(
        self, pattern: str, *, capacity: int = 128, overflow: Overflow = Overflow.DROP_OLDEST
    ) -> Subscription[Sample]:
        """Declare a way in."""
        self._check()
        pattern = canonical(pattern)
        declared: list[Any] = []
        name = f"the subscription to '{pattern}'"
        ring: Ring[Sample] = Ring(name, capacity, overflow, sample_size, self._forgetter(declared))
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

        callback = zenoh.handlers.Callback(keeping(arrive), indirect=False)
        remote = zenoh.Locality.REMOTE
        try:
            declared.append(
                self._session.declare_subscriber(pattern, callback, allowed_origin=remote)
            )
        except zenoh.ZError as error:
            raise BadKey(pattern) from error
        self._rings.add(ring)
        self._local.add(pattern, ring)
        return ring

    def announce(self, key: str) -> Announcement:
        """Let others see `key`."""
        self._check()
        key = canonical(key)
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
        pattern = canonical(pattern)
        declared: list[Any] = []
        name, drop = f"the watch on '{pattern}'", Overflow.DROP_OLDEST
        ring: Ring[Presence] = Ring(name, capacity, drop, presence_size, self._forgetter(declared))
        handover = self._handover

        def change(sample: zenoh.Sample) -> None:  # on a thread of zenoh's, or on the loop
            present = sample.kind == zenoh.SampleKind.PUT
            ring.push(Presence(str(sample.key_expr), present))
            handover.call(ring.wake)

        callback = zenoh.handlers.Callback(keeping(change), indirect=False)
        liveliness = self._session.liveliness()
        try:
            declared.append(liveliness.declare_subscriber(pattern, callback, history=True))
        except zenoh.ZError as error:
            raise BadKey(pattern) from error
        self._rings.add(ring)
        return ring

    async def close(self, timeout: float = 2.0) -> None:
        """Close all that was declared here, and the session; leave it to itself if that hangs."""
        if self._closed:
            return
        self._closed = True
        _open_ones.discard(self)
        for publisher in list(self._publishers):
            publisher.end()
        for ring in list(self._rings):
            ring.close()
        try:
            with anyio.move_on_after(timeout, shield=True):
                await aside(self._handover, self._close_session)
        finally:
            self._handover.close()

    def close_at_exit(self) -> None:
        """Close the session without a loop, for an interpreter that ends."""
        for ring in list(self._rings):
            ring.release()
        self._close_session()

    def _close_session(self) -> None:
        with contextlib.suppress(zenoh.ZError):
            self._session.close()

    def _forgetter(self, declared: list[Any]) -> Callable[[Ring[Any]], None]:
        def forget(ring: Ring[Any]) -> None:
            self._rings.discard(ring)
            self._local.remove(ring)
            for subscriber in declared:
                with contextlib.suppress(zenoh.ZError):
                    subscriber.undeclare()

        return forget

    def _check(self) -> None:
        if self._closed:
            raise Closed("the transport")


class ZenohPublisher(DeclaredPublisher):
    """A declared zenoh publisher, and the listeners in this process."""

    def __init__(
        self,
        declared: Any,
        key: str,
        local: Routes[Sample],
        forget: Callable[["ZenohPublisher"], None],
    ) -> None:
        super().__init__(key, forget)
        self._declared = declared  # a zenoh.Publisher, typed by halves
        self._local = local

    async def send(self, payload: bytes, attachment: bytes = b"") -> None:
        """Hand over one message."""
        self._check()
        if len(payload) > LARGEST_PAYLOAD:
            raise TransportError(
                f"a message of {len(payload)} bytes on '{self._key}' is larger than"
                f" {LARGEST_PAYLOAD} bytes"
            )
        await self._turns.next()
        if self._local.listening(self._key):
            await room_in_all(lambda: self._local.listening(self._key))
        self._check()
        try:
            self._declared.put(payload, attachment=attachment or None)
        except zenoh.ZError as error:
            raise WireError(f"a message on '{self._key}' cannot be sent", error) from error
        if local := self._local.listening(self._key):
            push_to_all(local, Sample(self._key, bytes(payload), attachment))

    def matched(self) -> bool:
        """Say whether somebody is known to listen."""
        if self._closed:
            return False
        if self._local.listening(self._key):
            return True
        return bool(self._declared.matching_status.matching)

    def close(self) -> None:
        """Give the declaration back."""
        if not self._closed:
            self.end()
            with contextlib.suppress(zenoh.ZError):
                self._declared.undeclare()

    def end(self) -> None:
        """Take no more messages; for a transport that gives everything back at once."""
        super().close()


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


_open_ones: Final[weakref.WeakSet[ZenohTransport]] = weakref.WeakSet()


@atexit.register
def _close_what_is_open() -> None:
    """Close what nobody closed: a zenoh thread that calls into an ending interpreter aborts it."""
    for transport in list(_open_ones):
        transport.close_at_exit()
