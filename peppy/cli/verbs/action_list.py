"""`peppy action list`."""

from peppy.cli.drawing.wire import actions
from peppy.cli.options import Json
from peppy.cli.terminal import Terminal
from peppy.cli.wire.finding import describe_wire


def action_list(*, json: Json = False) -> None:
    """List the actions that nodes of the stack expose, and who sends them goals.

    Example: peppy action list
    """
    terminal = Terminal(json=json)
    wire = describe_wire(terminal)
    terminal.result({"actions": wire.actions}, actions(wire.actions))
