"""What a person may set for all of a daemon: the values of `peppy_config.json5`.

Source: behaviour.md 7.4. They are read once, when the daemon starts, and shipped to every node.
"""

import enum
from typing import Final

import msgspec

from peppy.schema.durations import DAEMON_GRACE, SHUTDOWN_GRACE

LEAST_DAEMON_GRACE: Final = 30.0
LEAST_SHUTDOWN_GRACE: Final = 1.0
LEAST_BUFFER: Final = 1

STANDARD_BUFFER: Final = 128
HIGH_THROUGHPUT_BUFFER: Final = 1024


class Mode(enum.StrEnum):
    """How nodes reach one another."""

    PEER = "peer"
    """Directly, once the daemon's router has made them known to each other."""
    ROUTER = "router"
    """Through the daemon's router."""


class Lifecycle(msgspec.Struct, frozen=True):
    """The grace windows, in seconds."""

    daemon_grace_secs: float = DAEMON_GRACE
    """How long a node bears a silent daemon."""
    shutdown_grace_secs: float = SHUTDOWN_GRACE
    """What all of a node's shutdown hooks have together."""


class Buffers(msgspec.Struct, frozen=True):
    """How many messages wait for a consumer before the oldest gives way."""

    standard: int = STANDARD_BUFFER
    high_throughput: int = HIGH_THROUGHPUT_BUFFER
    """Of `sensor_data` topics."""


class DaemonConfig(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    mode: Mode = Mode.PEER
    buffers: Buffers = Buffers()
    lifecycle: Lifecycle = Lifecycle()
