"""`peppy node remove`."""

from typing import Annotated

from cyclopts import Parameter

from peppy.cli.asking import ask
from peppy.cli.drawing.orders import removed
from peppy.cli.options import Json, NodeReference, StopInstances, node_id
from peppy.cli.stopping import stop_timeout
from peppy.cli.terminal import Terminal
from peppy.schema.control import RemoveNode


def node_remove(
    node: NodeReference,
    /,
    *,
    stop_instances: StopInstances = False,
    force: Annotated[
        bool, Parameter(name=["--force", "-f"], help="The same as --stop-instances.")
    ] = False,
    json: Json = False,
) -> None:
    """Take a node out of the stack.

    Example: peppy node remove hello_world:v1
    """
    terminal = Terminal(json=json)
    wanted = node_id(node)
    doing = f"Removing node {wanted}"
    terminal.step(f"{doing}...")
    request = RemoveNode(node=wanted, stop_instances=stop_instances or force)
    view = ask(request, terminal, timeout=stop_timeout, doing=doing, verb="removal")
    for instance in view.stopped:
        terminal.step(f"Stopped node instance '{instance}'")
    for warning in view.warnings:
        terminal.warn(warning)
    terminal.result(view, removed(view))
