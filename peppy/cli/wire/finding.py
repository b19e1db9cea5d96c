"""What is on the wire, asked of the daemon; `peppy.schema.wire_finding` finds a name in it."""

from peppy.cli.asking import QUESTION_TIMEOUT, ask
from peppy.cli.terminal import Terminal
from peppy.schema.control import DescribeWire
from peppy.schema.wire import WireView


def describe_wire(terminal: Terminal) -> WireView:
    """Return what is on the wire; start the daemon first if none answers."""
    return ask(DescribeWire(), terminal, timeout=QUESTION_TIMEOUT)
