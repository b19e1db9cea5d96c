"""What it takes to start an instance: a plan, its artifact laid out, and its process."""

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

import msgspec

from peppy.actors.host.environment import child_environment
from peppy.actors.host.ports import CommandLine, ExitStatus, Process
from peppy.actors.stack.logs import line
from peppy.actors.stack.plan import Plan, process_record
from peppy.actors.stack.site import Site
from peppy.schema.arguments import parse_arguments
from peppy.schema.control import RunNode
from peppy.schema.durations import force_kill_after
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId
from peppy.schema.node import Execution, Group
from peppy.schema.parameters import as_json, complete
from peppy.schema.runtime_config import (
    DEFAULT_MESSAGING_HOST,
    NODE_NAME_VARIABLE,
    NODE_TAG_VARIABLE,
    RUNTIME_CONFIG_VARIABLE,
    NodeInstance,
    RuntimeConfig,
)

EXECUTING: Final = "Executing run_cmd:"
"""How a run log begins, and each start within it (behaviour.md 7.3)."""

OFFLINE: Final = {"UV_NO_SYNC": "1", "UV_OFFLINE": "1", "UV_FROZEN": "1"}
"""A start neither builds nor fetches anything: uv takes the environment as the build left it."""


def arguments_of(request: RunNode, schema: Group) -> dict[str, object]:
    """Return the whole of an instance's parameters; raises `ParameterError`."""
    return complete(schema, _over(request.values, parse_arguments(request.arguments, schema)))


def _over(values: Mapping[str, object], typed: Mapping[str, object]) -> dict[str, object]:
    """Return `values` with what was typed in their place, group by group."""
    whole = dict(values)
    for name, value in typed.items():
        under = whole.get(name)
        if isinstance(value, dict) and isinstance(under, dict):
            group = cast("dict[str, object]", value)
            whole[name] = _over(cast("dict[str, object]", under), group)
        else:
            whole[name] = value
    return whole


def make_plan(
    site: Site,
    request: RunNode,
    execution: Execution,
    artifact: Path,
    arguments: dict[str, object],
) -> Plan:
    """Return the plan for one instance of `request.node`, whose id has been chosen."""
    assert request.instance_id is not None  # noqa: S101  # the stack fills it in
    instance_id: InstanceId = request.instance_id
    home = site.home
    return Plan(
        node=request.node,
        address=Address(site.core_node, request.node.name, instance_id),
        artifact=artifact,
        directory=home.instances / instance_id,
        log=home.run_logs / f"{instance_id}.log",
        runtime_config=home.runtime / f"runtime_config_{instance_id}.json5",
        run_cmd=execution.run_cmd,
        arguments=as_json(arguments),
        environment=request.environment,
        idle_timeout=request.idle_timeout,
        max_timeout=request.max_timeout,
        started_at=site.host.clock.now(),
        token=f"{site.daemon_instance}/{instance_id}",
        record=home.runtime / process_record(instance_id),
        restart=request.restart,
        bindings=request.bindings,
    )


async def prepare(site: Site, plan: Plan) -> None:
    """Lay the artifact out and write what the node will be told. Raises `HostError`."""
    files, settings = site.host.files, site.config
    await files.remove(plan.record)
    await files.remove(plan.directory)
    await files.unpack(plan.artifact, plan.directory)
    config = RuntimeConfig(
        messaging_host=DEFAULT_MESSAGING_HOST,
        messaging_port=site.messaging_port,
        node_name=plan.node.name,
        node_tag=plan.node.tag,
        bound_core_node=site.core_node,
        node_instance=NodeInstance(plan.address.instance_id, plan.arguments),
        lifecycle=settings.lifecycle,
        buffers=settings.buffers,
        mode=settings.mode,
        bindings=plan.bindings,
    )
    text = msgspec.json.format(msgspec.json.encode(config), indent=2)
    await files.write(plan.runtime_config, text, mode=0o600)


async def spawn(site: Site, plan: Plan) -> Process:
    """Start the process and return it; the log's first line says what was started, and where."""
    command = " ".join(plan.run_cmd)
    text = f"{EXECUTING} {command} (working_dir: {plan.directory})"
    await site.host.files.append(plan.log, line(site.host.clock.now(), text))
    extra = {
        RUNTIME_CONFIG_VARIABLE: str(plan.runtime_config),
        NODE_NAME_VARIABLE: plan.node.name,
        NODE_TAG_VARIABLE: plan.node.tag,
        **OFFLINE,
    }
    grace = force_kill_after(site.config.lifecycle.shutdown_grace_secs)
    return await site.host.processes.start(
        CommandLine(
            argv=plan.run_cmd,
            directory=plan.directory,
            environment=child_environment(plan.environment, extra, uv_directory=site.uv_directory),
            log=plan.log,
            token=plan.token,
            grace=grace,
            record=plan.record,
            abandoned_after=site.config.lifecycle.daemon_grace_secs + grace,
        )
    )


def say_exit(status: ExitStatus) -> str:
    """Return how a process ended, as in `exit code 1` or `signal SIGKILL`."""
    if status.code is None and status.signal is None:
        return "nobody there to see it"
    if status.signal is None:
        return f"exit code {status.code}"
    try:
        return f"signal {signal.Signals(status.signal).name}"
    except ValueError:
        return f"signal {status.signal}"
