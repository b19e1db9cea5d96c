"""`peppy topic echo`."""

from typing import Annotated, Any

from cyclopts import Parameter

from peppy.cli.drawing.message import message, value
from peppy.cli.leaving import until_stopped
from peppy.cli.options import Json, TopicName, instance_id
from peppy.cli.style import printable
from peppy.cli.terminal import Terminal
from peppy.cli.wire.expressions import compile_field, compile_filter
from peppy.cli.wire.finding import describe_wire
from peppy.schema.wire import TopicView
from peppy.schema.wire_finding import find, message_format
from peppy.schema.wording import did_you_mean


def topic_echo(
    name: TopicName,
    /,
    *,
    once: Annotated[bool, Parameter(help="End after the first message that is shown.")] = False,
    only: Annotated[
        str | None,
        Parameter(
            name="--filter",
            help="Show only messages that fit, as in: speed > 1.5 and not ('x' in name).",
        ),
    ] = None,
    field: Annotated[
        str | None, Parameter(help="Show only this part of them, as in header.points[0].x.")
    ] = None,
    sender: Annotated[
        str | None, Parameter(name="--from", help="Show only messages of this instance.")
    ] = None,
    json: Json = False,
) -> None:
    """Print the messages of a topic as they come, until Ctrl+C.

    With --json each message is one line. A message that cannot be read is said on stderr.

    Example: peppy topic echo message_stream --once
    """
    terminal = Terminal(json=json)
    target = instance_id(sender)
    wire = describe_wire(terminal)
    topic = find("topic", name, wire.topics)
    known = message_format(topic.format, f"topic '{topic.name}'")
    fits = None if only is None else compile_filter(only, known)
    look = None if field is None else compile_field(field, known)

    def show(instance: str, values: dict[str, Any]) -> bool:
        """Return whether another message is wanted."""
        if fits is not None and not fits(values):
            return True
        if look is None:
            view = {"instance_id": instance, "message": values}
            terminal.item(view, f"--- # {printable(instance)}\n{message(values)}")
        else:
            part = look(values)
            terminal.item({"instance_id": instance, "value": part}, value(part))
        return not once

    _say_whether_somebody_emits(topic, target, terminal)
    from peppy.cli.wire.reading import read

    with until_stopped():
        read(wire, topic, known, target, show, terminal)


def _say_whether_somebody_emits(topic: TopicView, target: str | None, terminal: Terminal) -> None:
    """Say what is waited for where the stack knows of nobody who could be heard."""
    if target is not None and target not in topic.emitters:
        guess = did_you_mean(target, topic.emitters)
        terminal.step(f"No instance '{target}' is known to emit it, waiting for one{guess}")
    elif topic.node is not None and not topic.emitters:
        terminal.step(f"No instance of node {topic.node} runs, waiting for one")
