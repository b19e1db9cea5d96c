"""What the stack writes down before it says yes: its nodes, its instances, and what has happened.

A daemon that is killed at any moment leaves its journal behind; `recovery` makes a stack of it.
Whatever is not in the journal was never promised.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from peppy.actors.host.daemon_log import complain
from peppy.actors.host.ports import Clock, HostError, Journal
from peppy.actors.rules.instance_life import Ending, Life, Phase
from peppy.actors.rules.restart import Course
from peppy.actors.stack.entry import ROOT_VARIANT, Entry
from peppy.actors.stack.plan import Plan
from peppy.schema.events import Event, EventKind
from peppy.schema.names import InstanceId, NodeId
from peppy.schema.sources import Origin

NODE: Final = "node/"
INSTANCE: Final = "instance/"
SITE: Final = "site"
UNDERTAKING: Final = "undertaking"
"""How the keys of records begin."""


class NodeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the stack; its document lies in its snapshot."""

    snapshot: Path
    add_log: Path
    built: bool = False
    build_log: Path | None = None
    artifact: Path | None = None
    """None where it lies at the node's usual place."""
    variant: str = ROOT_VARIANT
    origin: Origin | None = None
    digest: str = ""


class InstanceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An instance, and how much of it was promised."""

    plan: Plan
    running: bool = False
    """Whether its start has been answered."""
    stopping: bool = False
    """Whether somebody wants it gone."""
    ending: Ending | None = None
    """How it ended by itself, if it did."""
    reason: str | None = None
    """Why it ended, where `ending` does not say it."""
    course: Course = Course()
    """What its restart policy knows."""


class SiteRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a daemon has to have in common with the one before it, for the sake of their nodes."""

    messaging_port: int


class Stage(enum.StrEnum):
    """How far an undertaking had come when it was written down."""

    STOPPING = "stopping"
    """The former instances are being stopped; the nodes are the former ones."""
    STARTING = "starting"
    """All instances that there are belong to the new stack, and so do the nodes."""
    GOING_BACK = "going_back"
    """All instances that there are belong to the former stack, and so do the nodes."""


class UndertakingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What there was before the whole stack was taken hold of: until this is gone, it counts."""

    stage: Stage
    nodes: dict[str, NodeRecord]
    """By `name:tag`."""
    plans: tuple[Plan, ...]
    """Of the instances that lived."""
    at: float
    """When it was begun, or went back, in seconds since the epoch."""


Record = NodeRecord | InstanceRecord | SiteRecord | UndertakingRecord


def node_key(node: NodeId) -> str:
    """Return the key of a node's record."""
    return f"{NODE}{node}"


def instance_key(instance_id: InstanceId) -> str:
    """Return the key of an instance's record."""
    return f"{INSTANCE}{instance_id}"


def node_record(entry: Entry, *, built: bool = False, build_log: Path | None = None) -> NodeRecord:
    """Return what is to be known of a node."""
    return NodeRecord(
        snapshot=entry.snapshot,
        add_log=entry.add_log,
        built=built,
        build_log=build_log,
        artifact=entry.artifact,
        variant=entry.variant,
        origin=entry.origin,
        digest=entry.digest,
    )


def instance_record(plan: Plan, now: Life, course: Course, failure: str | None) -> InstanceRecord:
    """Return what is to be known of an instance."""
    ended = now.phase is Phase.ENDED
    return InstanceRecord(
        plan=plan,
        running=now.ready,
        stopping=now.asked,
        ending=now.ending or Ending() if ended else None,
        reason=failure if ended else None,
        course=course,
    )


class Records(msgspec.Struct, frozen=True):
    """All that was written down and can be read."""

    nodes: dict[str, NodeRecord]
    """By `name:tag`."""
    instances: dict[str, InstanceRecord]
    """By instance id."""
    site: SiteRecord | None
    unreadable: tuple[str, ...]
    """The keys of records that are none."""
    undertaking: UndertakingRecord | None = None


class Ledger:
    """The journal in the stack's own words."""

    def __init__(
        self, journal: Journal, clock: Clock, pass_on: Callable[[Sequence[Event]], object]
    ) -> None:
        """`pass_on` is told of the events that have been written down."""
        self._journal = journal
        self._clock = clock
        self._pass_on = pass_on
        self._owed: dict[str, Record | None] = {}
        self._superseded: dict[str, Record | None] = {}
        self._turn = trio.Lock()
        """Held while something is written: what is owed must not come after what follows it."""

    async def load(self) -> Records:
        """Return what is written down. Raises `HostError`."""
        nodes: dict[str, NodeRecord] = {}
        instances: dict[str, InstanceRecord] = {}
        site: SiteRecord | None = None
        undertaking: UndertakingRecord | None = None
        unreadable: list[str] = []
        for key, data in (await self._journal.load()).items():
            try:
                if key.startswith(NODE):
                    nodes[key.removeprefix(NODE)] = _read(data, NodeRecord)
                elif key.startswith(INSTANCE):
                    instances[key.removeprefix(INSTANCE)] = _read(data, InstanceRecord)
                elif key == SITE:
                    site = _read(data, SiteRecord)
                elif key == UNDERTAKING:
                    undertaking = _read(data, UndertakingRecord)
            except (msgspec.MsgspecError, UnicodeError, ValueError, TypeError):
                unreadable.append(key)
        return Records(nodes, instances, site, tuple(unreadable), undertaking)

    async def write_if_possible(self, changes: Mapping[str, Record | None], *events: Event) -> None:
        """Write what nobody waits for; where that cannot be done, the daemon's log says so."""
        try:
            await self.write(changes, *events, owed=True)
        except HostError as error:
            complain(str(error))

    def supersede(self, *keys: str) -> None:
        """Remove records with the next change that somebody is promised; until then they count."""
        self._superseded.update(dict.fromkeys(keys))

    async def write(
        self, changes: Mapping[str, Record | None], *events: Event, owed: bool = False
    ) -> None:
        """Write records (None removes one) and events, all or nothing. Raises `HostError`.

        Records that are `owed`, because they say what is so in any case, then go with the next that
        can be written.
        """
        async with self._turn:
            every = {**self._owed, **changes}
            if changes and not owed:
                every = {**self._superseded, **every}
            encoded = {key: None if r is None else _encode(r) for key, r in every.items()}
            try:
                numbered = await self._journal.commit(encoded, events)
            except HostError:
                if owed:
                    self._owed = every
                raise
            self._owed = {}
            if changes and not owed:
                self._superseded = {}
            self._pass_on(numbered)

    def happened(
        self,
        kind: EventKind,
        text: str,
        *,
        node: NodeId | None = None,
        instance_id: InstanceId | None = None,
    ) -> Event:
        """Return an event of now, which has still to be written."""
        return Event(
            number=0, at=self._clock.now(), kind=kind, node=node, instance_id=instance_id, text=text
        )


def _encode(record: Record) -> bytes:
    return msgspec.msgpack.encode(record, enc_hook=_written)


def _read(data: bytes, kind: Any) -> Any:
    return msgspec.msgpack.decode(data, type=kind, dec_hook=_path)


def _written(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{value!r} cannot be written down")


def _path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"{value!r} is no {kind.__name__}")
