"""Waiting for a process that is not our child to be gone."""

import contextlib
import os
import select
import sys
import time
from typing import Final

POLL_INTERVAL: Final = 0.02
"""Seconds, where the system cannot tell us."""


def wait_until_gone(pid: int, timeout: float) -> bool:
    """Return whether the process `pid` has ended within `timeout` seconds."""
    if sys.platform == "linux":
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        try:
            readable, _, _ = select.select([descriptor], [], [], timeout)
        finally:
            os.close(descriptor)
        return bool(readable)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with contextlib.suppress(PermissionError):
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return True
        time.sleep(POLL_INTERVAL)
    return False
