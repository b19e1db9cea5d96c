"""The machine as it is."""

import time

from peppy.actors.host.files import RealFiles
from peppy.actors.host.home import Home
from peppy.actors.host.memory_journal import MemoryJournal
from peppy.actors.host.ports import Host
from peppy.actors.host.processes import RealProcesses
from peppy.actors.host.sources import RealSources


class RealClock:
    """The system's clock."""

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time()


def real_host(home: Home) -> Host:
    """Return the ports of this machine, for the daemon of `home`."""
    del home  # sources from elsewhere will have their caches there
    return Host(
        clock=RealClock(),
        processes=RealProcesses(),
        files=RealFiles(),
        sources=RealSources(),
        journal=MemoryJournal(),
    )
