"""`peppy topic info`."""

from peppy.cli.drawing.wire import topic_info as draw
from peppy.cli.options import Json, TopicName
from peppy.cli.terminal import Terminal
from peppy.cli.wire.finding import describe_wire
from peppy.schema.wire_finding import find


def topic_info(name: TopicName, /, *, json: Json = False) -> None:
    """Show all that is known of a topic: its format, its profile, who emits and consumes it.

    Example: peppy topic info message_stream
    """
    terminal = Terminal(json=json)
    view = find("topic", name, describe_wire(terminal).topics)
    terminal.result(view, draw(view))
