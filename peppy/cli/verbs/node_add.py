"""`peppy node add`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from peppy.cli.options import (
    Force,
    IdleTimeout,
    InstanceOption,
    Json,
    MaxTimeout,
    StopInstances,
    absolute,
    instance_id,
    node_arguments,
)
from peppy.cli.steps import Limits, add, build, document, run
from peppy.cli.terminal import Terminal
from peppy.cli.usage import Usage
from peppy.schema.control import IDLE_TIMEOUT, MAX_TIMEOUT, AddNode
from peppy.schema.errors import PeppyError


def node_add(
    source: Annotated[str, Parameter(name="SOURCE", help="The node's directory.")] = ".",
    /,
    *arguments: Annotated[
        str, Parameter(name="KEY=VALUE", help="Parameters for the instance, with --run.")
    ],
    sync: Annotated[
        bool, Parameter(name=["--sync", "-s"], help="Generate the bindings first.")
    ] = False,
    build_it: Annotated[
        bool, Parameter(name=["--build", "-b"], help="Build the node afterwards.")
    ] = False,
    run_it: Annotated[
        bool, Parameter(name=["--run", "-r"], help="Build it and run an instance.")
    ] = False,
    instance: InstanceOption = None,
    idle_timeout: IdleTimeout = IDLE_TIMEOUT,
    max_timeout: MaxTimeout = MAX_TIMEOUT,
    force: Force = False,
    stop_instances: StopInstances = False,
    json: Json = False,
) -> None:
    """Put a node into the stack, or replace it there.

    Examples: peppy node add .
    peppy node add -sr . name=planet
    """
    _check(source, arguments, instance, run_it)
    wanted = instance_id(instance)
    values = node_arguments(arguments)
    limits = Limits.of(idle_timeout, max_timeout, force=force)
    terminal = Terminal(json=json)

    request = AddNode(
        source=absolute(source), sync=sync, stop_instances=stop_instances, force=force
    )
    added = add(request, terminal)
    built = build(added.node, limits, terminal) if build_it or run_it else None
    started = run(added.node, wanted, values, limits, terminal) if run_it else None
    if json:
        terminal.document(document(added, build=built, run=started))


def _check(source: str, arguments: tuple[str, ...], instance: str | None, run_it: bool) -> None:
    if "://" in source or source.startswith("git@"):
        raise PeppyError(
            f"'{source}' is not a directory on this machine",
            hint="fetch it first, then add its directory",
        )
    if "=" in source and not Path(source).exists():
        raise Usage(
            f"'{source}' stands where the source directory should be",
            hint=f"write the directory first, as in: peppy node add -sr . {source}",
        )
    if (arguments or instance is not None) and not run_it:
        what = f"'{arguments[0]}'" if arguments else "'--instance-id'"
        raise Usage(f"{what} is for an instance, and none is asked for", hint="add '--run'")
