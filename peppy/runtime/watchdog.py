"""The watchdog in a node: who hears nothing of its daemon for long shuts down by itself.

Source: behaviour.md 11.4. Silence is counted while this loop runs, in steps: a node that itself
stood still, for a debugger say, has not listened, and must not blame the daemon.
"""

from typing import Any, Final

import anyio

from peppy.runtime.transport.port import Closed, Subscription, Transport
from peppy.schema import keys
from peppy.schema.durations import HEARTBEAT

STEP: Final = 2 * HEARTBEAT
"""Seconds between two looks: what one look can add to the silence at most. As long as the daemon
beats there is a beat before it is time to look."""

LOOKS: Final = 5
"""How often it is looked at least before a daemon is missed, however short the grace."""


def listen_to_daemon(transport: Transport, core_node: str) -> Subscription[Any]:
    """Return the signs of life of the daemon of `core_node`; whatever they say, they are some."""
    return transport.subscribe(keys.heartbeat(core_node), capacity=1)


async def daemon_silent(heartbeats: Subscription[Any], grace: float) -> bool:
    """Return True once there was no heartbeat for `grace` seconds, by the loop's clock.

    Returns False once the subscription is closed.
    """
    silence, longest = 0.0, min(STEP, grace / LOOKS)
    while silence < grace:
        step = min(longest, grace - silence)
        try:
            with anyio.move_on_after(step):
                await heartbeats.receive()
                silence = 0.0
                continue
        except Closed:
            return False
        # What came while the loop was held up is in the ring, although the wait has timed out.
        silence = silence + step if heartbeats.receive_nowait() is None else 0.0
    return True
