"""Where a stack stands: the machine's ports, the home directory, the wire, and a name."""

from collections.abc import Awaitable, Callable
from random import Random

import msgspec

from peppy.actors.host.home import Home
from peppy.actors.host.ports import Host
from peppy.actors.stack.event_log import EventLog
from peppy.actors.stack.ledger import Ledger
from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.port import Transport
from peppy.schema.daemon_config import DaemonConfig
from peppy.schema.names import InstanceId


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the actors use and do not own."""

    host: Host
    home: Home
    transport: Transport
    exchange: Exchange
    messaging_port: int
    core_node: str
    daemon_instance: InstanceId
    daemon_pid: int
    host_name: str
    started_at: float
    """When the daemon came up, in seconds since the epoch."""
    program_directory: str
    """Where the daemon's own program lies; the core node's path in listings."""
    uv_directory: str | None
    """Where the uv that came with us lies, for machines that have none."""
    random: Random
    events: EventLog
    ledger: Ledger
    """Where promises are written down before they are given."""
    config: DaemonConfig = DaemonConfig()
    sweep: Callable[[], Awaitable[object]]
    """Removes what processes that were killed have left in shared memory; it does not raise."""
