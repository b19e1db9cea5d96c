"""TCP ports of loopback."""

import socket
from contextlib import suppress
from random import SystemRandom
from typing import Final

LASTING: Final = range(20_000, 32_000)
"""Below those that systems give to whoever asks for any."""


def free_port() -> int:
    """Return a TCP port of loopback that nobody listens on now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def lasting_port() -> int:
    """Return a free one that stays free while nobody listens on it, as far as one can tell.

    `free_port` returns one of those that the next program that asks for any may be given.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        for port in SystemRandom().sample(LASTING, 64):
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    return free_port()
