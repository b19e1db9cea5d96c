"""`peppy topic pub`."""

from typing import Annotated, Final

from cyclopts import Parameter

from peppy.cli.drawing.orders import published
from peppy.cli.leaving import until_stopped
from peppy.cli.options import Json, TopicName, ValueWords, at_least_one, positive
from peppy.cli.terminal import Terminal
from peppy.cli.usage import Usage
from peppy.cli.wire.finding import describe_wire
from peppy.cli.wire.values import parse_values
from peppy.schema.wire_finding import find, message_format

RATE: Final = 1.0
"""Messages a second where many are asked for and no rate is."""


def topic_pub(
    name: TopicName,
    /,
    *values: ValueWords,
    rate: Annotated[
        float | None, Parameter(help="Messages a second, until Ctrl+C or --times (1).")
    ] = None,
    once: Annotated[bool, Parameter(help="Send one message; so it is without options.")] = False,
    times: Annotated[int | None, Parameter(help="Send so many messages.")] = None,
    json: Json = False,
) -> None:
    """Send a message on a topic, as if the node that emits it had.

    VALUES is one JSON5 object, or words like speed=1.5; bytes are written as base64.

    Examples: peppy topic pub drive '{speed: 1.5, name: "left"}'
    peppy topic pub drive speed=1.5 name=left --rate 10
    """
    terminal = Terminal(json=json)
    if once and (rate is not None or times is not None):
        raise Usage("'--once' stands without '--rate' and '--times'")
    pace = RATE if rate is None else positive(rate, "--rate")
    number = None if times is None else at_least_one(times, "--times")
    if number is None and rate is None:
        number = 1
    wire = describe_wire(terminal)
    topic = find("topic", name, wire.topics)
    what = f"topic '{topic.name}'"
    known = message_format(topic.format, what)
    message = parse_values(values, what)

    from peppy.cli.wire.sending import Order, publish

    with until_stopped():
        view = publish(wire, Order(topic, known, message, number, pace), terminal)
    terminal.result(view, published(view.topic, view.messages))
