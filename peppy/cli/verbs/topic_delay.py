"""`peppy topic delay`."""

from peppy.cli.drawing.measures import delay as draw
from peppy.cli.leaving import until_stopped
from peppy.cli.options import Json, LinesOption, TopicName, WindowOption, at_least_one
from peppy.cli.terminal import Terminal
from peppy.cli.wire.finding import describe_wire
from peppy.cli.wire.measures import WINDOW, Window
from peppy.schema.wire_finding import find


def topic_delay(
    name: TopicName,
    /,
    *,
    window: WindowOption = WINDOW,
    times: LinesOption = None,
    json: Json = False,
) -> None:
    """Print how late messages come: a line each second, until Ctrl+C.

    It is the time from sending to arriving, by the clocks of both sides.

    Example: peppy topic delay camera/frames
    """
    terminal = Terminal(json=json)
    recent = Window(at_least_one(window, "--window"))
    lines = None if times is None else at_least_one(times, "--times")
    wire = describe_wire(terminal)
    topic = find("topic", name, wire.topics)

    from peppy.cli.wire.measuring import measure

    with until_stopped():
        measure(wire, topic, recent, Window.delay, draw, lines, terminal)
