"""`peppy topic list`."""

from peppy.cli.drawing.wire import topics
from peppy.cli.options import Json
from peppy.cli.terminal import Terminal
from peppy.cli.wire.finding import describe_wire


def topic_list(*, json: Json = False) -> None:
    """List the topics of the stack, who emits and who consumes them.

    Example: peppy topic list
    """
    terminal = Terminal(json=json)
    wire = describe_wire(terminal)
    terminal.result({"topics": wire.topics}, topics(wire.topics))
