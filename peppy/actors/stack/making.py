"""The nodes of a launch, fetched and built beside the stack that still runs."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import trio

from peppy.actors.host.ports import HostError, silent
from peppy.actors.stack import build
from peppy.actors.stack.adding import AddLog, entry_of, lost_if_it_fails
from peppy.actors.stack.entry import Entry
from peppy.actors.stack.hands import Hands
from peppy.actors.stack.logs import job_log
from peppy.actors.stack.planning import LaunchPlan, Step
from peppy.actors.stack.recovery import FoundNode
from peppy.actors.stack.resolving import lay_out
from peppy.actors.stack.retirement import Member
from peppy.actors.stack.site import Site
from peppy.schema.control import BuildNode, Stage
from peppy.schema.errors import PeppyError
from peppy.schema.frames import Note
from peppy.schema.launch import Launch, NodeProgress
from peppy.schema.names import NodeId
from peppy.schema.node import NodeDocument
from peppy.schema.sources import Origin

BUILDS: Final = max(2, os.cpu_count() or 1)
"""Builds at the same time: more would only take turns."""


class FetchingStuck(PeppyError):
    """A node that is neither there nor on its way."""

    kind = "fetching_stuck"

    def __init__(self, node: NodeId, seconds: float) -> None:
        super().__init__(
            f"fetching node '{node}' has shown no progress for {seconds:g} s",
            hint="'--node-add-idle-timeout-secs' gives it longer",
        )


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A node that can be run."""

    node: FoundNode
    reused: bool
    """Whether its artifact was there before."""


class Workshop:
    """Makes the nodes of one launch, and clears away what nobody gets."""

    def __init__(self, hands: Hands, request: Launch, plan: LaunchPlan) -> None:
        self._hands = hands
        self._request = request
        self._plan = plan
        self._limit = trio.CapacityLimiter(BUILDS)
        self.made: dict[NodeId, Made] = {}
        self._files: list[Path] = []
        """What is to be removed if nothing comes of the launch."""

    async def make(self, step: Step) -> None:
        """Fetch one node and build it, unless it is built and has not changed."""
        node = step.node
        try:
            self.made[node] = await self._make(step)
        except PeppyError as error:
            self._hands.progress(node, NodeProgress.FAILED, error.sentence.splitlines()[0])
            raise
        except trio.Cancelled:
            self._hands.progress(node, NodeProgress.FAILED, "was given up")
            raise

    async def discard(self) -> None:
        """Remove what was made; what cannot be removed now, the next daemon removes."""
        for path in self._files:
            try:
                await self._hands.site.host.files.remove(path)
            except HostError:
                continue

    async def _make(self, step: Step) -> Made:
        hands, site, node = self._hands, self._hands.site, step.node
        hands.progress(node, NodeProgress.FETCHING)
        log = AddLog(site, job_log(site.home.add_logs, node, site.host.clock.now()), silent)
        async with lost_if_it_fails(site, node, log) as snapshot:
            await log.record(f"Launching node {node} from {step.resolved.wanted}")
            known: Mapping[NodeId, NodeDocument] = self._plan.documents
            origin = await self._lay_out(step, snapshot, known)
            digest = await site.host.files.digest(snapshot)
        self._files.append(snapshot)
        entry = msgspec.structs.replace(
            entry_of(site, step.resolved, snapshot, origin, log.path, known),
            artifact=snapshot.with_name(f"{snapshot.name}.tar.zst"),
            digest=digest,
        )
        former = await self._same(node, digest)
        if former is not None:
            hands.progress(node, NodeProgress.BUILT, "has not changed since it was built")
            kept = msgspec.structs.replace(entry, artifact=former.entry.artifact)
            return Made(node=_built(kept, None), reused=True)
        self._files.append(entry.artifact)
        build_log = job_log(site.home.build_logs, node, site.host.clock.now())
        async with self._limit:
            hands.progress(node, NodeProgress.BUILDING)
            request = self._request
            plan = build.Plan(
                node=node,
                snapshot=snapshot,
                workspace=site.home.tmp / f"build_{site.random.randbytes(6).hex()}",
                artifact=entry.artifact,
                replaces=False,
                log=build_log,
                build_cmd=entry.execution.build_cmd,
                request=BuildNode(
                    node=node,
                    environment=request.environment,
                    idle_timeout=request.build_idle_timeout,
                    max_timeout=request.max_timeout,
                ),
                record=None,
            )
            view = await build.Job(site, plan, lambda note: self._tell(node, note)).run()
        hands.progress(node, NodeProgress.BUILT, f"built in {view.seconds:.1f} s")
        return Made(node=_built(entry, build_log), reused=False)

    async def _lay_out(
        self, step: Step, snapshot: Path, known: Mapping[NodeId, NodeDocument]
    ) -> Origin:
        """Fetch a node, as long as there are signs of life."""
        idle, node = self._request.add_idle_timeout, step.node
        with trio.CancelScope(deadline=trio.current_time() + idle) as scope:

            def alive(note: Note) -> None:
                scope.deadline = trio.current_time() + idle
                self._hands.progress(node, NodeProgress.FETCHING, note.text)

            how = msgspec.structs.replace(step.resolved.how, note=alive)
            resolved = msgspec.structs.replace(step.resolved, how=how)
            return await lay_out(self._hands.site, resolved, snapshot, known)
        raise FetchingStuck(node, idle)

    async def _same(self, node: NodeId, digest: str) -> Member | None:
        """Return the node of the present stack whose artifact will do."""
        former = self._hands.former.get(node)
        if former is None or self._request.rebuild:
            return None
        return former if await _is_built_of(self._hands.site, former, digest) else None

    def _tell(self, node: NodeId, note: Note) -> None:
        """Show what a build prints as the one line of its node."""
        if note.stream in ("stdout", "stderr", "step"):
            self._hands.progress(node, NodeProgress.BUILDING, note.text)


async def unchanged(
    site: Site, step: Step, known: Mapping[NodeId, NodeDocument], former: Member | None
) -> bool:
    """Say whether the artifact of `former` would do for a node; raises what keeps it away."""
    if former is None or not former.entry.digest:
        return False
    look = site.home.tmp / f"plan_{site.random.randbytes(6).hex()}"
    try:
        await lay_out(site, step.resolved, look, known)
        return await _is_built_of(site, former, await site.host.files.digest(look))
    finally:
        with trio.CancelScope(shield=True), suppress(HostError):
            await site.host.files.remove(look)


async def _is_built_of(site: Site, former: Member, digest: str) -> bool:
    ready = former.view is not None and former.view.stage is Stage.READY
    same = ready and former.entry.digest == digest
    return same and await site.host.files.exists(former.entry.artifact)


def _built(entry: Entry, build_log: Path | None) -> FoundNode:
    return FoundNode(entry=entry, built=True, build_log=build_log, instances=())
