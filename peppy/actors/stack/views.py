"""What is shown of a node, made from what is known of it; pure."""

from pathlib import Path
from typing import assert_never

from peppy import VERSION
from peppy.actors.host.ports import DOCUMENT
from peppy.actors.rules import instance_life as life
from peppy.actors.stack import attending
from peppy.actors.stack.entry import ROOT_VARIANT, Entry
from peppy.actors.stack.plan import Plan
from peppy.actors.stack.site import Site
from peppy.schema.control import (
    InstanceState,
    InstanceView,
    InterfaceLine,
    NodeInfoView,
    NodeView,
    Stage,
    StartView,
    StopView,
)
from peppy.schema.events import EventKind
from peppy.schema.names import Name, NodeId, Tag
from peppy.schema.node import Interfaces, LinkedTopic, Manifest
from peppy.schema.parameters import parameter_lines


def row(entry: Entry, stage: Stage, path: Path, instances: tuple[InstanceView, ...]) -> NodeView:
    """Return the node's line in the stack."""
    return NodeView(
        node=entry.node,
        stage=stage,
        variant=entry.variant,
        path=str(path),
        instances=instances,
        config_path=str(entry.snapshot / DOCUMENT),
        origin="" if entry.origin is None else str(entry.origin),
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


def instance(plan: Plan, now: life.Life, reason: str | None) -> InstanceView:
    """Return an instance's line in the list, as far as its plan and its life tell it."""
    ended = None if now.ending is None else attending.say_ending(now.ending)
    return InstanceView(
        instance_id=plan.address.instance_id,
        node=plan.node,
        state=_state(now),
        pid=None,
        log=str(plan.log),
        started_at=plan.started_at,
        ended=reason if now.phase is life.Phase.ENDED and reason else ended,
        restart=plan.restart,
        bindings=plan.bindings,
    )


def start(plan: Plan, pid: int, seconds: float) -> StartView:
    """Return what is said of an instance that runs."""
    address = plan.address
    return StartView(
        node=plan.node,
        instance_id=address.instance_id,
        pid=pid,
        log=str(plan.log),
        seconds=seconds,
    )


def stop(plan: Plan, now: life.Life, seconds: float, doing: str | None) -> StopView:
    """Return what is said of an instance that was stopped."""
    return StopView(
        node=plan.node,
        instance_id=plan.address.instance_id,
        forced=now.forced,
        ended=attending.say_ending(now.ending),
        seconds=seconds,
        doing=doing if now.forced else None,
    )


def farewell(now: life.Life, failure: str | None) -> tuple[EventKind, str]:
    """Return the last event of an instance that leaves the list."""
    ending = attending.say_ending(now.ending)
    if not now.ready:
        return EventKind.START_FAILED, failure or "it was stopped"
    if now.forced:
        return EventKind.FORCE_KILLED, f"did not end in time and was killed; {ending}"
    return EventKind.STOPPED, f"was stopped; {ending}"


def ended_well(now: life.Life) -> bool:
    """Say whether an instance that has ended by itself has done what it was for."""
    return now.ending is not None and now.ending.code == 0 and not now.hung


def _state(now: life.Life) -> InstanceState:
    match now.phase:
        case life.Phase.PREPARING | life.Phase.STARTING:
            return InstanceState.STARTING
        case life.Phase.RUNNING:
            return InstanceState.RUNNING
        case life.Phase.STOPPING:
            return InstanceState.STOPPING
        case life.Phase.ENDED:
            return InstanceState.FINISHED if ended_well(now) else InstanceState.FAILED
    assert_never(now.phase)


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
