"""`peppy node add`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from peppy.cli.options import (
    BindOption,
    Force,
    IdleTimeout,
    InstanceOption,
    Json,
    MaxTimeout,
    Offline,
    StopInstances,
    bindings,
    caller_environment,
    instance_id,
    located_source,
    located_variant,
    node_arguments,
)
from peppy.cli.restart_options import (
    RestartIfHung,
    RestartLimit,
    RestartOption,
    RestartWindow,
    restart_policy,
)
from peppy.cli.steps import NO_RESTART, Limits, add, build, document, run
from peppy.cli.terminal import Terminal
from peppy.cli.usage import Usage
from peppy.schema.addresses import is_address
from peppy.schema.control import IDLE_TIMEOUT, MAX_TIMEOUT, AddNode
from peppy.schema.names import InstanceId
from peppy.schema.restart import RestartPolicy

SOURCES: Final = (
    "The node's directory; or 'URL.git/DIRECTORY', 'URL.tar.zst', or NAME:TAG of a repository."
)

VariantOption = Annotated[
    str | None, Parameter(help="A variant's name in the root's manifest, or where one lies.")
]

RefOption = Annotated[str | None, Parameter(help="Branch, tag or commit of a git SOURCE.")]

SyncOption = Annotated[bool, Parameter(name=["--sync", "-s"], help="Generate the bindings first.")]

BuildOption = Annotated[bool, Parameter(name=["--build", "-b"], help="Build the node afterwards.")]

RunOption = Annotated[bool, Parameter(name=["--run", "-r"], help="Build it and run an instance.")]


def node_add(
    source: Annotated[str, Parameter(name="SOURCE", help=SOURCES)] = ".",
    /,
    *arguments: Annotated[
        str, Parameter(name="KEY=VALUE", help="Parameters for the instance, with --run.")
    ],
    variant: VariantOption = None,
    ref: RefOption = None,
    sync: SyncOption = False,
    build_it: BuildOption = False,
    run_it: RunOption = False,
    instance: InstanceOption = None,
    restart: RestartOption = "never",
    restart_limit: RestartLimit = None,
    restart_window: RestartWindow = None,
    restart_if_hung: RestartIfHung = None,
    bind: BindOption = (),
    idle_timeout: IdleTimeout = IDLE_TIMEOUT,
    max_timeout: MaxTimeout = MAX_TIMEOUT,
    force: Force = False,
    stop_instances: StopInstances = False,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Put a node into the stack, or replace it there.

    Examples: peppy node add .
    peppy node add -sr . name=planet
    peppy node add ./camera --variant mock
    peppy node add https://example.com/robots/nodes.git/camera --ref v1.2
    """
    policy = restart_policy(restart, restart_limit, restart_window, restart_if_hung)
    bound = bindings(bind)
    _check(source, arguments, instance, policy, bound, run_it)
    wanted, values = instance_id(instance), node_arguments(arguments)
    limits = Limits.of(idle_timeout, max_timeout, force=force)
    terminal = Terminal(json=json)

    request = AddNode(
        source=located_source(source),
        ref=ref,
        variant=None if variant is None else located_variant(variant),
        environment=caller_environment(),
        offline=offline,
        sync=sync,
        stop_instances=stop_instances,
        force=force,
    )
    added = add(request, terminal)
    built = build(added.node, limits, terminal) if build_it or run_it else None
    started = None
    if run_it:
        started = run(added.node, wanted, values, limits, terminal, policy, bound)
    if json:
        terminal.document(document(added, build=built, run=started))


def _check(
    source: str,
    arguments: tuple[str, ...],
    instance: str | None,
    policy: RestartPolicy,
    bound: Mapping[str, InstanceId],
    run_it: bool,
) -> None:
    if "=" in source and not is_address(source) and not Path(source).exists():
        raise Usage(
            f"'{source}' stands where the source directory should be",
            hint=f"write the directory first, as in: peppy node add -sr . {source}",
        )
    given = {
        f"'{arguments[0]}'" if arguments else "": bool(arguments),
        "'--instance-id'": instance is not None,
        "'--restart'": policy != NO_RESTART,
        "'--bind'": bool(bound),
    }
    what = next((words for words, is_there in given.items() if is_there), None)
    if what is not None and not run_it:
        raise Usage(f"{what} is for an instance, and none is asked for", hint="add '--run'")
