"""`peppy node stop`."""

from typing import Annotated

from cyclopts import Parameter

from peppy.cli.asking import ask
from peppy.cli.drawing.orders import force_killed, stopped
from peppy.cli.options import Json, some_instance_id
from peppy.cli.stopping import stop_timeout
from peppy.cli.terminal import Terminal
from peppy.schema.control import StopInstance


def node_stop(
    instance: Annotated[str, Parameter(name="INSTANCE", help="As 'node info' shows it.")],
    /,
    *,
    json: Json = False,
) -> None:
    """Stop one instance; the node stays in the stack.

    An instance that does not end in its grace period is killed, and the command says so.

    Example: peppy node stop vigorous-buck-8117
    """
    terminal = Terminal(json=json)
    request = StopInstance(instance_id=some_instance_id(instance))
    doing = f"Stopping node instance '{request.instance_id}'"
    terminal.step(f"{doing}...")
    view = ask(request, terminal, timeout=stop_timeout, doing=doing)
    if view.forced:
        terminal.warn(force_killed(view))
    terminal.result(view, stopped(view))
