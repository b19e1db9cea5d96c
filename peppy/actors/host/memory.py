"""A machine in memory: for tests, on virtual time."""

from collections.abc import Mapping

import trio

from peppy.actors.host.memory_files import MemoryFiles
from peppy.actors.host.memory_journal import MemoryJournal
from peppy.actors.host.memory_processes import MemoryProcesses, Program
from peppy.actors.host.memory_sources import MemorySources
from peppy.actors.host.ports import Host


class MemoryClock:
    """Trio's clock, counted from a given moment on."""

    def __init__(self, start: float) -> None:
        self._time = trio.lowlevel.current_clock().current_time
        self._offset = start - self._time()

    def now(self) -> float:
        """Return seconds since the epoch."""
        return self._offset + self._time()


def memory_host(
    programs: Mapping[str, Program] | None = None,
    *,
    files: MemoryFiles | None = None,
    journal: MemoryJournal | None = None,
    start: float = 1_700_000_000.0,
) -> Host:
    """Return a machine with these programs, by their name in a command's first place.

    `files` is what is on its disk, and `start` what its clock shows now. Called within Trio.
    """
    clock = MemoryClock(start)
    disk = MemoryFiles() if files is None else files
    table: Mapping[str, Program] = {} if programs is None else programs
    return Host(
        clock=clock,
        processes=MemoryProcesses(lambda command: table.get(command.argv[0]), disk, clock),
        files=disk,
        sources=MemorySources(disk),
        journal=MemoryJournal() if journal is None else journal,
    )
