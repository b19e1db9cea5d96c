"""From what a person wants to what will be taken: repositories, roots, variants, documents."""

import os
from contextlib import suppress
from pathlib import Path

import msgspec
import trio

from peppy.actors.host.ports import AT_HAND, DOCUMENT, Fetching, FoundDocument, HostError
from peppy.actors.stack.bindings import Documents, write_bindings
from peppy.actors.stack.entry import ROOT_VARIANT
from peppy.actors.stack.repositories import locate
from peppy.actors.stack.site import Site
from peppy.actors.stack.variant_choice import (
    Chosen,
    RootFound,
    VariantFound,
    choose,
    followed,
    read_variant,
)
from peppy.actors.stack.variant_roots import ROOT_DOCUMENT, root_above
from peppy.schema.errors import PeppyError
from peppy.schema.fingerprint import document_sha256
from peppy.schema.node import Execution, NodeDocument
from peppy.schema.node_reader import (
    DEFAULT_VARIANT,
    is_variant_document,
    read_node_document,
)
from peppy.schema.sources import LocalSource, NamedSource, Origin, PlacedSource, Source, Wanted
from peppy.schema.variants import UnknownVariant, check_interfaces, merge, warnings


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
    flavor: bool = False
    """Whether the variant is a node of its own: bindings that lie in it are that node's."""


NO_PINS = Pins()


class VariantAlone(PeppyError):
    """A variant's directory where a root is wanted."""

    kind = "variant_alone"

    def __init__(self, name: str, hint: str) -> None:
        super().__init__(f"'{name}' has no 'manifest': it is a variant's document", hint=hint)


class Changed(PeppyError):
    """A directory whose document changed between reading it and copying it."""

    kind = "changed"

    def __init__(self, origin: Origin) -> None:
        super().__init__(f"'{origin}' has changed while it was being added", hint="add it again")


async def resolve(
    site: Site, wanted: Wanted, how: Fetching = AT_HAND, pins: Pins = NO_PINS
) -> Resolved:
    """Return what `wanted` comes to now. Raises `PeppyError` for whatever is wrong with it."""
    source = await _placed(site, wanted.source, pins)
    reading = msgspec.structs.replace(how, pin=pins.root)
    found = await site.host.sources.read(source, reading)
    if is_variant_document(found.text, found.name):
        return await _variant_itself(site, wanted, source, found, how)
    document = read_node_document(found.text, found.name)
    pinned = msgspec.structs.replace(how, pin=found.origin)
    root = RootFound(source=source, how=pinned, found=found, document=document)
    chosen = choose(root, wanted.variant, how, pins.own)
    if chosen is not None:
        return _merged(wanted, root, await read_variant(site.host.sources, root, chosen, how))
    if document.execution is None:  # only a root that declares 'default' may do without
        raise UnknownVariant(document.manifest, DEFAULT_VARIANT)
    return Resolved(
        wanted=wanted,
        document=document,
        execution=document.execution,
        variant=ROOT_VARIANT,
        root=found.origin,
        own=None,
        root_text=None,
        tree=source,
        how=pinned,
    )


async def _placed(site: Site, source: Source, pins: Pins) -> PlacedSource:
    if not isinstance(source, NamedSource):
        return source
    return await locate(site, source) if pins.root is None else pins.root.source


async def _variant_itself(
    site: Site, wanted: Wanted, source: PlacedSource, found: FoundDocument, how: Fetching
) -> Resolved:
    """Resolve the variant in a directory of this machine, whose root lies above it."""
    if not isinstance(source, LocalSource):
        hint = "name its root as the source, and the variant with '--variant'"
        raise VariantAlone(found.name, hint)
    directory = Path(os.path.normpath(source.local))
    above = await root_above(site.host.files, directory)
    if wanted.variant is not None:
        hint = f"choose among variants in its root's directory '{above.directory}'"
        raise VariantAlone(found.name, hint)
    root = RootFound(
        source=LocalSource(str(above.directory)),
        how=how,
        found=FoundDocument(
            text=above.text,
            name=str(above.directory / DOCUMENT),
            origin=Origin(source=LocalSource(str(above.directory))),
        ),
        document=above.document,
    )
    chosen = Chosen(name=above.name_of(directory), source=LocalSource(str(directory)), how=how)
    return _merged(wanted, root, await followed(site.host.sources, found, chosen, how))


def _merged(wanted: Wanted, root: RootFound, own: VariantFound) -> Resolved:
    chosen, variant, origin = own.chosen, own.document, own.found.origin
    check_interfaces(root.document, variant, chosen.name)
    return Resolved(
        wanted=wanted,
        document=merge(root.document, variant),
        execution=variant.execution,
        variant=chosen.name,
        root=root.found.origin,
        own=origin,
        root_text=root.found.text,
        tree=chosen.source,
        how=msgspec.structs.replace(chosen.how, pin=origin),
        warnings=warnings(root.document, variant, chosen.name),
        flavor=variant.has_manifest,
    )


async def lay_out(site: Site, resolved: Resolved, snapshot: Path, known: Documents) -> Origin:
    """Fetch the node to `snapshot`, with its bindings; return where it came from, exactly.

    `known` are the documents of the nodes beside it. Nothing is left at `snapshot` on failure.
    """
    files = site.host.files
    try:
        origin = await site.host.sources.fetch(resolved.tree, snapshot, resolved.how)
        if document_sha256(await files.read(snapshot / DOCUMENT)) != resolved.document.sha256:
            raise Changed(origin)
        if resolved.root_text is not None:
            await files.make_directory((snapshot / ROOT_DOCUMENT).parent)
            await files.write(snapshot / ROOT_DOCUMENT, resolved.root_text)
        await write_bindings(files, resolved.document, snapshot, known)
    except BaseException:
        # What went wrong is why nothing comes of it: also where that cannot be cleared away.
        with trio.CancelScope(shield=True), suppress(HostError):
            await files.remove(snapshot)
        raise
    return origin
