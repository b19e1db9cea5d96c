"""Bindings and fresh nodes: what is generated into a node's directory, and how it is checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from peppy.actors.host.ports import DOCUMENT, Files, NoDocument
from peppy.actors.stack.errors import DirectoryExists, StaleBindings
from peppy.actors.stack.site import Site
from peppy.codegen.bindings import generate
from peppy.codegen.templates import node_template
from peppy.schema.control import InitNode, InitView, SyncNode, SyncView
from peppy.schema.names import NodeId
from peppy.schema.node import NodeDocument
from peppy.schema.node_reader import read_node_document

BINDINGS: Final = Path(".peppy/libs/peppygen")
FINGERPRINT: Final = "peppy.json5.sha256"
"""In the bindings: the digest of the document that they were generated from."""

Documents = Mapping[NodeId, NodeDocument]
"""The documents of the nodes that are in the stack."""


async def read_document(files: Files, directory: Path) -> NodeDocument:
    """Return the document of the node in `directory`.

    Raises `NoDocument`, or `DocumentError` with every problem.
    """
    path = directory / DOCUMENT
    if not await files.exists(path):
        raise NoDocument(directory)
    return read_node_document(await files.read(path), str(path))


async def write_bindings(
    files: Files, document: NodeDocument, directory: Path, known: Documents
) -> Path:
    """Generate the bindings of `document` into `directory`; return where they lie."""
    bindings = directory / BINDINGS
    await files.write_tree(bindings, generate(document, known))
    return bindings


async def check_bindings(files: Files, document: NodeDocument, directory: Path) -> bool:
    """Say whether `directory` has bindings; raise `StaleBindings` if they are of another document.

    Source: behaviour.md 11.1; seed 003, "Synchronizing the interfaces".
    """
    path = directory / BINDINGS / FINGERPRINT
    if not await files.exists(path):
        return False
    expected = (await files.read(path)).decode("ascii", "replace").strip()
    if expected != document.sha256:
        raise StaleBindings(expected, document.sha256)
    return True


async def sync(site: Site, request: SyncNode, known: Documents) -> SyncView:
    """Make a node's bindings match its document."""
    directory = Path(request.directory)
    document = await read_document(site.host.files, directory)
    bindings = await write_bindings(site.host.files, document, directory, known)
    return SyncView(node=document.manifest.id, directory=str(directory), bindings=str(bindings))


async def init(site: Site, request: InitNode) -> InitView:
    """Make the directory of a new node, bindings included."""
    files = site.host.files
    directory = Path(request.to_dir) / request.name
    template = node_template(request.name, request.toolchain, container=request.container)
    if await files.exists(directory):
        raise DirectoryExists(directory)
    await files.write_tree(directory, template)
    await sync(site, SyncNode(directory=str(directory)), {})
    return InitView(directory=str(directory), files=tuple(sorted(template)))
