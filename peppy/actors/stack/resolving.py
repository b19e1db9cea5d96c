"""From what a person wants to what will be taken: repositories, roots, variants, documents."""

from pathlib import Path

import msgspec

from peppy.actors.host.ports import AT_HAND, Fetching
from peppy.actors.stack.bindings import Documents, write_bindings
from peppy.actors.stack.entry import ROOT_VARIANT
from peppy.actors.stack.errors import NoExecution
from peppy.actors.stack.site import Site
from peppy.schema.errors import PeppyError
from peppy.schema.node import Execution, NodeDocument
from peppy.schema.node_reader import read_node_document
from peppy.schema.sources import NamedSource, Origin, PlacedSource, Wanted


class Pins(msgspec.Struct, frozen=True, kw_only=True):
    """What a lock file says of one node; None takes what is there now."""

    root: Origin | None = None
    own: Origin | None = None
    """Of the variant."""


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """A node that could be fetched now, and all that is known of it before it is."""

    wanted: Wanted
    document: NodeDocument
    """Whole: the root's manifest and interfaces, and the execution that was chosen."""
    execution: Execution
    variant: str
    """As listings show it."""
    root: Origin
    """Where the root's document lies."""
    own: Origin | None
    """Where the variant's document lies; None where the root's own execution was chosen."""
    root_text: bytes | None
    """The root's document, where a variant was chosen."""
    tree: PlacedSource
    how: Fetching
    """How `tree` is fetched, so that it is exactly what was read."""
    warnings: tuple[str, ...] = ()


NO_PINS = Pins()


async def resolve(
    site: Site, wanted: Wanted, how: Fetching = AT_HAND, pins: Pins = NO_PINS
) -> Resolved:
    """Return what `wanted` comes to now. Raises `PeppyError` for whatever is wrong with it."""
    source = wanted.source
    if isinstance(source, NamedSource):
        raise PeppyError(f"'{source}' is in no repository")
    read = msgspec.structs.replace(how, pin=pins.root)
    found = await site.host.sources.read(source, read)
    document = read_node_document(found.text, found.name)
    if document.execution is None:
        raise NoExecution(document.manifest.id)
    return Resolved(
        wanted=wanted,
        document=document,
        execution=document.execution,
        variant=ROOT_VARIANT,
        root=found.origin,
        own=None,
        root_text=None,
        tree=source,
        how=msgspec.structs.replace(how, pin=found.origin),
    )


async def lay_out(site: Site, resolved: Resolved, snapshot: Path, known: Documents) -> Origin:
    """Fetch the node to `snapshot`, with its bindings; return where it came from, exactly.

    `known` are the documents of the nodes beside it. Nothing is left at `snapshot` on failure.
    """
    origin = await site.host.sources.fetch(resolved.tree, snapshot, resolved.how)
    await write_bindings(site.host.files, resolved.document, snapshot, known)
    return origin
