"""The machine as it is."""

import time
from typing import Final

from peppy.actors.host.files import RealFiles
from peppy.actors.host.home import Home
from peppy.actors.host.journal import SqliteJournal
from peppy.actors.host.ports import Host
from peppy.actors.host.processes import RealProcesses
from peppy.actors.host.sources import RealSources

JOURNAL: Final = "journal.sqlite"
"""The journal's name in a home directory."""


class RealClock:
    """The system's clock."""

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time()


def real_host(home: Home) -> Host:
    """Return the ports of this machine, for the daemon of `home`. Nothing is opened yet."""
    return Host(
        clock=RealClock(),
        processes=RealProcesses(),
        files=RealFiles(),
        sources=RealSources(home),
        journal=SqliteJournal(home.root / JOURNAL),
    )
