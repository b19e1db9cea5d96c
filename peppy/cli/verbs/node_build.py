"""`peppy node build`."""

from peppy.cli.options import Force, IdleTimeout, Json, MaxTimeout, NodeReference, node_id
from peppy.cli.steps import Limits, build
from peppy.cli.terminal import Terminal
from peppy.schema.control import IDLE_TIMEOUT, MAX_TIMEOUT


def node_build(
    node: NodeReference,
    /,
    *,
    idle_timeout: IdleTimeout = IDLE_TIMEOUT,
    max_timeout: MaxTimeout = MAX_TIMEOUT,
    force: Force = False,
    json: Json = False,
) -> None:
    """Run a node's build_cmd and keep what it makes.

    Example: peppy node build hello_world:v1
    """
    terminal = Terminal(json=json)
    limits = Limits.of(idle_timeout, max_timeout, force=force)
    view = build(node_id(node), limits, terminal)
    if json:
        terminal.document(view)
