"""Bindings and fresh nodes: what is generated into a node's directory, and how it is checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from peppy.actors.host.ports import Files, HostError
from peppy.actors.rules.dependencies import problems
from peppy.actors.stack.errors import DirectoryExists, StaleBindings
from peppy.actors.stack.generated import generate
from peppy.actors.stack.site import Site
from peppy.actors.stack.variant_roots import read_executable
from peppy.codegen.templates import node_template
from peppy.schema.control import InitNode, InitView, SyncNode, SyncView
from peppy.schema.expectations import DEPENDENCIES_FILE, Expectations, read_expectations
from peppy.schema.names import NodeId
from peppy.schema.node import NodeDocument

BINDINGS: Final = Path(".peppy/libs/peppygen")
FINGERPRINT: Final = "peppy.json5.sha256"
ROOT_FINGERPRINT: Final = "root.json5.sha256"
"""In the bindings: the digest of the document that they were generated from, and that of the root's
document beside it where the first is a variant's."""

Documents = Mapping[NodeId, NodeDocument]
"""The documents of the nodes that are in the stack."""


async def write_bindings(
    files: Files, document: NodeDocument, directory: Path, known: Documents
) -> Path:
    """Generate the bindings of `document` into `directory`; return where they lie.

    Raises the first `DependencyProblem` that it has beside the nodes in `known`.
    """
    node = document.manifest.id
    for problem in problems({**known, node: document}, [node]):
        raise problem
    bindings = directory / BINDINGS
    await files.write_tree(bindings, generate(document, known))
    return bindings


async def check_bindings(files: Files, document: NodeDocument, directory: Path) -> bool:
    """Say whether `directory` has bindings; raise `StaleBindings` if they are of another document.

    Source: behaviour.md 11.1; seed 003, "Synchronizing the interfaces".
    """
    expected = await _fingerprint(files, directory / BINDINGS / FINGERPRINT)
    if expected is None:
        return False
    if expected != document.sha256:
        raise StaleBindings(expected, document.sha256, directory)
    root = await _fingerprint(files, directory / BINDINGS / ROOT_FINGERPRINT)
    if root != document.root_sha256:
        raise StaleBindings(root or "none", document.root_sha256 or "none", directory, of="Root")
    return True


async def expectations(files: Files, directory: Path) -> Expectations:
    """Return what the bindings in `directory` were generated against; nothing if none are there."""
    path = directory / BINDINGS / DEPENDENCIES_FILE
    try:
        return read_expectations(await files.read(path)) if await files.exists(path) else {}
    except HostError:
        return {}


async def _fingerprint(files: Files, path: Path) -> str | None:
    if not await files.exists(path):
        return None
    return (await files.read(path)).decode("ascii", "replace").strip()


async def sync(site: Site, request: SyncNode, known: Documents) -> SyncView:
    """Make a node's bindings match its document; a variant's match its root's too.

    Returns where they are. Raises `DocumentError` for a document that is wrong.
    """
    directory, document = await read_executable(site.host.files, Path(request.directory))
    bindings = await write_bindings(site.host.files, document, directory, known)
    return SyncView(node=document.manifest.id, directory=str(directory), bindings=str(bindings))


async def init(site: Site, request: InitNode) -> InitView:
    """Make the directory of a new node, bindings included; return its files.

    Raises `DirectoryExists`.
    """
    files = site.host.files
    directory = Path(request.to_dir) / request.name
    template = node_template(request.name, request.toolchain, container=request.container)
    if await files.exists(directory):
        raise DirectoryExists(directory)
    await files.write_tree(directory, template)
    await sync(site, SyncNode(directory=str(directory)), {})
    return InitView(directory=str(directory), files=tuple(sorted(template)))
