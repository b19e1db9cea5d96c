"""`peppy stack down`."""

from typing import Annotated

from cyclopts import Parameter

from peppy.cli.asking import ask
from peppy.cli.drawing.launch import taken_down
from peppy.cli.launch_options import Yes
from peppy.cli.options import Json
from peppy.cli.stopping import stack_stop_timeout
from peppy.cli.terminal import Terminal
from peppy.schema.launch import ClearStack


def stack_down(
    *,
    keep_nodes: Annotated[
        bool, Parameter(name="--keep-nodes", help="Stop the instances only; the nodes stay built.")
    ] = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Stop every instance, whoever needs another before that one, and empty the stack.

    Example: peppy stack down --keep-nodes
    """
    terminal = Terminal(json=json)
    request = ClearStack(keep_nodes=keep_nodes, clear_stack=yes)
    doing = "Taking the stack down"
    terminal.step(f"{doing}...")
    view = ask(request, terminal, timeout=stack_stop_timeout, doing=doing, verb="stack down")
    terminal.result(view, taken_down(view))
