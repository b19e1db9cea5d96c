"""Which variant of a root is meant, and where it lies."""

import os
from typing import assert_never

import msgspec

from peppy.actors.host.ports import DOCUMENT, Fetching, FoundDocument, NoDocument, Sources
from peppy.schema.errors import PeppyError
from peppy.schema.names import Name, NodeId
from peppy.schema.node import NodeDocument, Variant, VariantDocument
from peppy.schema.node_reader import (
    DEFAULT_VARIANT,
    leaves_its_execution,
    read_node_document,
    read_variant_document,
)
from peppy.schema.sources import (
    ArchiveSource,
    GitSource,
    LocalSource,
    Origin,
    PlacedSource,
    VariantChoice,
    VariantName,
)
from peppy.schema.variants import UnknownVariant, check_interfaces, declared


class RootFound(msgspec.Struct, frozen=True, kw_only=True):
    """A root's document, and how it was had."""

    source: PlacedSource
    how: Fetching
    """With a pin: whatever else is taken of the source is of the same commit, or archive."""
    found: FoundDocument
    document: NodeDocument

    @property
    def node(self) -> NodeId:
        """The root's name and tag."""
        return self.document.manifest.id


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """A variant, before its document is read."""

    name: str
    """As listings show it."""
    source: PlacedSource
    how: Fetching


class VariantFound(msgspec.Struct, frozen=True, kw_only=True):
    """A variant, and its document."""

    chosen: Chosen
    found: FoundDocument
    document: VariantDocument


class VariantAway(PeppyError):
    """A variant that is not where its root says."""

    kind = "variant_away"

    def __init__(self, node: NodeId, name: str, reason: str) -> None:
        super().__init__(
            f"variant '{name}' of '{node}' is not there: {reason}",
            hint=f"a variant's directory holds a '{DOCUMENT}' with its 'execution'",
        )


class AbsoluteVariant(PeppyError):
    """A root from elsewhere that names a directory of this machine."""

    kind = "absolute_variant"

    def __init__(self, node: NodeId, variant: Variant, origin: Origin) -> None:
        super().__init__(
            f"variant '{variant.name}' of '{node}' is the directory '{variant.source}' of this"
            f" machine, but '{node}' comes from '{origin}'",
            hint="a root from elsewhere names its local variants relative to its own directory",
        )


def choose(
    root: RootFound, choice: VariantChoice | None, how: Fetching, pin: Origin | None
) -> Chosen | None:
    """Return the variant that `choice` means; None for the root's own execution.

    `pin` holds for a variant that has a source of its own. Raises `UnknownVariant` and
    `AbsoluteVariant`.
    """
    elsewhere = msgspec.structs.replace(how, pin=pin, inside="")
    match choice:
        case None:
            default = declared(root.document.manifest, DEFAULT_VARIANT)
            return None if default is None else _declared(root, default, elsewhere)
        case VariantName(name):
            variant = declared(root.document.manifest, name)
            return None if variant is None else _declared(root, variant, elsewhere)
        case LocalSource() | GitSource() | ArchiveSource():
            return Chosen(name=str(choice), source=choice, how=elsewhere)
    assert_never(choice)


def _declared(root: RootFound, variant: Variant, elsewhere: Fetching) -> Chosen:
    if not isinstance(variant.source, LocalSource):
        return Chosen(name=variant.name, source=variant.source, how=elsewhere)
    local = variant.source.local
    if os.path.isabs(local) and not isinstance(root.source, LocalSource):
        raise AbsoluteVariant(root.node, variant, root.found.origin)
    inside = os.path.join(root.how.inside, local)
    how = msgspec.structs.replace(root.how, inside=inside)
    return Chosen(name=variant.name, source=root.source, how=how)


async def read_variant(
    sources: Sources, root: RootFound, chosen: Chosen, how: Fetching
) -> VariantFound:
    """Return the variant that was chosen, with its document.

    Raises `VariantAway`, `DocumentError`, or `HostError` for its source.
    """
    return await followed(sources, await _read(sources, root, chosen), chosen, how)


async def followed(
    sources: Sources, found: FoundDocument, chosen: Chosen, how: Fetching
) -> VariantFound:
    """Return the variant whose document was `found`; a whole node's default may be its execution.

    Then the node's interfaces count, which its default variant has to match too.
    """
    if not leaves_its_execution(found.text, found.name):
        variant = read_variant_document(found.text, found.name)
        return VariantFound(chosen=chosen, found=found, document=variant)
    whole = read_node_document(found.text, found.name)
    pinned = msgspec.structs.replace(chosen.how, pin=found.origin)
    flavor = RootFound(source=chosen.source, how=pinned, found=found, document=whole)
    default = choose(flavor, VariantName(Name(DEFAULT_VARIANT)), how, None)
    if default is None:  # only a root that declares it may leave its execution out
        raise UnknownVariant(whole.manifest, DEFAULT_VARIANT)
    own = await _read(sources, flavor, default)
    variant = read_variant_document(own.text, own.name)
    check_interfaces(whole, variant, default.name)
    return VariantFound(
        chosen=msgspec.structs.replace(default, name=chosen.name),
        found=own,
        document=msgspec.structs.replace(variant, interfaces=whole.interfaces, has_manifest=True),
    )


async def _read(sources: Sources, root: RootFound, chosen: Chosen) -> FoundDocument:
    try:
        return await sources.read(chosen.source, chosen.how)
    except NoDocument as error:
        raise VariantAway(root.node, chosen.name, error.sentence) from None
