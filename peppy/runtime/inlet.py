"""What arrives for one consumed topic: opened, checked, and what is wrong counted and said."""

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

import anyio

from peppy.runtime.beginning import Beginnings
from peppy.runtime.codec import Codec
from peppy.runtime.complaints import Complaints
from peppy.runtime.credit import Account, Takings
from peppy.runtime.stamps import STAMPS
from peppy.runtime.transport.loops import give_way
from peppy.runtime.transport.port import Backlog, Closed, Sample
from peppy.runtime.transport.ring import TURN
from peppy.runtime.unfit import UnreadablePayload
from peppy.schema import envelope
from peppy.schema.keys import sender_of
from peppy.schema.traffic import EndKind, EndTraffic, PeerTraffic

M = TypeVar("M")

MOST_PUBLISHERS: Final = 1024
"""Publishers followed at once; beyond that one is forgotten, and begun anew if it comes again."""


MOST_NAMED: Final = 256
"""Other formats that one inlet names: whoever invents more is only counted."""

Mismatch = Callable[[str, int], None]
"""Is told once, of a publisher's key and the fingerprint of its format, which is another one."""


_envelope: Final = envelope.values
SIZE: Final = envelope.SIZE


class _Peer:
    """One publisher: who it is and how far it has come."""

    __slots__ = (
        "account",
        "bytes",
        "expected",
        "instance_id",
        "key",
        "lost",
        "messages",
        "mismatched",
        "unreadable",
    )

    def __init__(self, key: str, expected: int, account: Account | None) -> None:
        self.key = key
        self.instance_id = sender_of(key)
        self.expected = expected
        self.account = account
        self.messages = self.bytes = self.lost = self.unreadable = self.mismatched = 0


class Inlet(Generic[M]):
    """One subscription of one node: kept between its calls, or opened by the node itself."""

    def __init__(
        self,
        topic: str,
        subscription: Backlog[Any],
        codec: Codec[M],
        *,
        takings: Takings | None = None,
        gaps_matter: bool = True,
        on_mismatch: Mismatch | None = None,
    ) -> None:
        self.topic = topic
        self.subscription = subscription
        self.delays: list[int] | None = None
        """Nanoseconds from emitting to being handed out, collected while it is a list."""
        self._now = STAMPS.clock
        self._codec = codec
        self._fingerprint = codec.fingerprint
        self._read = codec.read
        self._build = codec.build
        self._takings = takings
        self._beginnings = (
            None if takings is None else Beginnings(takings, subscription, self._follow)
        )
        self._newcomers = {} if self._beginnings is None else self._beginnings.newcomers
        self._gaps_matter = gaps_matter
        self._on_mismatch = on_mismatch
        self._complaints = Complaints()
        self._peers: dict[int, _Peer] = {}
        self._past: dict[str, PeerTraffic] = {}
        self._foreign = 0
        self._named: set[tuple[str, int]] = set()
        """Instances whose other formats have been named, by fingerprint."""
        self._receive = subscription.receive
        self._ready: deque[tuple[str, M]] = deque()
        """The rest of some that came together."""
        self._in_a_row = 0

    async def next(self) -> tuple[str, M]:
        """Return the next readable message and its sender's instance id.

        A cancelled wait loses nothing: nothing is awaited once a sample is in hand. Raises
        `Closed` when the subscription or the node's connection is.
        """
        while True:
            if self._ready:
                self._in_a_row += 1
                if self._in_a_row < TURN:
                    return self._ready.popleft()
                self._in_a_row = 0
                await give_way()
                continue
            arrived = await (self._receive_meanwhile() if self._newcomers else self._receive())
            found = self._open(arrived) if type(arrived) is Sample else arrived
            if found is not None:
                return found

    async def _receive_meanwhile(self) -> Any:
        """Receive while publishers are asked where they begin; None when one was given up."""
        beginnings = self._beginnings
        if beginnings is None or beginnings.give_up():
            return None
        with anyio.move_on_after(beginnings.left()):
            try:
                return await self._receive()
            except Closed:
                if not beginnings.give_up(at_once=True):
                    raise
        return None

    def _open(self, sample: Sample) -> tuple[str, M] | None:
        label = sample.attachment
        if len(label) < SIZE:
            self._count_foreign(sample)
            return None
        fingerprint, publisher, sequence, sent_at = _envelope(label)
        peer = self._peers.get(publisher)
        if peer is None:
            peer = self._meet(sample, publisher, sequence)
            if peer is None:
                return None
        payload = sample.payload
        if len(label) > SIZE or fingerprint != self._fingerprint:
            return self._open_special(peer, sample)
        if sequence == peer.expected:
            peer.expected = sequence + 1
        else:
            self._count_gap(peer, sequence, 1)
        if peer.account is not None:
            peer.account.took(sequence, len(payload))
        try:
            message: M = self._build(self._read(payload))
        except Exception:  # whatever it is, the codec says it
            return self._decoded(peer, sample, b"", 1)
        peer.messages += 1
        peer.bytes += len(payload)
        if self.delays is not None:
            self.delays.append(self._now() - sent_at)
        return peer.instance_id, message

    def _open_special(self, peer: _Peer, sample: Sample) -> tuple[str, M] | None:
        """Open what is more than one small message of the right format, or none."""
        fingerprint, _, sequence, sent_at = _envelope(sample.attachment)
        rest = sample.attachment[SIZE:]
        number = envelope.number_in(rest)
        if sequence == peer.expected:
            peer.expected = sequence + number
        else:
            self._count_gap(peer, sequence, number)
        if peer.account is not None:
            peer.account.took(sequence + number - 1, len(sample.payload), number)
        if fingerprint != self._fingerprint:
            self._count_mismatch(peer, fingerprint, number)
            return None
        found = self._decoded(peer, sample, rest, number)
        if found is not None and self.delays is not None:
            self.delays.append(self._now() - sent_at)
        return found

    def _decoded(
        self, peer: _Peer, sample: Sample, rest: bytes, number: int
    ) -> tuple[str, M] | None:
        try:
            if number != 1:
                found = self._open_many(peer, sample.payload, number)
            else:
                found = peer.instance_id, self._codec.decode(sample.payload, rest)
                peer.messages += 1
        except UnreadablePayload as error:
            self._count_unreadable(peer, error, number)
            return None
        peer.bytes += len(sample.payload)
        return found

    def _open_many(self, peer: _Peer, payload: bytes, number: int) -> tuple[str, M] | None:
        ready = self._ready
        messages = self._codec.decode_many(payload)
        if (missing := number - len(messages)) > 0:
            reason = f"it has {len(messages)} messages instead of {number}"
            self._count_unreadable(
                peer, UnreadablePayload(f"topic '{self.topic}'", reason), missing
            )
        for message in messages:
            if isinstance(message, UnreadablePayload):
                self._count_unreadable(peer, message)
            else:
                ready.append((peer.instance_id, message))
                peer.messages += 1
        if not ready:
            return None
        first = ready.popleft()
        if self.subscription.awaited:  # other tasks wait: what is left is theirs as well
            self.subscription.put_back(ready)
            ready.clear()
        return first

    def _meet(self, sample: Sample, publisher: int, sequence: int) -> _Peer | None:
        """Return a new peer, or None while the sample is held until its publisher begins."""
        if self._beginnings is None:
            return self._follow(publisher, sample.key, sequence, None)
        account = self._beginnings.hold(publisher, sample)
        return None if account is None else self._follow(publisher, sample.key, sequence, account)

    def _follow(self, publisher: int, key: str, expected: int, account: Account | None) -> _Peer:
        if len(self._peers) >= MOST_PUBLISHERS:
            # Strangers first: whoever has sent something readable is not theirs to push out.
            silent = (number for number, peer in self._peers.items() if not peer.messages)
            self._forget(next(silent, next(iter(self._peers))))
        peer = self._peers[publisher] = _Peer(key, expected, account)
        return peer

    def _forget(self, publisher: int) -> None:
        peer = self._peers.pop(publisher)
        if peer.account is not None:
            peer.account.tell(peer.expected - 1)  # or its sender would wait for us
            peer.account.close()
        self._past[peer.instance_id] = _sum(peer, self._past.get(peer.instance_id))

    def _count_foreign(self, sample: Sample) -> None:
        self._foreign += 1
        sender = sender_of(sample.key)
        self._complaints.about(
            "foreign",
            f"warning: topic '{self.topic}': what comes as from '{sender}' is no message of ours;"
            " skipped",
        )

    def _count_mismatch(self, peer: _Peer, fingerprint: int, number: int) -> None:
        kind = (peer.instance_id, fingerprint)
        if kind not in self._named and len(self._named) < MOST_NAMED:
            self._named.add(kind)
            self._complaints.postpone(("mismatch", peer.instance_id))
            if self._on_mismatch is not None:
                self._on_mismatch(peer.key, fingerprint)
        peer.mismatched += number
        if peer.mismatched > number:
            self._complaints.about(
                ("mismatch", peer.instance_id),
                f"warning: topic '{self.topic}': {peer.mismatched} messages of"
                f" '{peer.instance_id}' were skipped for their format",
            )

    def _count_unreadable(self, peer: _Peer, error: UnreadablePayload, number: int = 1) -> None:
        peer.unreadable += number
        self._complaints.about(
            ("unreadable", peer.instance_id),
            f"warning: {error.sentence} (from '{peer.instance_id}'); skipped",
        )

    def _count_gap(self, peer: _Peer, sequence: int, number: int) -> None:
        missing = sequence - peer.expected
        if missing < 0:  # it comes late, and had been counted as lost
            peer.lost = max(0, peer.lost - number)
            return
        peer.expected = sequence + number
        peer.lost += missing
        if self._gaps_matter:
            self._complaints.about(
                ("lost", peer.instance_id),
                f"warning: topic '{self.topic}': {missing} messages of '{peer.instance_id}' were"
                f" lost ({peer.lost} of it so far)",
            )

    def traffic(self) -> EndTraffic:
        """Return what arrived, and from whom."""
        peers = dict(self._past)
        for peer in self._peers.values():
            peers[peer.instance_id] = _sum(peer, peers.get(peer.instance_id))
        ring = self.subscription.statistics()
        held = 0 if self._beginnings is None else self._beginnings.held
        return EndTraffic(
            kind=EndKind.SUBSCRIBER,
            name=self.topic,
            messages=sum(peer.messages for peer in peers.values()),
            bytes=sum(peer.bytes for peer in peers.values()),
            dropped=ring.dropped,
            foreign=self._foreign,
            waiting=ring.waiting + len(self._ready) + held,
            peers=tuple(peers.values()),
        )

    def close(self) -> None:
        """Take no more; what waits is still handed out."""
        if self._takings is not None:
            self._takings.close()
        if self._beginnings is not None:
            self._beginnings.close()
        self.subscription.close()
        for peer in self._peers.values():
            if peer.account is not None:
                peer.account.close()


def _sum(peer: _Peer, before: PeerTraffic | None) -> PeerTraffic:
    before = before or PeerTraffic(instance_id=peer.instance_id)
    return PeerTraffic(
        instance_id=peer.instance_id,
        messages=before.messages + peer.messages,
        bytes=before.bytes + peer.bytes,
        lost=before.lost + peer.lost,
        unreadable=before.unreadable + peer.unreadable,
        mismatched=before.mismatched + peer.mismatched,
    )


class Messages(Generic[M]):
    """A subscription as node code holds it: `async with`, then `async for`.

    Any number of tasks may iterate over it or call `receive`; each message goes to one of them.
    """

    def __init__(
        self, open_inlet: Callable[[], Inlet[M]], on_close: Callable[[Inlet[M]], None]
    ) -> None:
        self._open_inlet = open_inlet
        self._on_close = on_close
        self._inlet: Inlet[M] | None = None

    async def __aenter__(self) -> Self:
        """Subscribe: what is published from now on is received."""
        self._inlet = self._open_inlet()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Unsubscribe."""
        inlet, self._inlet = self._inlet, None
        if inlet is not None:
            self._on_close(inlet)
            inlet.close()

    async def receive(self) -> tuple[str, M]:
        """Return the sender's instance id and the next message. A cancelled wait loses nothing.

        Raises `Closed` when the node's connection is, and `RuntimeError` outside of the block.
        """
        if self._inlet is None:
            raise RuntimeError("a subscription is read inside of its 'async with'")
        return await self._inlet.next()

    def traffic(self) -> EndTraffic | None:
        """Return what has arrived so far, and from whom; None outside of the block."""
        return None if self._inlet is None else self._inlet.traffic()

    def __aiter__(self) -> Self:
        """Iterate until the subscription or the node's connection is closed."""
        return self

    async def __anext__(self) -> tuple[str, M]:
        """Return what `receive` does."""
        try:
            return await self.receive()
        except Closed:
            raise StopAsyncIteration from None
