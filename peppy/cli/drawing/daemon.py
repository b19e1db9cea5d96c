"""Facts about the daemon."""

from collections.abc import Sequence
from typing import Final

from peppy.schema.control import DaemonView
from peppy.schema.names import InstanceId

_UNITS: Final = (("d", 86400), ("h", 3600), ("min", 60))


def daemon(view: DaemonView) -> str:
    """Return what the daemon says of itself, one fact in a line."""
    facts = (
        ("Version", view.version),
        ("Core node", view.core_node),
        ("Instance", view.instance_id),
        ("Process", str(view.pid)),
        ("Home", view.home),
        ("Host", view.host_name),
        ("Messaging port", str(view.messaging_port)),
        ("Uptime", duration(view.uptime)),
        ("Nodes", str(view.nodes)),
        *([("Malformed requests", str(view.malformed))] if view.malformed else []),
    )
    return "\n".join(f"{name}: {value}" for name, value in facts)


def running(view: DaemonView, unit: str | None) -> str:
    """Return what `service status` shows; `unit` is the file of a service manager, if any."""
    return "\n".join(
        (
            f"The peppy daemon runs (pid {view.pid})",
            daemon(view),
            f"Service file: {unit or 'none'}",
        )
    )


def restarted(pid: int, kept: Sequence[InstanceId]) -> str:
    """Return which daemon runs now and what has lived through its start."""
    lives = (f"Node instance '{instance}' lives on" for instance in kept)
    return "\n".join((*lives, f"Restarted the peppy daemon (pid {pid})"))


def duration(seconds: float) -> str:
    """Return a time span as people say it, as in `2 h 5 min 9 s`."""
    rest = int(seconds)
    parts: list[str] = []
    for unit, length in _UNITS:
        count, rest = divmod(rest, length)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join((*parts, f"{rest} s"))
