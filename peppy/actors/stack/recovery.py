"""A stack from what the daemon before has written down, and a home without what it left half done.

Nodes come back as they were added and built; instances that live go on, and those that have ended
meanwhile say how. Whatever was begun and not promised, a start or an addition, is undone.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
import trio

from peppy.actors.host.daemon_log import complain
from peppy.actors.host.ports import HostError, Process
from peppy.actors.rules.instance_life import HUNG, Life, Phase
from peppy.actors.stack.bindings import expectations
from peppy.actors.stack.entry import Entry
from peppy.actors.stack.ledger import (
    NODE,
    InstanceRecord,
    NodeRecord,
    Record,
    Records,
    Stage,
    UndertakingRecord,
    instance_key,
    node_key,
)
from peppy.actors.stack.plan import Plan, is_process_record
from peppy.actors.stack.site import Site
from peppy.actors.stack.variant_roots import read_document
from peppy.schema.durations import REAP
from peppy.schema.errors import PeppyError
from peppy.schema.events import Event, EventKind


class FoundInstance(msgspec.Struct, frozen=True):
    """An instance that the daemon before has promised."""

    record: InstanceRecord
    process: Process | None
    """What there is of it, alive or not; None if nothing is known."""

    @property
    def life(self) -> Life:
        """How far it has come, as it is written down."""
        record = self.record
        if record.ending is not None or record.reason is not None:
            hung = record.reason == HUNG
            return Life(phase=Phase.ENDED, ready=True, ending=record.ending, hung=hung)
        return Life(phase=Phase.RUNNING, process=True, announced=True, ready=True)


class FoundNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node that the daemon before has promised."""

    entry: Entry
    built: bool
    build_log: Path | None
    instances: tuple[FoundInstance, ...]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """All that the daemon before has promised."""

    nodes: tuple[FoundNode, ...] = ()
    interrupted: UndertakingRecord | None = None
    """The nodes are the ones in it; those of its instances that do not live wait for a start."""


NOTHING: Final = Found()


class _Search:
    """What is found, and what has to be written down about it."""

    def __init__(self, site: Site, records: Records) -> None:
        self._site = site
        self._records = records
        self._changes: dict[str, Record | None] = dict.fromkeys(records.unreadable)
        self._undertaking = _until_last(records)
        self._events: list[Event] = []
        for key in records.unreadable:
            self._warn(f"the journal's record '{key}' cannot be read, and is forgotten")

    async def run(self) -> Found:
        """Find nodes and instances, write down what has changed, and clean up."""
        entries: dict[str, tuple[Entry, NodeRecord]] = {}
        for name, record in self._promised_nodes().items():
            if (found := await self._node(name, record)) is not None:
                entries[name] = found
        instances = await self._instances(entries)
        nodes = tuple(
            FoundNode(
                entry=entry,
                built=record.built,
                build_log=record.build_log,
                instances=tuple(i for i in instances if i.record.plan.node == entry.node),
            )
            for entry, record in entries.values()
        )
        if self._changes or self._events:
            await self._site.ledger.write_if_possible(self._changes, *self._events)
        await self._clean(nodes)
        return Found(nodes=nodes, interrupted=self._undertaking)

    def _promised_nodes(self) -> dict[str, NodeRecord]:
        """Return the nodes that count: of a change of the whole stack, those before it."""
        nodes, undertaking = self._records.nodes, self._undertaking
        if undertaking is None:
            return nodes
        self._changes |= {f"{NODE}{name}": None for name in nodes}
        self._changes |= {f"{NODE}{name}": record for name, record in undertaking.nodes.items()}
        return undertaking.nodes

    async def _node(self, name: str, record: NodeRecord) -> tuple[Entry, NodeRecord] | None:
        files = self._site.host.files
        try:
            document = await read_document(files, record.snapshot)
        except PeppyError as error:
            self._warn(f"node '{name}' is lost: its snapshot cannot be read: {error}")
            self._changes[f"{NODE}{name}"] = None
            return None
        if document.execution is None or str(document.manifest.id) != name:
            self._warn(f"node '{name}' is lost: its snapshot holds another one")
            self._changes[f"{NODE}{name}"] = None
            return None
        entry = Entry(
            document=document,
            execution=document.execution,
            snapshot=record.snapshot,
            add_log=record.add_log,
            artifact=record.artifact or self._site.home.artifact(document.manifest.id),
            variant=record.variant,
            origin=record.origin,
            digest=record.digest,
            expected=await expectations(files, record.snapshot),
        )
        if record.built and not await files.exists(entry.artifact):
            self._warn(f"node '{name}' has to be built again: its artifact is gone")
            record = msgspec.structs.replace(record, built=False)
            self._changes[node_key(entry.node)] = record
        return entry, record

    async def _instances(self, nodes: Iterable[str]) -> list[FoundInstance]:
        """Adopt what was promised, all at once; end what was not."""
        found: list[FoundInstance] = []

        async def look(record: InstanceRecord) -> None:
            process = await self._adopted(record.plan.record)
            promised = (
                record.running and str(record.plan.node) in nodes and not self._is_new(record)
            )
            if promised and (process is not None or await self._is_kept(record.plan)):
                found.append(FoundInstance(record, process))
                return
            await _end(process)
            self._changes[instance_key(record.plan.address.instance_id)] = None

        async with trio.open_nursery() as nursery:
            for record in self._records.instances.values():
                nursery.start_soon(look, record)
            known = {record.plan.record for record in self._records.instances.values()}
            for path in sorted(await self._process_records() - known):
                nursery.start_soon(self._end_unknown, path)
        return sorted(found, key=lambda each: each.record.plan.started_at)

    def _is_new(self, record: InstanceRecord) -> bool:
        """Say whether an instance belongs to a stack that has not come to be, or was to end."""
        undertaking = self._undertaking
        return undertaking is not None and (undertaking.stage is Stage.STARTING or record.stopping)

    async def _is_kept(self, plan: Plan) -> bool:
        """Say whether an instance without a process is still somebody's.

        What has been stopped is cleared away, also where the journal could not take that any more.
        """
        return await self._site.host.files.exists(plan.runtime_config)

    async def _process_records(self) -> set[Path]:
        runtime = self._site.home.runtime
        names = await self._site.host.files.names(runtime)
        return {runtime / name for name in names if is_process_record(name)}

    async def _end_unknown(self, record: Path) -> None:
        """End what lives and stands in no journal: one that was damaged, say."""
        process = await self._adopted(record)
        if process is not None:
            self._warn(f"process {process.pid} stands in no journal, and is ended")
        await _end(process)

    async def _adopted(self, record: Path) -> Process | None:
        try:
            return await self._site.host.processes.adopt(record)
        except HostError as error:
            self._warn(str(error))
            return None

    async def _clean(self, nodes: tuple[FoundNode, ...]) -> None:
        """Remove what nobody promised: half of a build, an artifact, a working directory."""
        home = self._site.home
        plans = [each.record.plan for node in nodes for each in node.instances]
        kept = {
            *(node.entry.snapshot for node in nodes),
            *(node.entry.artifact for node in nodes if node.built),
            *(plan.directory for plan in plans),
            *(plan.runtime_config for plan in plans),
            *(plan.record for plan in plans),
        }
        # What belongs to a process's record lies beside it and begins with its name.
        stems = tuple(f"{plan.record.stem}." for plan in plans)
        files = self._site.host.files
        for directory in (home.instances, home.runtime, home.tmp, home.built_nodes):
            await files.make_directory(directory)
            for name in await files.names(directory):
                path = directory / name
                beside = directory == home.runtime and stems and name.startswith(stems)
                if path not in kept and not beside:
                    await self._remove(path)

    async def _remove(self, path: Path) -> None:
        """Remove what is nobody's; what cannot be removed keeps no daemon from coming up."""
        try:
            await self._site.host.files.remove(path)
        except HostError as error:
            complain(str(error))

    def _warn(self, text: str) -> None:
        self._events.append(self._site.ledger.happened(EventKind.WARNING, text))


def _until_last(records: Records) -> UndertakingRecord | None:
    """Return an undertaking that was interrupted, with the last time at which it went on."""
    undertaking = records.undertaking
    if undertaking is None:
        return None
    started = [record.plan.started_at for record in records.instances.values()]
    return msgspec.structs.replace(undertaking, at=max(undertaking.at, *started, 0.0))


async def _end(process: Process | None) -> None:
    if process is not None:
        process.kill()
        with trio.move_on_after(REAP):
            await process.wait()


async def recover(site: Site, records: Records) -> Found:
    """Return what `records` promise, with what lives of it. Raises `HostError`."""
    return await _Search(site, records).run()
