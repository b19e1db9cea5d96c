"""What a launch would do or has done, and what else is done to a whole stack."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from peppy.cli.drawing.table import box_table
from peppy.schema.control import StartView
from peppy.schema.launch import (
    DownView,
    LaunchPlanView,
    LaunchView,
    LockView,
    PlannedInstance,
    PlannedNode,
    RestartView,
)
from peppy.schema.wording import counted

NODES: Final = ("WAVE", "NODE", "VARIANT", "ARTIFACT", "ORIGIN")
INSTANCES: Final = ("NODE", "INSTANCE", "PID", "LOG")

NONE: Final = "(none)"


def plan(view: LaunchPlanView) -> str:
    """Return all that a launch would do: stop, remove, build, start, in this order."""
    edges = [f"{edge.dependent} -> {edge.dependency}" for edge in view.dependencies]
    return "\n".join(
        (
            f"The launch of {view.launcher} would",
            f"stop: {', '.join(view.stops) or NONE}",
            f"remove: {', '.join(map(str, view.removes)) or NONE}",
            "start, wave by wave:",
            box_table(NODES, [_node_row(node) for node in view.nodes]),
            "Instances",
            *(_instance_line(node, each) for node in view.nodes for each in node.instances),
            "Dependencies",
            *(edges or [NONE]),
        )
    )


def _node_row(node: PlannedNode) -> tuple[str, ...]:
    artifact = "reused" if node.reused else "built anew"
    return (str(node.wave), str(node.node), node.variant, artifact, node.origin)


def _instance_line(node: PlannedNode, instance: PlannedInstance) -> str:
    name = instance.instance_id or "(a made-up id)"
    values = " ".join(f"{key}={value}" for key, value in _flat(instance.arguments))
    restart = "" if instance.restart == "never" else f" [restart: {instance.restart}]"
    bound = "".join(f" [{label}: {target}]" for label, target in instance.bindings.items())
    return f"- {name} ({node.node}){restart}{bound}" + (f": {values}" if values else "")


def _flat(arguments: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield arguments as they would be typed: `video.frame_rate=30`."""
    for key, value in arguments.items():
        path = f"{above}{key}"
        if isinstance(value, dict) and value:
            yield from _flat(cast(dict[str, Any], value), f"{path}.")
        else:
            yield path, msgspec.json.encode(value).decode()


def launched(view: LaunchView) -> str:
    """Return what runs now, where each instance logs, and how long it took."""
    numbers = [
        counted(len(view.nodes), "node"),
        counted(len(view.started), "instance"),
        f"{len(view.built)} built",
    ]
    return "\n".join(
        (
            *_instances(view.started),
            f"Applied the launch configuration of {view.launcher}"
            f" in {view.seconds:.1f} s: {', '.join(numbers)}",
        )
    )


def locked(view: LockView) -> str:
    """Return where the lock file is, and what it says otherwise than the one before."""
    return "\n".join((*view.changed, f"Locked {counted(len(view.nodes), 'node')} in {view.lock}"))


def taken_down(view: DownView) -> str:
    """Return what was stopped, in order, and what has left the stack."""
    return "\n".join(
        (
            *(f"Stopped node instance '{instance}'" for instance in view.stopped),
            *(f"Removed node {node} from the node stack" for node in view.removed),
            f"Took the stack down: {counted(len(view.stopped), 'instance')} stopped,"
            f" {counted(len(view.removed), 'node')} removed",
        )
    )


def restarted(view: RestartView) -> str:
    """Return what runs again."""
    count = counted(len(view.started), "instance")
    return "\n".join((*_instances(view.started), f"Restarted {count} in {view.seconds:.1f} s"))


def _instances(started: Sequence[StartView]) -> Iterator[str]:
    if started:
        rows = [(str(v.node), v.instance_id, str(v.pid), v.log) for v in started]
        yield box_table(INSTANCES, rows)
