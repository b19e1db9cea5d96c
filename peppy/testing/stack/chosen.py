"""Which instances of a stack are processes of their own, where the others live in this one."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

import msgspec

from peppy.actors.host.ports import CommandLine, Files
from peppy.actors.stack.variant_roots import read_document
from peppy.schema.errors import PeppyError
from peppy.schema.launcher_reader import read_launcher
from peppy.schema.names import NodeId
from peppy.schema.runtime_config import (
    NODE_NAME_VARIABLE,
    NODE_TAG_VARIABLE,
    RUNTIME_CONFIG_VARIABLE,
)
from peppy.schema.sources import LocalSource
from peppy.schema.wording import did_you_mean, quoted
from peppy.testing.stack.embedded_disk import LocalOnly


class NoSuchProcess(PeppyError):
    """What is to be a process is nothing that the launch file has."""

    kind = "no_such_process"

    def __init__(self, name: str, known: Collection[str]) -> None:
        super().__init__(
            f"{quoted(name)} is to be a process, and is neither a node nor an instance of the"
            f" launch file{did_you_mean(name, known)}",
            hint=f"it has {', '.join(map(quoted, known))}",
        )


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants as processes; nodes are called `brain:v1` here."""

    nodes: frozenset[str]
    """All instances of these."""
    instances: frozenset[str]
    """These instances, of other nodes."""
    built: frozenset[str]
    """Nodes that have to be built for it."""

    def has(self, command: CommandLine) -> bool:
        """Say whether the command of a build, or of an instance, is executed for real."""
        environment = command.environment
        node = f"{environment[NODE_NAME_VARIABLE]}:{environment[NODE_TAG_VARIABLE]}"
        if RUNTIME_CONFIG_VARIABLE not in environment:
            return node in self.built
        return node in self.nodes or started(command) in self.instances


NOTHING: Final = Chosen(nodes=frozenset(), instances=frozenset(), built=frozenset())
"""No process at all."""


def started(command: CommandLine) -> str:
    """Return the id of the instance that a command starts."""
    return command.token.partition("/")[2]


async def choose(wanted: Collection[str], launcher: Path, text: bytes, files: Files) -> Chosen:
    """Return what these names mean in a launch file that says `text`.

    A name is a node's, with its tag or without it, or an instance's id. Raises `NoSuchProcess`,
    `LocalOnly` for a node that lies elsewhere, and `DocumentError`.
    """
    known: dict[str, tuple[NodeId, str | None]] = {}
    for each in read_launcher(text, str(launcher), str(launcher.parent)).deployments:
        source = each.wanted.source
        if not isinstance(source, LocalSource):
            raise LocalOnly(source)
        node = (await read_document(files, Path(source.local))).manifest.id
        known[node.name] = known[str(node)] = (node, None)
        for instance in each.instances:
            if instance.instance_id is not None:
                known.setdefault(instance.instance_id, (node, instance.instance_id))
    for name in sorted(wanted):
        if name not in known:
            raise NoSuchProcess(name, list(known))
    meant = [known[name] for name in sorted(wanted)]
    return Chosen(
        nodes=frozenset(str(node) for node, instance in meant if instance is None),
        instances=frozenset(instance for _, instance in meant if instance is not None),
        built=frozenset(str(node) for node, _ in meant),
    )
