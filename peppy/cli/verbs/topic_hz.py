"""`peppy topic hz`."""

from peppy.cli.drawing.measures import rate as draw
from peppy.cli.leaving import until_stopped
from peppy.cli.options import Json, LinesOption, TopicName, WindowOption, at_least_one
from peppy.cli.terminal import Terminal
from peppy.cli.wire.finding import describe_wire
from peppy.cli.wire.measures import WINDOW, Window
from peppy.schema.wire_finding import find


def topic_hz(
    name: TopicName,
    /,
    *,
    window: WindowOption = WINDOW,
    times: LinesOption = None,
    json: Json = False,
) -> None:
    """Print how often messages come: a line each second, until Ctrl+C.

    Example: peppy topic hz message_stream
    """
    terminal = Terminal(json=json)
    recent = Window(at_least_one(window, "--window"))
    lines = None if times is None else at_least_one(times, "--times")
    wire = describe_wire(terminal)
    topic = find("topic", name, wire.topics)

    from peppy.cli.wire.measuring import measure

    with until_stopped():
        measure(wire, topic, recent, Window.rate, draw, lines, terminal)
