"""`peppy action send`."""

import math
from typing import Annotated

from cyclopts import Parameter

from peppy.cli.options import (
    Json,
    TargetInstance,
    ThingName,
    ValueWords,
    instance_id,
    time_out,
)
from peppy.cli.terminal import Terminal
from peppy.cli.wire.finding import describe_wire
from peppy.cli.wire.values import parse_values
from peppy.schema.wire_finding import find


def action_send(
    name: ThingName,
    /,
    *values: ValueWords,
    feedback: Annotated[bool, Parameter(help="Print the feedback as it comes.")] = False,
    timeout: Annotated[
        float | None, Parameter(help="Seconds for the goal to be taken, and again for its result.")
    ] = None,
    instance: TargetInstance = None,
    json: Json = False,
) -> None:
    """Send a goal to a node and wait for its result; Ctrl+C cancels the goal.

    With --json each answer is one line: the goal's, feedback, and the result.

    Example: peppy action send pan '{angle: 0.5}' --feedback
    """
    terminal = Terminal(json=json)
    target, seconds = instance_id(instance), math.inf if timeout is None else time_out(timeout)
    wire = describe_wire(terminal)
    action = find("action", name, wire.actions)
    message = parse_values(values, f"action '{action.name}'")

    from peppy.cli.wire.goals import Goal, send_goal

    send_goal(wire, Goal(action, message, target, seconds, feedback), terminal)
