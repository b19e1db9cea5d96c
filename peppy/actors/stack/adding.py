"""What `node add` does before the stack decides: read, check, and take a snapshot."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import trio

from peppy.actors.host.ports import Fetching, HostError
from peppy.actors.host.sources import directory_of
from peppy.actors.rules.fitting import Fitted, check_bindings_fit
from peppy.actors.stack.bindings import (
    Documents,
    check_bindings,
    expectations,
    write_bindings,
)
from peppy.actors.stack.entry import Entry
from peppy.actors.stack.errors import RemoteSync
from peppy.actors.stack.logs import job_log, line
from peppy.actors.stack.resolving import Resolved, lay_out, resolve
from peppy.actors.stack.site import Site
from peppy.schema.consumption import consumed
from peppy.schema.control import AddNode
from peppy.schema.errors import PeppyError
from peppy.schema.frames import Note
from peppy.schema.names import NodeId
from peppy.schema.source_text import parse_source, parse_variant
from peppy.schema.sources import LocalSource, Origin, Wanted


class AddLog:
    """The log of one `node add`: each step goes to the file and to whoever asked."""

    def __init__(self, site: Site, path: Path, note: Callable[[Note], None]) -> None:
        self._site = site
        self._note = note
        self.path = path
        note(Note(stream="log", text=str(path)))

    async def step(self, text: str) -> None:
        """Record and show a step."""
        await self.record(text)
        self._note(Note(stream="step", text=text))

    async def record(self, text: str, mark: str | None = None) -> None:
        """Record a line without showing it."""
        stamped = line(self._site.host.clock.now(), text, mark)
        await self._site.host.files.append(self.path, stamped)


async def stage(
    site: Site, request: AddNode, known: Documents, note: Callable[[Note], None]
) -> Entry:
    """Return a node that may enter the stack: its document is sound, its snapshot is taken.

    A snapshot that nobody gets is removed. Raises whatever is wrong with the node, after it has
    been written to the add log too.
    """
    how = Fetching(note=note, environment=request.environment, offline=request.offline)
    resolved = await resolve(site, wanted(request), how)
    node = resolved.document.manifest.id
    log = AddLog(site, job_log(site.home.add_logs, node, site.host.clock.now()), note)
    async with lost_if_it_fails(site, node, log) as snapshot:
        await log.record(f"Adding node {node} from {resolved.wanted}")
        for warning in resolved.warnings:
            await log.record(warning, "warning")
        await _check_source(site, request, resolved, known, log)
        origin = await lay_out(site, resolved, snapshot, known)
        await log.record(f"Took the snapshot {snapshot} of {origin}")
        return entry_of(site, resolved, snapshot, origin, log.path, known)


def wanted(request: AddNode) -> Wanted:
    """Return what a request names. Raises `PeppyError` for what names nothing."""
    source = parse_source(request.source, request.ref)
    if request.sync and not isinstance(source, LocalSource):
        raise RemoteSync(str(source))
    variant = None if request.variant is None else parse_variant(request.variant)
    return Wanted(source=source, variant=variant)


def entry_of(
    site: Site, resolved: Resolved, snapshot: Path, origin: Origin, add_log: Path, known: Documents
) -> Entry:
    """Return what the stack has to know of a node whose snapshot has been taken.

    `known` are the documents against which its bindings were generated.
    """
    return Entry(
        document=resolved.document,
        execution=resolved.execution,
        snapshot=snapshot,
        add_log=add_log,
        artifact=site.home.artifact(resolved.document.manifest.id),
        variant=resolved.variant,
        origin=origin,
        warnings=resolved.warnings,
        expected=consumed(resolved.document, known),
    )


async def _check_source(
    site: Site, request: AddNode, resolved: Resolved, known: Documents, log: AddLog
) -> None:
    """Bring the bindings in a directory that a person named up to date.

    What a repository or a commit holds is somebody's else, and a flavor's are its own.
    """
    if not isinstance(resolved.wanted.source, LocalSource) or resolved.flavor:
        return
    if not isinstance(resolved.tree, LocalSource):
        return
    directory = directory_of(resolved.tree, resolved.how)
    files, document = site.host.files, resolved.document
    if request.sync or not await check_bindings(files, document, directory):
        await log.step(f"Generating the bindings of {document.manifest.id}")
        await write_bindings(files, document, directory, known)
    else:
        check_bindings_fit(Fitted(document, await expectations(files, directory)), known)


@asynccontextmanager
async def lost_if_it_fails(site: Site, node: NodeId, log: AddLog) -> AsyncGenerator[Path, None]:
    """Yield a place for a snapshot; if the block fails, nothing is there, and the log says why."""
    files, snapshot = site.host.files, await _free(site, node)
    try:
        yield snapshot
    except BaseException as error:
        with trio.CancelScope(shield=True):
            reason = str(error) if isinstance(error, PeppyError) else "it was given up"
            # What went wrong is why nothing comes of it: also where that cannot be cleared away.
            with suppress(HostError):
                await files.remove(snapshot)
            with suppress(HostError):
                await log.record(reason, "error")
        raise


async def _free(site: Site, node: NodeId) -> Path:
    """Return where nothing lies yet: one that fails to be laid there is removed."""
    while True:
        digits = site.random.randbytes(3).hex()
        path = site.home.built_nodes / f"{node.name}_{node.tag}_{digits}"
        if not await site.host.files.exists(path):
            return path
