"""Nodes that a test writes, living in the test's own process."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import trio

from peppy.actors.host.memory_processes import Stage
from peppy.actors.host.ports import CommandLine
from peppy.codegen.bindings import generate
from peppy.runtime.transport.memory import MemoryTransport
from peppy.schema.names import InstanceId
from peppy.schema.node import NodeDocument
from peppy.schema.node_reader import read_node_document
from peppy.schema.parameters import complete
from peppy.schema.runtime_config import NodeInstance, RuntimeConfig
from peppy.testing.stack.inhabitants import Inhabitant
from peppy.testing.stack.machine import Tenant
from peppy.testing.stack.network import EmbeddedNetwork, Here

START = 1_700_000_000.0

CORE = "core-node-calm-noether-0001"

DOCUMENT = """{
    peppy_schema: "node_v1",
    manifest: { name: "lamp", tag: "v1" },
    execution: {
        language: "python",
        parameters: { color: { $type: "string", $default: "red" } },
        run_cmd: ["python", "-m", "lamp"],
    },
}"""

HEAD = """
from peppygen import NodeBuilder, NodeRunner
from peppygen.parameters import Parameters
"""


class Node:
    """One start of an instance, and what comes of it."""

    def __init__(self, tenant: Tenant) -> None:
        self.lines: list[tuple[str, str]] = []
        self.code: int | None = None
        self.inhabitant = Inhabitant(tenant)
        command = CommandLine(
            argv=("node",),
            directory=tenant.source,
            environment={},
            log=tenant.source / "log",
            token=tenant.instance_id,
        )
        self.stage = Stage(command, lambda stream, text: self.lines.append((stream, text)))
        self._scope = trio.CancelScope()

    @property
    def out(self) -> list[str]:
        """What it has printed to standard output."""
        return [text for stream, text in self.lines if stream == "stdout"]

    @property
    def err(self) -> str:
        """What it has printed to standard error."""
        return "\n".join(text for stream, text in self.lines if stream == "stderr")

    async def live(self) -> None:
        """Live to the end."""
        with self._scope:
            self.code = await self.inhabitant.play(self.stage)

    def terminate(self) -> None:
        """Send SIGTERM."""
        assert self.stage.terminated is not None
        self.stage.terminated.set()

    def kill(self) -> None:
        """Send SIGKILL."""
        self._scope.cancel()


def write_lamp(directory: Path, code: str) -> None:
    """Write a node whose one module is this."""
    (directory / "peppy.json5").write_text(DOCUMENT)
    (directory / "lamp.py").write_text(HEAD + code + "\n\nNodeBuilder().run(setup)\n")


def inhabit(
    network: EmbeddedNetwork,
    directory: Path,
    instance_id: str = "the_lamp",
    arguments: Mapping[str, Any] | None = None,
    *,
    seed: str = "7",
    near: tuple[Path, ...] = (),
) -> Node:
    """Return an instance of the node in `directory`, which may depend on those `near` it."""
    document = _document(directory, _text(directory))
    assert document.execution is not None
    instance = NodeInstance(
        InstanceId(instance_id), complete(document.execution.parameters, arguments or {})
    )
    manifest = document.manifest
    config = RuntimeConfig("127.0.0.1", 7448, manifest.name, manifest.tag, CORE, instance)
    offset = START - trio.current_time()

    async def opened(here: Here) -> MemoryTransport:
        return network.transport(instance_id, here)

    return Node(
        Tenant(
            source=directory,
            document=document,
            bindings=_bindings(document.sha256, directory, near),
            config=config,
            environment={},
            seed=seed,
            now=lambda: offset + trio.current_time(),
            open_transport=opened,
            sever=lambda: network.sever(instance_id),
        )
    )


def _text(directory: Path) -> bytes:
    return (directory / "peppy.json5").read_bytes()


@lru_cache
def _document(directory: Path, text: bytes) -> NodeDocument:
    return read_node_document(text, str(directory))


@lru_cache
def _bindings(_: str, directory: Path, near: tuple[Path, ...]) -> Mapping[str, str]:
    document = _document(directory, _text(directory))
    others = [_document(each, _text(each)) for each in near]
    return generate(document, {other.manifest.id: other for other in others})
