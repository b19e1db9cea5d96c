"""`peppy service call`."""

from typing import Annotated, Final

from cyclopts import Parameter

from peppy.cli.drawing.message import message as draw
from peppy.cli.options import Json, TargetInstance, ThingName, ValueWords, instance_id, time_out
from peppy.cli.terminal import Terminal
from peppy.cli.wire.finding import describe_wire
from peppy.cli.wire.values import parse_values
from peppy.schema.wire_finding import find

TIMEOUT: Final = 10.0
"""Seconds; a service that takes longer wants to be an action."""


def service_call(
    name: ThingName,
    /,
    *values: ValueWords,
    timeout: Annotated[float, Parameter(help="Seconds until it is given up (10).")] = TIMEOUT,
    instance: TargetInstance = None,
    json: Json = False,
) -> None:
    """Call a service of a node and print its response.

    Example: peppy service call enable_camera '{enable: true}'
    """
    terminal = Terminal(json=json)
    target, seconds = instance_id(instance), time_out(timeout)
    wire = describe_wire(terminal)
    service = find("service", name, wire.services)
    request = parse_values(values, f"service '{service.name}'")

    from peppy.cli.wire.calling import Call, call_service

    answer = call_service(wire, Call(service, request, target, seconds))
    if answer.response is None:
        text = f"Called service '{answer.service}'"
    else:
        text = f"--- # {answer.instance_id}\n{draw(answer.response)}"
    terminal.result(answer, text)
