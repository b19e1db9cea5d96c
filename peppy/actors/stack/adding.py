"""What `node add` does before the stack decides: read, check, and take a snapshot."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import trio

from peppy.actors.host.ports import HostError
from peppy.actors.stack.bindings import (
    Documents,
    check_bindings,
    read_document,
    write_bindings,
)
from peppy.actors.stack.entry import Entry
from peppy.actors.stack.errors import NoExecution
from peppy.actors.stack.logs import job_log, line
from peppy.actors.stack.site import Site
from peppy.schema.control import AddNode
from peppy.schema.errors import PeppyError
from peppy.schema.frames import Note
from peppy.schema.names import NodeId


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
    files, source = site.host.files, Path(request.source)
    document = await read_document(files, source)
    node = document.manifest.id
    log = AddLog(site, job_log(site.home.add_logs, node, site.host.clock.now()), note)
    snapshot = await _free(site, node)
    try:
        if document.execution is None:
            raise NoExecution(node)
        await log.record(f"Adding node {node} from {source}")
        if request.sync or not await check_bindings(files, document, source):
            await log.step(f"Generating the bindings of {node}")
            await write_bindings(files, document, source, known)
        await site.host.sources.fetch(request.source, snapshot)
        await write_bindings(files, document, snapshot, known)
        await log.record(f"Took the snapshot {snapshot}")
    except BaseException as error:
        with trio.CancelScope(shield=True):
            reason = str(error) if isinstance(error, PeppyError) else "it was given up"
            # What went wrong is why nothing comes of it: also where that cannot be cleared away.
            with suppress(HostError):
                await files.remove(snapshot)
            with suppress(HostError):
                await log.record(reason, "error")
        raise
    return Entry(
        document=document, execution=document.execution, snapshot=snapshot, add_log=log.path
    )


async def _free(site: Site, node: NodeId) -> Path:
    """Return where nothing lies yet: one that fails to be laid there is removed."""
    while True:
        digits = site.random.randbytes(3).hex()
        path = site.home.built_nodes / f"{node.name}_{node.tag}_{digits}"
        if not await site.host.files.exists(path):
            return path
