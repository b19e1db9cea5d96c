"""What a process takes from the machine, seen from outside."""

import time
from pathlib import Path

_SCHED_CLOCK = 2
"""The kernel's number of the clock that counts all threads' time on a CPU."""


def cpu_seconds(pid: int) -> float:
    """Return how long a process has been on a CPU, with its ended threads, to the nanosecond."""
    return time.clock_gettime((~pid << 3) | _SCHED_CLOCK)


def resident_megabytes(pid: int) -> float:
    """Return the resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")
