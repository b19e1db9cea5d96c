"""Variants: other executions of one node (behaviour.md 2.3; seed 003, "Variants & Flavors").

A root's manifest and interfaces are everybody's; a variant brings its own execution with it.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from peppy.schema.errors import PeppyError
from peppy.schema.format_difference import Sides
from peppy.schema.interface_difference import differences, in_short
from peppy.schema.names import NodeId
from peppy.schema.node import Interfaces, Manifest, NodeDocument, Variant, VariantDocument
from peppy.schema.node_reader import DEFAULT_VARIANT
from peppy.schema.wording import nearest, quoted

MOST_SHOWN: Final = 40
"""Differences that a mismatch spells out; the rest is counted."""

_NOTHING: Final = Interfaces()
_SIDES: Final = Sides("in the root", "in the variant")


class VariantInterfaceMismatch(PeppyError):
    """A variant that says it has other interfaces than the root has."""

    kind = "variant_interface_mismatch"

    def __init__(self, node: NodeId, variant: str, lines: Sequence[str]) -> None:
        self.node = node
        self.variant = variant
        self.differences = tuple(lines)
        super().__init__(
            f"VariantInterfaceMismatch: variant '{variant}' of '{node}' has other interfaces than"
            f" its root:{in_short(list(lines), MOST_SHOWN)}",
            hint="leave 'interfaces' out of the variant's document to take the root's as they are",
        )


class UnknownVariant(PeppyError):
    """A name that no variant of the root has."""

    kind = "unknown_variant"

    def __init__(self, manifest: Manifest, name: str) -> None:
        self.name = name
        names = [variant.name for variant in manifest.variants]
        guess = nearest(name, names)
        if guess is not None:
            hint = f"did you mean '{guess}'?"
        elif names:
            hint = f"its variants are {', '.join(quoted(each) for each in names)}"
        else:
            hint = "declare it in the 'manifest.variants' of its root, or say where it lies"
        super().__init__(f"node '{manifest.id}' declares no variant {quoted(name)}", hint=hint)


class NoRoot(PeppyError):
    """A variant's document with no root's above it."""

    kind = "no_root"

    def __init__(self, document: str) -> None:
        self.document = document
        super().__init__(
            f"'{document}' has no 'manifest', as a variant's has none, and no 'peppy.json5' in the"
            " directories above it has one: its root was not found",
            hint="put the root's document back above it, or give this one a 'manifest' and"
            " 'interfaces' of its own",
        )


def declared(manifest: Manifest, name: str) -> Variant | None:
    """Return the variant that is called `name`; None for the root's own execution.

    That one is called `default` where no variant is. Raises `UnknownVariant`.
    """
    found = next((each for each in manifest.variants if each.name == name), None)
    if found is None and name != DEFAULT_VARIANT:
        raise UnknownVariant(manifest, name)
    return found


def check_interfaces(root: NodeDocument, variant: VariantDocument, name: str) -> None:
    """Raise `VariantInterfaceMismatch` if the variant has interfaces, and other ones.

    Order does not count, nor do empty lists; whoever names no interface at all takes the root's.
    """
    actual = variant.interfaces
    if actual is None or actual == _NOTHING:
        return
    lines = differences(root.interfaces, actual, _SIDES)
    if lines:
        raise VariantInterfaceMismatch(root.manifest.id, name, lines)


def warnings(root: NodeDocument, variant: VariantDocument, name: str) -> tuple[str, ...]:
    """Return what a person should know about a variant that may be used all the same."""
    if not variant.has_manifest:
        return ()
    return (
        f"the 'manifest' of variant '{name}' is ignored: it runs as '{root.manifest.id}',"
        " which its root's manifest says",
    )


def merge(root: NodeDocument, variant: VariantDocument) -> NodeDocument:
    """Return the root's manifest and interfaces with the whole execution of the variant."""
    return msgspec.structs.replace(
        root,
        execution=variant.execution,
        sha256=variant.sha256,
        root_sha256=root.sha256,
    )
