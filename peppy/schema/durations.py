"""Every duration that depends on another one, in seconds. `tests/schema` checks the chain.

What a node does must end before the daemon gives up on it, and the daemon must answer before a
client gives up on the daemon.
"""

from typing import Final

SHUTDOWN_GRACE: Final = 5.0
"""What a node has for its own cleaning up, unless it is configured (behaviour.md 11.4)."""

TASK_TEARDOWN: Final = 5.0
"""What the runtime gives a node's remaining tasks to finish after they are cancelled."""

INTERPRETER_END: Final = 2.0
"""What a Python interpreter may take to end after the last line of a program."""

REAP: Final = 2.0
"""What the system may take to end a process group after SIGKILL."""

CLIENT_MARGIN: Final = 5.0
"""How much longer than the daemon a client waits."""

HEARTBEAT: Final = 5.0
"""Between two signs of life of the daemon."""

DAEMON_GRACE: Final = 180.0
"""How long a node bears a silent daemon, unless it is configured."""

HEALTH_INTERVAL: Final = 5.0
HEALTH_BUDGET: Final = 3.0
"""Between two questions for an instance's health, and what one answer may take (11.2)."""

STARTUP_GRACE: Final = 600.0
"""How long a `setup` may take before a start is given up (11.2)."""


def force_kill_after(grace: float = SHUTDOWN_GRACE) -> float:
    """Return when, after the request to stop, a node that is still there is killed."""
    return grace + TASK_TEARDOWN + INTERPRETER_END


def stop_answer_after(grace: float = SHUTDOWN_GRACE) -> float:
    """Return the latest time at which the daemon answers a stop."""
    return force_kill_after(grace) + REAP


def client_waits(grace: float = SHUTDOWN_GRACE) -> float:
    """Return how long a client waits for the answer to a stop."""
    return stop_answer_after(grace) + CLIENT_MARGIN
