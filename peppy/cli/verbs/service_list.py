"""`peppy service list`."""

from peppy.cli.drawing.wire import services
from peppy.cli.options import Json
from peppy.cli.terminal import Terminal
from peppy.cli.wire.finding import describe_wire


def service_list(*, json: Json = False) -> None:
    """List the services that nodes of the stack expose, and who calls them.

    Example: peppy service list
    """
    terminal = Terminal(json=json)
    wire = describe_wire(terminal)
    terminal.result({"services": wire.services}, services(wire.services))
