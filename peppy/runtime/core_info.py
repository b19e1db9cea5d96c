"""What node code may know of its daemon and of the stack. Source: behaviour.md 8.9."""

import builtins
from typing import Any

import msgspec

from peppy.runtime.core_client import ask_core_node
from peppy.runtime.runner import NodeRunner
from peppy.schema.control import (
    DescribeDaemon,
    InstanceState,
    ListStack,
    NodeView,
    StackView,
    Stage,
)
from peppy.schema.core_services import INFO_SERVICE, STACK_SERVICE
from peppy.schema.dot_graph import dot_graph


class ContainerInfo(msgspec.Struct, frozen=True):
    """Versions of what runs containers; None for what is not there."""

    apptainer_version: str | None = None
    lima_version: str | None = None


class InfoResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about the daemon."""

    uptime_secs: float
    core_node_name: str
    core_node_instance_id: str
    host_name: str
    node_count: int
    """Without the core node."""
    git_version: str
    """Empty where the daemon was installed as a package."""
    container_info: ContainerInfo
    messaging_port: int


class StackList:
    """The stack as it was when it was asked for."""

    def __init__(self, graph: dict[str, Any], dot_graph: str | None) -> None:
        self.graph = graph
        """`nodes`, each with `name`, `tag`, `config_path`, `artifact_path`, `stage`, `instances`
        (with `instance_id`, `state`), the core node first; and `edges`, each `from` a node that
        consumes `to` the one that it depends on, both as `name:tag`.

        Paths are absolute, or None where there is none: no artifact before a node is built.
        """
        self.dot_graph = dot_graph
        """The same in Graphviz' language, or None if it was not asked for."""

    def __repr__(self) -> str:
        return f"<StackList of {len(self.graph['nodes'])} nodes>"

    def running_instance_ids_by_node(self, name: str, tag: str) -> builtins.list[str]:
        """Return the ids of the node's running instances; raise `KeyError` for an absent node."""
        for node in self.graph["nodes"]:
            if (node["name"], node["tag"]) == (name, tag):
                return [
                    instance["instance_id"]
                    for instance in node["instances"]
                    if instance["state"] == InstanceState.RUNNING
                ]
        raise KeyError(f"{name}:{tag}")


async def info(node_runner: NodeRunner, response_timeout_secs: float | None = None) -> InfoResponse:
    """Return facts about the daemon. The time-out is in seconds, None for 10.

    Raises `CoreNodeUnreachable` (a `ConnectionError`) if no daemon is there, `CoreNodeTimeout` (a
    `TimeoutError`), `CoreNodeError` (a `RuntimeError`) if it refuses, and `ValueError` for a
    negative or NaN time-out.
    """
    view = await ask_core_node(node_runner, INFO_SERVICE, DescribeDaemon(), response_timeout_secs)
    return InfoResponse(
        uptime_secs=view.uptime,
        core_node_name=view.core_node,
        core_node_instance_id=view.instance_id,
        host_name=view.host_name,
        node_count=view.nodes,
        git_version="",
        container_info=ContainerInfo(),
        messaging_port=view.messaging_port,
    )


async def list(  # noqa: A001  # the documented name
    node_runner: NodeRunner,
    with_dot_graph: bool,
    response_timeout_secs: float | None = None,
) -> StackList:
    """Return the stack, also as a Graphviz graph if that is wanted. Raises as `info` does."""
    view = await ask_core_node(node_runner, STACK_SERVICE, ListStack(), response_timeout_secs)
    return StackList(_graph(view), dot_graph(view) if with_dot_graph else None)


def _graph(view: StackView) -> dict[str, Any]:
    edges = [
        {"from": str(edge.dependent), "to": str(edge.dependency)} for edge in view.dependencies
    ]
    return {"nodes": [_node(row) for row in view.nodes], "edges": edges}


def _node(row: NodeView) -> dict[str, Any]:
    return {
        "name": str(row.node.name),
        "tag": str(row.node.tag),
        "config_path": row.config_path or None,
        "artifact_path": row.path if row.stage is Stage.READY else None,
        "stage": str(row.stage),
        "instances": [
            {"instance_id": str(each.instance_id), "state": str(each.state)}
            for each in row.instances
        ],
    }
