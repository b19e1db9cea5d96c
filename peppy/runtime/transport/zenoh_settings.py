"""What zenoh is told before it opens a session."""

import contextlib
import os
from collections.abc import Generator
from typing import Any, Final

RUNTIME_VARIABLE: Final = "ZENOH_RUNTIME"

ONE_THREAD: Final = (
    "(acc: (handover: rx), tx: (handover: rx), app: (handover: rx), net: (handover: rx),"
    " rx: (worker_threads: 1))"
)
"""What `RUNTIME_VARIABLE` says to have everything on the thread that receives."""

_EVERYWHERE: Final = {
    # What is to be shared is put there by us, with one copy less.
    "transport/shared_memory/transport_optimization/enabled": False,
    "scouting/multicast/enabled": False,
    "scouting/gossip/enabled": True,
    # Milliseconds that opening waits for others: those who come later are found all the same.
    "scouting/delay": 1,
    # Milliseconds without a sign of life after which a partner is given up, and everything that was
    # on its way. A process that dies is seen at once: this is for those that stand still, and for
    # machines. zenoh's one thread is held up for seconds when it happens.
    "transport/link/tx/lease": 30_000,
    # Microseconds that a sender that must not drop may be held by a link before it gives it up:
    # longer than the above, so that a healthy link is never given up for somebody else's sake.
    "transport/link/tx/queue/congestion_control/block/wait_before_close": 60_000_000,
    # Microseconds that a sender that may drop waits for a congested link, once per congestion.
    "transport/link/tx/queue/congestion_control/drop/wait_before_drop": 5_000,
}


CONNECTING_MS: Final = 30_000
"""How long a node that goes through the router looks for it at its start: a daemon that has started
it and has died since may be back by then."""


def router_settings(port: int) -> dict[str, Any]:
    """Return the settings of a router that listens on loopback."""
    return {
        **_EVERYWHERE,
        "mode": "router",
        "listen/endpoints": [f"tcp/127.0.0.1:{port}"],
        # Nodes link directly, and only so: a message that goes through the router while two of them
        # link, or learn of a subscription on both ways, can get lost between the ways.
        "routing/router/peers_failover_brokering": False,
    }


def peer_settings(host: str, port: int, *, shares_memory: bool) -> dict[str, Any]:
    """Return the settings of a node that finds others through the router at `port`."""
    return {
        **_EVERYWHERE,
        "mode": "peer",
        "listen/endpoints": ["tcp/127.0.0.1:0"],
        "connect/endpoints": [f"tcp/{host}:{port}"],
        "connect/timeout_ms": -1,
        "connect/exit_on_failure": False,
        "transport/shared_memory/enabled": shares_memory,
    }


def client_settings(host: str, port: int, *, shares_memory: bool) -> dict[str, Any]:
    """Return the settings of a node that reaches the others through the router at `port` alone.

    Zenoh opens such a session only once it has reached the router.
    """
    return {
        **_EVERYWHERE,
        "mode": "client",
        "connect/endpoints": [f"tcp/{host}:{port}"],
        "connect/timeout_ms": CONNECTING_MS,
        "connect/exit_on_failure": False,
        "transport/shared_memory/enabled": shares_memory,
    }


@contextlib.contextmanager
def one_thread() -> Generator[None, None, None]:
    """Have zenoh, which looks when its first session opens, make one thread of its own.

    What the environment says already stays.
    """
    if RUNTIME_VARIABLE in os.environ:
        yield
        return
    os.environ[RUNTIME_VARIABLE] = ONE_THREAD
    try:
        yield
    finally:
        del os.environ[RUNTIME_VARIABLE]  # what this process starts may be a router
