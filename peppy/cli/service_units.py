"""The texts by which a machine's own service manager runs the daemon: systemd's and launchd's.

Both let the instances live when the daemon dies, start it again then, and give it time to take its
stack down when they stop it.
"""

import math
import plistlib
from typing import Final

import msgspec

from peppy.schema.durations import CLIENT_MARGIN, client_waits

UNIT: Final = "peppy.service"
LABEL: Final = "peppy.daemon"
"""What systemd and launchd call it."""

MARK: Final = "Written by 'peppy service install'; 'peppy service uninstall' removes it."
"""Stands in every text: a file without it is somebody else's."""

LEVELS: Final = 8
"""Nodes standing on one another that are stopped one after the other, all of them stuck."""

_SYSTEMD: Final = """\
# {mark}
[Unit]
Description=peppy, which builds, runs and watches the nodes of a robot
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=exec
ExecStart={command}
WorkingDirectory=/
{lines}# Nodes outlive a daemon that crashes: the next one finds them.
KillMode=process
TimeoutStopSec={stop_secs}
Restart=on-failure
RestartSec=1

[Install]
WantedBy={target}
"""


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run, and for whom."""

    command: tuple[str, ...]
    """The program's absolute path and its words."""
    home: str | None = None
    """`PEPPY_HOME`, where it is set."""
    user: str | None = None
    """Whose it is if it belongs to the whole machine; None for a service of its own user."""
    grace: float
    """Seconds that the nodes' shutdown hooks have."""

    @property
    def stop_secs(self) -> int:
        """Seconds that the daemon has to take everything down."""
        return math.ceil(LEVELS * (client_waits(self.grace) - CLIENT_MARGIN) + CLIENT_MARGIN)


def systemd_unit(service: Service) -> str:
    """Return the unit file, for a user's manager or for the machine's."""
    program, *words = service.command
    lines = [] if service.user is None else [f"User={service.user}"]
    if service.home is not None:
        lines.append(f"Environment={_quoted(f'PEPPY_HOME={service.home}')}")
    # systemd puts variables into all words but the first.
    arguments = (_quoted(word).replace("$", "$$") for word in words)
    return _SYSTEMD.format(
        mark=MARK,
        command=" ".join((_quoted(program), *arguments)),
        lines="".join(f"{line}\n" for line in lines),
        stop_secs=service.stop_secs,
        target="default.target" if service.user is None else "multi-user.target",
    )


def launchd_agent(service: Service) -> str:
    """Return the property list, for a user's agents or for the machine's daemons."""
    entries: dict[str, object] = {
        "Label": LABEL,
        "ProgramArguments": list(service.command),
        "WorkingDirectory": "/",
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "AbandonProcessGroup": True,
        "ExitTimeOut": service.stop_secs,
    }
    if service.home is not None:
        entries["EnvironmentVariables"] = {"PEPPY_HOME": service.home}
    if service.user is not None:
        entries["UserName"] = service.user
    text = plistlib.dumps(entries, sort_keys=False).decode()
    head, begin, rest = text.partition("<plist ")
    return f"{head}<!-- {MARK} -->\n{begin}{rest}"


def _quoted(word: str) -> str:
    """Return a word as systemd reads it: in quotes where it has to be, its specifiers escaped."""
    word = word.replace("%", "%%")
    if word and not set(word) & set(" \t\n\"'\\;"):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t") + '"'
