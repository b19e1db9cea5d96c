"""The transport over zenoh; the only module that imports it.

What others send arrives on zenoh's threads: a callback pushes the sample, as it is, into its ring
and has the loop woken (`handover`); the loop turns it into bytes when it takes it. What this
process sends to itself does not go through zenoh: publishers and subscribers are declared for
remote partners only.

No callback ever waits, so a node runs all of zenoh on one thread, which takes a third off every
round trip; a router, which has many links to serve, does not. What must not be lost is held back by
its sender (`peppy.runtime.credit`), long before the buffers of a link are full: zenoh cannot be
asked to send only if it need not wait, and a sender that waits in zenoh holds its loop.

Payloads of some size go through shared memory where both ends are on one machine (`zenoh_memory`);
`shared_memory` says how large the pool may be, and sweeps up after the killed.
"""

import atexit
import contextlib
import json
import threading
import weakref
from collections.abc import Callable
from typing import Any, Final, TypeVar

import anyio
import zenoh

from peppy.runtime.transport.aside import aside
from peppy.runtime.transport.handover import Handover, Sink
from peppy.runtime.transport.listener import Listener
from peppy.runtime.transport.loops import open_handover
from peppy.runtime.transport.port import (
    Announcement,
    Backlog,
    Closed,
    Delivery,
    Listening,
    Presence,
    Publisher,
    Sample,
    Subscription,
    Transport,
    TransportError,
)
from peppy.runtime.transport.ring import Ring
from peppy.runtime.transport.routes import BadKey, Routes, canonical, intersect
from peppy.runtime.transport.shared_memory import pool_size
from peppy.runtime.transport.thread_state import keeping
from peppy.runtime.transport.zenoh_ends import TERMS, WireError, ZenohAnnouncement, ZenohPublisher
from peppy.runtime.transport.zenoh_ghosts import Ghosts
from peppy.runtime.transport.zenoh_memory import SharedPool, keep_large_blocks
from peppy.runtime.transport.zenoh_settings import (
    client_settings,
    one_thread,
    peer_settings,
    router_settings,
)
from peppy.schema.daemon_config import Mode

S = TypeVar("S", bound=Sink)

LINKS: Final = "peppy/link"
"""Begins the announcement of a node's own identity, which is the last part."""

LINKING: Final = 0.5
"""Seconds after which a node begins without a link to everybody: somebody may have just died."""

CONFIRMING: Final = 3
"""How often nobody has to be found before once more is believed."""

LOOK: Final = 0.005
"""Seconds between two looks at the links."""


class PortTaken(TransportError):
    """A router cannot listen: somebody else does."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(
            f"messaging port {port} is taken", hint="choose another with PEPPY_MESSAGING_PORT"
        )


async def open_router(port: int) -> "ZenohTransport":
    """Return a transport through which others find one another: it listens on loopback.

    Raises `PortTaken`, or `WireError`.
    """
    try:
        return await _open(router_settings(port))
    except WireError as error:
        if "already in use" in error.sentence.lower():
            raise PortTaken(port) from error
        raise


async def open_peer(
    host: str, port: int, mode: Mode = Mode.PEER, *, shares_memory: bool = True
) -> "ZenohTransport":
    """Return a transport of a node, linked directly to the other nodes of the router at `port`.

    It opens whether or not a router is there, and joins it when it comes. It waits a moment for the
    links to those that are there: what is on its way through the router to one that links meanwhile
    can get lost. In the mode `ROUTER` it is linked to the router alone, which passes everything on
    and has to be there. Of one process only one peer `shares_memory`: zenoh would not remove what
    two of them share. Raises `WireError`.
    """
    pool = pool_size() if shares_memory else 0
    keep_large_blocks()
    settings = peer_settings if mode is Mode.PEER else client_settings
    with one_thread():
        transport = await _open(settings(host, port, shares_memory=bool(pool)), pool)
    if mode is Mode.PEER:
        await transport.link_up()
    return transport


async def _open(settings: dict[str, Any], pool: int = 0) -> "ZenohTransport":
    config: Any = zenoh.Config()  # its methods have no types
    for name, value in settings.items():
        config.insert_json5(name, json.dumps(value))
    handover = open_handover()
    try:
        session = await aside(handover, lambda: zenoh.open(config))
    except BaseException as error:  # a session that nobody takes closes itself
        handover.close()
        if isinstance(error, zenoh.ZError):
            raise WireError("messaging cannot be opened", error) from error
        raise
    return ZenohTransport(session, handover, SharedPool(pool))


def _sample(arrived: Any) -> Any:
    """Return what a ring holds as what is received; what is none of zenoh's stays."""
    if type(arrived) is not zenoh.Sample:
        return arrived
    attachment = arrived.attachment
    return Sample(
        arrived.key_expr,
        arrived.payload.to_bytes(),
        b"" if attachment is None else attachment.to_bytes(),
    )


def _presence(arrived: Any) -> Presence:
    if type(arrived) is Presence:
        return arrived
    return Presence(str(arrived.key_expr), present=arrived.kind == zenoh.SampleKind.PUT)


class ZenohTransport(Transport):
    """A zenoh session, seen from one event loop."""

    def __init__(self, session: Any, handover: Handover, pool: SharedPool) -> None:
        self._pool = pool
        self._session = session  # a zenoh.Session, whose methods are typed by halves
        self._handover = handover
        self._identity = str(session.info.zid())
        self._local = Routes()
        self._ways_in: set[Any] = set()
        """Rings and listeners."""
        self._watched: dict[Any, str] = {}
        """What follows announcements, each with its pattern."""
        self._ghosts = Ghosts()
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
        terms = TERMS[delivery]
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
        forget = self._publishers.discard
        publisher = ZenohPublisher(declared, key, self._local, self._pool, forget)
        self._publishers.add(publisher)
        return publisher

    def subscribe(self, pattern: str, *, capacity: int = 128) -> Backlog[Any]:
        """Declare a way in."""
        self._check()
        pattern = canonical(pattern)
        declared: list[Any] = []
        name = f"the subscription to '{pattern}'"
        ring = Ring[Sample](name, capacity, self._forgetter(declared), _sample)
        return self._hearing(pattern, ring, declared)

    def listen(self, pattern: str, function: Callable[[Sample], None]) -> Listening:
        """Declare a way in that ends in a function."""
        self._check()
        declared: list[Any] = []
        forget, again = self._forgetter(declared), self._handover.call
        listener = Listener[Sample](function, forget, _sample, again)
        return self._hearing(canonical(pattern), listener, declared)

    def _hearing(self, pattern: str, sink: S, declared: list[Any]) -> S:
        try:
            declared.append(
                self._session.declare_subscriber(
                    pattern, self._into(sink), allowed_origin=zenoh.Locality.REMOTE
                )
            )
        except zenoh.ZError as error:
            raise BadKey(pattern) from error
        self._ways_in.add(sink)
        self._local.add(pattern, sink)
        return sink

    def _into(self, sink: Sink) -> Any:
        """Return what hands over, on a thread of zenoh's, each sample that it is called with."""
        return zenoh.handlers.Callback(keeping(self._handover.hander(sink)), indirect=False)

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
        name = f"the watch on '{pattern}'"
        ring = Ring[Presence](name, capacity, self._forgetter(declared), _presence)
        return self._watching(pattern, ring, declared)

    def follow(self, pattern: str, function: Callable[[Presence], None]) -> Listening:
        """Follow announcements with a function."""
        self._check()
        declared: list[Any] = []
        forget, again = self._forgetter(declared), self._handover.call
        listener = Listener[Presence](function, forget, _presence, again)
        return self._watching(canonical(pattern), listener, declared)

    def _watching(self, pattern: str, sink: S, declared: list[Any]) -> S:
        liveliness = self._session.liveliness()
        hand_over, told = self._handover.hander(sink), self._ghosts.told

        def heard(sample: zenoh.Sample) -> None:
            told(str(sample.key_expr), present=sample.kind == zenoh.SampleKind.PUT)
            hand_over(sample)

        handler = zenoh.handlers.Callback(keeping(heard), indirect=False)
        try:
            declared.append(liveliness.declare_subscriber(pattern, handler, history=True))
        except zenoh.ZError as error:
            raise BadKey(pattern) from error
        self._ways_in.add(sink)
        self._watched[sink] = pattern
        return sink

    async def present(self, pattern: str, timeout: float = 1.0) -> list[str]:
        """Return the announced keys that match."""
        self._check()
        with self._ghosts.asking():
            found = await self._ask(canonical(pattern), timeout)
        for key in self._ghosts.suspects():
            if not await self._ask(key, timeout):
                self._take_back(key)
        return found

    async def _ask(self, pattern: str, timeout: float) -> list[str]:
        liveliness = self._session.liveliness()

        def ask() -> list[str]:
            replies = liveliness.get(pattern, timeout=timeout)
            found = (str(reply.ok.key_expr) for reply in replies if reply.ok is not None)
            return list(dict.fromkeys(found))  # more than one may know of it

        try:
            for _ in range(CONFIRMING):
                # While others join, zenoh may ask nobody: an empty answer has to be repeated.
                if found := await aside(self._handover, ask):
                    return found
                await anyio.sleep(LOOK)
            return await aside(self._handover, ask)
        except zenoh.ZError as error:
            raise WireError(f"who announces '{pattern}' cannot be asked", error) from error

    def _take_back(self, key: str) -> None:
        """Tell the followers that `key` has gone."""
        for sink, pattern in list(self._watched.items()):
            if intersect(pattern, key):
                sink.push(Presence(key, present=False))
                sink.wake()

    async def link_up(self) -> None:
        """Return once there is a link to everybody who is announced, or after `LINKING` seconds."""
        self.announce(f"{LINKS}/{self._identity}")
        with anyio.move_on_after(LINKING):
            while True:
                there = {key.rpartition("/")[2] for key in await self.present(f"{LINKS}/*")}
                linked = {str(partner) for partner in self._session.info.peers_zid()}
                if there - {self._identity} <= linked:
                    return
                await anyio.sleep(LOOK)

    async def close(self, timeout: float = 2.0) -> None:
        """Close all that was declared here, and the session; leave it to itself if that hangs."""
        if self._closed:
            return
        self._closed = True
        _open_ones.discard(self)
        for publisher in list(self._publishers):
            publisher.end()
        for way_in in list(self._ways_in):
            way_in.close()
        try:
            with anyio.move_on_after(timeout, shield=True):
                await aside(self._handover, self._close_session)
        finally:
            self._handover.close()

    def abandon(self) -> None:
        """Be gone at once, as when the process is killed; the session closes by itself."""
        if self._closed:
            return
        self._closed = True
        for publisher in list(self._publishers):
            publisher.end()
        self._handover.close()
        threading.Thread(target=self._close_session, name="peppy-abandoned", daemon=True).start()

    def close_at_exit(self) -> None:
        """Close the session without a loop, for an interpreter that ends."""
        self._close_session()

    def _close_session(self) -> None:
        with contextlib.suppress(zenoh.ZError):
            self._session.close()

    def _forgetter(self, declared: list[Any]) -> Callable[[Sink], None]:
        def forget(sink: Sink) -> None:
            self._ways_in.discard(sink)
            self._watched.pop(sink, None)
            self._local.remove(sink)
            for subscriber in declared:
                with contextlib.suppress(zenoh.ZError):
                    subscriber.undeclare()

        return forget

    def _check(self) -> None:
        if self._closed:
            raise Closed("the transport")


_open_ones: Final[weakref.WeakSet[ZenohTransport]] = weakref.WeakSet()


@atexit.register
def _close_what_is_open() -> None:
    """Close what nobody closed: a zenoh thread that calls into an ending interpreter aborts it."""
    for transport in list(_open_ones):
        transport.close_at_exit()
