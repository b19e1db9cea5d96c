"""`peppy node run`."""

from typing import Annotated

from cyclopts import Parameter

from peppy.cli.options import (
    BindOption,
    IdleTimeout,
    InstanceOption,
    Json,
    MaxTimeout,
    bindings,
    instance_id,
    node_arguments,
    node_id,
)
from peppy.cli.restart_options import (
    RestartIfHung,
    RestartLimit,
    RestartOption,
    RestartWindow,
    restart_policy,
)
from peppy.cli.steps import Limits, build_if_needed, document, run
from peppy.cli.terminal import Terminal
from peppy.cli.usage import Usage
from peppy.schema.control import IDLE_TIMEOUT, MAX_TIMEOUT
from peppy.schema.names import NodeId


def node_run(
    node: Annotated[str | None, Parameter(name="NODE", help="NAME:TAG of a built node.")] = None,
    /,
    *arguments: Annotated[
        str, Parameter(name="KEY=VALUE", help="Its parameters, with dots for nested groups.")
    ],
    node_name: Annotated[str | None, Parameter(help="The node's name, instead of NODE.")] = None,
    tag: Annotated[str | None, Parameter(help="The node's tag, with --node-name.")] = None,
    instance: InstanceOption = None,
    build_it: Annotated[
        bool, Parameter(name=["--build", "-b"], help="Build it first if it is not.")
    ] = False,
    idle_timeout: IdleTimeout = IDLE_TIMEOUT,
    max_timeout: MaxTimeout = MAX_TIMEOUT,
    restart: RestartOption = "never",
    restart_limit: RestartLimit = None,
    restart_window: RestartWindow = None,
    restart_if_hung: RestartIfHung = None,
    bind: BindOption = (),
    json: Json = False,
) -> None:
    """Start one instance of a node and wait until it runs.

    Examples: peppy node run hello_world_param:v1 name=planet --restart on_failure
    peppy node run viewer:v1 --bind camera=front
    """
    wanted, texts = _which(node, node_name, tag, arguments)
    name, values = instance_id(instance), node_arguments(texts)
    bound = bindings(bind)
    limits = Limits.of(idle_timeout, max_timeout)
    policy = restart_policy(restart, restart_limit, restart_window, restart_if_hung)
    terminal = Terminal(json=json)

    built = build_if_needed(wanted, limits, terminal) if build_it else None
    started = run(wanted, name, values, limits, terminal, policy, bound)
    if json:
        terminal.document(document(started, build=built))


def _which(
    node: str | None, name: str | None, tag: str | None, arguments: tuple[str, ...]
) -> tuple[NodeId, tuple[str, ...]]:
    """Return the node, given in either form, and the arguments after it."""
    match node, name, tag:
        case None, None, None:
            raise Usage("'peppy node run' needs NODE", hint="write NAME:TAG, as in hello_world:v1")
        case str(), None, None:
            return node_id(node), arguments
        case _, str(), str():
            return node_id(f"{name}:{tag}"), arguments if node is None else (node, *arguments)
        case _:
            raise Usage("'--node-name' and '--tag' stand together, instead of NODE")
