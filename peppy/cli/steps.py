"""Adding, building and running, with the lines that people see; `node add -sr` does all three."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from peppy.cli.asking import ask
from peppy.cli.drawing.orders import added, built, started
from peppy.cli.options import caller_environment, timeouts
from peppy.cli.terminal import Terminal
from peppy.runtime.control_client import ControlRefused
from peppy.schema.addresses import without_credentials
from peppy.schema.control import AddNode, AddView, BuildNode, BuildView, RunNode, StartView
from peppy.schema.names import InstanceId, NodeId
from peppy.schema.restart import RestartPolicy

NO_RESTART: Final = RestartPolicy()
"""The policy of an instance for which nobody has typed one."""

NO_BINDINGS: Final[Mapping[str, InstanceId]] = MappingProxyType({})

ALREADY_BUILT: Final = "already_built"
"""The daemon's word for a node that has its artifact."""


class Limits(msgspec.Struct, frozen=True):
    """How long a build or a start may take, in seconds, and whether it may displace another."""

    idle: float
    longest: float
    force: bool = False

    @classmethod
    def of(cls, idle: float, longest: float, *, force: bool = False) -> "Limits":
        """Return checked limits; raise `Usage`."""
        return cls(*timeouts(idle, longest), force)


def add(request: AddNode, terminal: Terminal) -> AddView:
    """Put a node into the stack; ask before running instances are stopped for it."""
    doing = f"Adding node from {without_credentials(request.source)}"
    terminal.step(f"{doing}...")
    view = ask(request, terminal, doing=doing, verb="add")
    terminal.log_file(view.log)
    for instance in view.stopped:
        terminal.step(f"Stopped node instance '{instance}'")
    for warning in view.warnings:
        terminal.warn(warning)
    terminal.fact(added(view))
    return view


def build(node: NodeId, limits: Limits, terminal: Terminal) -> BuildView:
    """Make a node's artifact, with the caller's environment."""
    doing = f"Building node {node}"
    terminal.step(f"{doing}...")
    request = BuildNode(
        node=node,
        environment=caller_environment(),
        idle_timeout=limits.idle,
        max_timeout=limits.longest,
        force=limits.force,
    )
    view = ask(request, terminal, doing=doing, verb="build")
    terminal.log_file(view.log)
    terminal.fact(built(view))
    return view


def build_if_needed(node: NodeId, limits: Limits, terminal: Terminal) -> BuildView | None:
    """Make a node's artifact; None if it has one."""
    try:
        return build(node, limits, terminal)
    except ControlRefused as refusal:
        if refusal.kind != ALREADY_BUILT:
            raise
        return None


def run(
    node: NodeId,
    instance: InstanceId | None,
    arguments: tuple[str, ...],
    limits: Limits,
    terminal: Terminal,
    restart: RestartPolicy = NO_RESTART,
    bindings: Mapping[str, InstanceId] = NO_BINDINGS,
) -> StartView:
    """Start one instance, with the caller's environment, and wait until it runs."""
    doing = f"Running node {node}"
    terminal.step(f"{doing}...")
    request = RunNode(
        node=node,
        instance_id=instance,
        arguments=arguments,
        environment=caller_environment(),
        idle_timeout=limits.idle,
        max_timeout=limits.longest,
        restart=restart,
        bindings=dict(bindings),
    )
    view = ask(request, terminal, doing=doing, verb="run")
    terminal.step(
        f"Starting node {node} with instance_id '{view.instance_id}'"
        f" and {len(arguments)} argument(s)..."
    )
    terminal.log_file(view.log)
    terminal.fact(started(view))
    return view


def document(view: msgspec.Struct, **further: msgspec.Struct | None) -> dict[str, Any]:
    """Return `view` with the views of the steps that followed or preceded it, None for no step."""
    whole: dict[str, Any] = msgspec.to_builtins(view)
    return whole | {name: msgspec.to_builtins(step) for name, step in further.items()}
