"""All that is known of a node (seed 001, behaviour.md 10.2)."""

from collections.abc import Iterable, Sequence
from typing import Final

from peppy.cli.drawing.instance import instance_lines
from peppy.cli.drawing.traffic import traffic, warnings
from peppy.schema.control import InterfaceLine, NodeInfoView

_TITLE_RULE: Final = "=" * 50
_SECTION_RULE: Final = "-" * 50


def node_info(view: NodeInfoView) -> str:
    """Return the sections of `node info`; a section that would be empty is left out."""
    sections = (
        ("Node Stack Status", _status(view)),
        ("Warnings", warnings(view.row.instances)),
        ("Logs", _logs(view)),
        ("Parameters", [f"- {parameter}" for parameter in view.parameters]),
        ("Exposed Interfaces", _interfaces(view.exposed)),
        ("Consumed Interfaces", _interfaces(view.consumed)),
        ("Traffic", traffic(view.row.instances)),
        ("Dependencies", [f"- {node}" for node in view.dependencies]),
        ("Integrity", [f"Config SHA256: {view.config_sha256}"]),
    )
    lines = ["Node Information", _TITLE_RULE, *_identity(view)]
    for title, content in sections:
        if content:
            lines += ["", title, _SECTION_RULE, *content]
    return "\n".join(lines)


def _identity(view: NodeInfoView) -> list[str]:
    lines = [
        f"Name: {view.row.node.name}",
        f"Tag: {view.row.node.tag}",
        f"Language: {view.language.capitalize()}",
    ]
    for what, command in (("Build", view.build_cmd), ("Run", view.run_cmd)):
        if command:
            lines.append(f"{what} cmd: {' '.join(command)}")
    return lines


def _status(view: NodeInfoView) -> list[str]:
    return [
        f"Stage: {view.row.stage}",
        f"Variant: {view.row.variant}",
        *([f"Origin: {view.row.origin}"] if view.row.origin else []),
        f"Instances: {len(view.row.instances)} tracked",
        *(line for instance in view.row.instances for line in instance_lines(instance)),
    ]


def _logs(view: NodeInfoView) -> list[str]:
    lines = [str(view.row.node)]
    if view.add_log:
        lines.append(f"Add log: {view.add_log}")
    if view.build_log is not None:
        lines.append(f"Build log: {view.build_log}")
    if view.row.instances:
        lines.append("Run logs:")
        lines += [f"- {instance.instance_id}: {instance.log}" for instance in view.row.instances]
    return lines


def _interfaces(interfaces: Sequence[InterfaceLine]) -> list[str]:
    """Return the interfaces under headings, one for each kind, in the order they come."""
    lines: list[str] = []
    for kind in dict.fromkeys(interface.kind for interface in interfaces):
        lines.append(f"{kind.title()}s:")
        lines += [_interface(one) for one in interfaces if one.kind == kind]
    return lines


def _interface(interface: InterfaceLine) -> str:
    remarks = list(_remarks(interface))
    return f"- {interface.name}" + (f" ({', '.join(remarks)})" if remarks else "")


def _remarks(interface: InterfaceLine) -> Iterable[str]:
    if interface.source is not None:
        yield f"from: {interface.source}"
    if interface.qos is not None:
        yield f"qos: {_camel_case(interface.qos)}"


def _camel_case(profile: str) -> str:
    """Return `sensor_data` as `SensorData`, as the pages show it."""
    return "".join(part[:1].upper() + part[1:] for part in profile.split("_"))
