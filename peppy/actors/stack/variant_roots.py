"""The root of a variant's directory: whose manifest and interfaces it takes."""

import os
from pathlib import Path
from typing import Final

import msgspec

from peppy.actors.host.ports import DOCUMENT, Files, NoDocument
from peppy.schema.errors import PeppyError
from peppy.schema.node import NodeDocument
from peppy.schema.node_reader import (
    DEFAULT_VARIANT,
    is_variant_document,
    read_node_document,
    read_variant_document,
)
from peppy.schema.sources import LocalSource
from peppy.schema.variants import NoRoot, merge

ROOT_DOCUMENT: Final = Path(".peppy/root.json5")
"""In the snapshot of a variant: the root's document, which lies somewhere else."""


class RootAbove(msgspec.Struct, frozen=True):
    """The document with a manifest that is nearest above a variant."""

    directory: Path
    text: bytes
    document: NodeDocument

    def name_of(self, variant: Path) -> str:
        """Return what the root calls the variant in a directory, or the path that leads there."""
        for declared in self.document.manifest.variants:
            match declared.source:
                case LocalSource(local) if inner(self.directory, local) == variant:
                    return declared.name
                case _:
                    pass
        return f"./{os.path.relpath(variant, self.directory)}"


class ElsewhereExecution(PeppyError):
    """A root without code of its own, whose code does not lie on this machine."""

    kind = "elsewhere"

    def __init__(self, document: NodeDocument, where: object) -> None:
        super().__init__(
            f"the code of '{document.manifest.id}' is its variant '{DEFAULT_VARIANT}', which comes"
            f" from '{where}': there is nothing to generate here",
            hint="its bindings are generated when 'peppy node add' fetches it",
        )


def inner(directory: Path, local: str) -> Path:
    """Return the directory that `local` means in a document of `directory`."""
    return Path(os.path.normpath(directory / local))


async def root_above(files: Files, directory: Path) -> RootAbove:
    """Return the root of the variant in `directory`.

    Raises `NoRoot` where there is none, `DocumentError` for one that cannot be read.
    """
    for parent in directory.parents:
        path = parent / DOCUMENT
        if not await files.exists(path):
            continue
        text = await files.read(path)
        if not is_variant_document(text, str(path)):
            return RootAbove(parent, text, read_node_document(text, str(path)))
    raise NoRoot(str(directory / DOCUMENT))


async def read_document(files: Files, directory: Path) -> NodeDocument:
    """Return the document of the node in `directory`, or of its snapshot.

    That of a variant is merged with its root's. Raises `NoDocument`, `NoRoot`, or `DocumentError`
    with every problem.
    """
    path, kept = directory / DOCUMENT, directory / ROOT_DOCUMENT
    if not await files.exists(path):
        raise NoDocument(directory)
    text = await files.read(path)
    if await files.exists(kept):
        root = read_node_document(await files.read(kept), str(kept))
    elif is_variant_document(text, str(path)):
        root = (await root_above(files, directory)).document
    else:
        return read_node_document(text, str(path))
    return merge(root, read_variant_document(text, str(path)))


async def read_executable(files: Files, directory: Path) -> tuple[Path, NodeDocument]:
    """Return where the code of the node in `directory` lies, and its document.

    They are elsewhere where a root leaves its execution to its variant `default`. Raises
    `ElsewhereExecution` where that lies on another machine, and what `read_document` raises.
    """
    document = await read_document(files, directory)
    if document.execution is not None:
        return directory, document
    default = next(v for v in document.manifest.variants if v.name == DEFAULT_VARIANT)
    if not isinstance(default.source, LocalSource):
        raise ElsewhereExecution(document, default.source)
    there = inner(directory, default.source.local)
    path = there / DOCUMENT
    if not await files.exists(path):
        raise NoDocument(there)
    variant = read_variant_document(await files.read(path), str(path))
    return there, merge(document, variant)
