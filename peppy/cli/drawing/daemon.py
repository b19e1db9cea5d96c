"""Facts about the daemon."""

from typing import Final

from peppy.schema.control import DaemonView

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
    )
    return "\n".join(f"{name}: {value}" for name, value in facts)


def duration(seconds: float) -> str:
    """Return a time span as people say it, as in `2 h 5 min 9 s`."""
    rest = int(seconds)
    parts: list[str] = []
    for unit, length in _UNITS:
        count, rest = divmod(rest, length)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join((*parts, f"{rest} s"))
