"""Ends: a command that runs until it is stopped, and a process that is not our child."""

import contextlib
import os
import select
import sys
import time
from collections.abc import Generator
from typing import Final

from peppy.runtime.control_client import ControlRefused
from peppy.schema.errors import PeppyError

POLL_INTERVAL: Final = 0.02
"""Seconds, where the system cannot tell us."""


class Stopped(Exception):
    """A command that goes on until Ctrl+C has got it: nothing is wrong, so nothing is said."""


class Cancelled(PeppyError):
    """What Ctrl+C has cancelled, in the words of whoever had begun it."""

    def __init__(self, refusal: ControlRefused) -> None:
        self.kind = refusal.kind
        super().__init__(refusal.sentence, hint=refusal.hint)


@contextlib.contextmanager
def until_stopped() -> Generator[None]:
    """Take Ctrl+C in this block for the end that is expected; raises `Stopped`."""
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped from None


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
