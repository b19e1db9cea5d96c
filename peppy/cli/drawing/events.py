"""What has happened, one line each."""

from datetime import datetime
from typing import Final

from peppy.cli.style import printable
from peppy.schema.events import Event, EventKind

_KIND: Final = max(len(kind) for kind in EventKind)

_WHO: Final = 22
"""Columns for an instance's name; most of those that are made up take fewer."""


def event(view: Event) -> str:
    """Return the local time, the kind, the instance (or else the node) and the text."""
    when = datetime.fromtimestamp(view.at).astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    who = str(view.instance_id or view.node or "-")
    text = " ".join(printable(view.text).split())
    return f"{when}  {view.kind:<{_KIND}}  {who:<{_WHO}}  {text}".rstrip()
