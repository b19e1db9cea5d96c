"""The topics, services and actions of the stack."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from peppy.cli.drawing.table import box_table
from peppy.schema.wire import ActionView, Format, ServiceView, TopicView


def topics(views: Sequence[TopicView]) -> str:
    """Return a table of topics, one line for each node that emits one."""
    if not views:
        return "No node in the stack emits or consumes a topic"
    rows = [
        (
            view.name,
            _node(view),
            view.qos,
            str(len(view.emitters)),
            ", ".join(str(each.node) for each in view.consumers) or "-",
        )
        for view in views
    ]
    return box_table(("TOPIC", "NODE", "QOS", "EMITTING", "CONSUMED BY"), rows)


def services(views: Sequence[ServiceView]) -> str:
    """Return a table of services."""
    if not views:
        return "No node in the stack exposes a service"
    rows = [
        (view.name, _node(view), _fields(view.request), _fields(view.response), *_ends(view))
        for view in views
    ]
    header = ("SERVICE", "NODE", "REQUEST", "RESPONSE", "SERVING", "CALLED BY")
    return box_table(header, rows)


def actions(views: Sequence[ActionView]) -> str:
    """Return a table of actions."""
    if not views:
        return "No node in the stack exposes an action"
    rows = [
        (
            view.name,
            _node(view),
            _fields(view.goal_request),
            _fields(view.feedback),
            _fields(view.result_response),
            *_ends(view),
        )
        for view in views
    ]
    header = ("ACTION", "NODE", "GOAL", "FEEDBACK", "RESULT", "SERVING", "SENT BY")
    return box_table(header, rows)


def topic_info(view: TopicView) -> str:
    """Return all that is known of one topic."""
    lines = [
        f"Topic: {view.name}",
        f"Node: {_node(view)}",
        f"QoS: {view.qos}",
        f"Emitting: {len(view.emitters)} running",
        *(f"- {instance}" for instance in view.emitters),
        f"Consumed by: {len(view.consumers)}",
        *(f"- {each.node}{' (external)' if each.external else ''}" for each in view.consumers),
    ]
    if view.format is None:
        return "\n".join((*lines, "Message format: none"))
    return "\n".join((*lines, "Message format:", *_format(view.format, "  ")))


def _node(view: TopicView | ServiceView | ActionView) -> str:
    return "(none)" if view.node is None else str(view.node)


def _ends(view: ServiceView | ActionView) -> tuple[str, str]:
    return str(len(view.servers)), ", ".join(map(str, view.consumers)) or "-"


def _fields(message: Format | None) -> str:
    """Return a format in a table's cell: the names of its fields."""
    return ", ".join(message) if message else "-"


def _format(members: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, member in members.items():
        if not name.startswith("$"):
            yield f"{indent}{name}: {_type(member)}"
            yield from _inner(member, f"{indent}  ")


def _inner(member: Any, indent: str) -> Iterator[str]:
    """Yield the fields in a field, also where it is an array of objects."""
    if not isinstance(member, Mapping):
        return
    members = cast("Format", member)
    if "$items" in members:
        yield from _inner(members["$items"], indent)
    else:
        yield from _format(members, indent)


def _type(member: Any) -> str:
    if not isinstance(member, Mapping):
        return str(member)
    members = cast("Format", member)
    mark = " (optional)" if members.get("$optional") else ""
    if "$items" not in members:
        return f"{members.get('$type', 'object')}{mark}"
    length = f"; {members['$length']}" if "$length" in members else ""
    return f"[{_type(members['$items'])}{length}]{mark}"
