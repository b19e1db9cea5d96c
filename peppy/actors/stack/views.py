"""What is shown of a node, made from what is known of it; pure."""

from pathlib import Path
from typing import Final

from peppy import VERSION
from peppy.actors.stack.entry import Entry
from peppy.actors.stack.site import Site
from peppy.schema.control import (
    InstanceState,
    InstanceView,
    InterfaceLine,
    NodeInfoView,
    NodeView,
    Stage,
)
from peppy.schema.names import Name, NodeId, Tag
from peppy.schema.node import Interfaces, LinkedTopic, Manifest
from peppy.schema.parameters import parameter_lines

ROOT_VARIANT: Final = "default"
"""How the root's own execution is called (behaviour.md 2.3)."""


def row(entry: Entry, stage: Stage, path: Path, instances: tuple[InstanceView, ...]) -> NodeView:
    """Return the node's line in the stack."""
    return NodeView(
        node=entry.node,
        stage=stage,
        variant=ROOT_VARIANT,
        path=str(path),
        instances=instances,
    )


def core_node(site: Site) -> NodeView:
    """Return the line of the daemon itself: always there, always one instance."""
    node = NodeId(Name(site.core_node), Tag(f"v{VERSION}"))
    itself = InstanceView(
        instance_id=site.daemon_instance,
        node=node,
        state=InstanceState.RUNNING,
        pid=site.daemon_pid,
        log=str(site.home.daemon_log),
        started_at=site.started_at,
    )
    return NodeView(
        node=node,
        stage=Stage.ROOT,
        variant=ROOT_VARIANT,
        path=site.program_directory,
        instances=(itself,),
    )


def node_info(entry: Entry, shown: NodeView, build_log: Path | None) -> NodeInfoView:
    """Return all that is known of the node (seed 001, "node info")."""
    manifest, execution = entry.document.manifest, entry.execution
    return NodeInfoView(
        row=shown,
        language=execution.language.value,
        build_cmd=execution.build_cmd,
        run_cmd=execution.run_cmd,
        add_log=str(entry.add_log),
        build_log=None if build_log is None else str(build_log),
        exposed=_exposed(entry.document.interfaces),
        consumed=_consumed(entry.document.interfaces, manifest),
        parameters=parameter_lines(execution.parameters),
        dependencies=tuple(dependency.node for dependency in manifest.depends_on),
        config_sha256=entry.document.sha256,
    )


def _exposed(interfaces: Interfaces) -> tuple[InterfaceLine, ...]:
    topics = (
        InterfaceLine(kind="emitted topic", name=topic.name, qos=topic.qos.value)
        for topic in interfaces.emits
    )
    services = (InterfaceLine(kind="service", name=s.name) for s in interfaces.exposed_services)
    actions = (InterfaceLine(kind="action", name=a.name) for a in interfaces.exposed_actions)
    return (*topics, *services, *actions)


def _consumed(interfaces: Interfaces, manifest: Manifest) -> tuple[InterfaceLine, ...]:
    nodes: dict[str, NodeId] = {d.local_id: d.node for d in manifest.depends_on}

    def line(kind: str, name: str, local_id: str | None) -> InterfaceLine:
        source = None if local_id is None else str(nodes[local_id])
        return InterfaceLine(kind=kind, name=name, source=source)

    topics = (
        line("consumed topic", t.name, t.local_id if isinstance(t, LinkedTopic) else None)
        for t in interfaces.consumes
    )
    services = (line("service", s.name, s.local_id) for s in interfaces.consumed_services)
    actions = (line("action", a.name, a.local_id) for a in interfaces.consumed_actions)
    return (*topics, *services, *actions)
