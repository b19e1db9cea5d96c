"""Stops: how long they take at the most, and that of the daemon itself.

A daemon says in its state file how late it may answer a stop; whoever asks for one waits longer.
"""

import os
from pathlib import Path
from typing import Final

import msgspec

from peppy.cli.asking import running_daemon
from peppy.cli.leaving import wait_until_gone
from peppy.cli.terminal import Terminal
from peppy.runtime.control_client import ControlClient, home_directory
from peppy.schema.control import ListStack, ServiceStopView, StackView, StopDaemon
from peppy.schema.durations import CLIENT_MARGIN, stop_answer_after
from peppy.schema.errors import PeppyError
from peppy.schema.runtime_config import STATE_FILE_VARIABLE, DaemonState

STATE_NAME: Final = "daemon_state.json"
"""Below the home, unless `PEPPY_DAEMON_STATE_FILE` names another place."""

LOOK_TIMEOUT: Final = 5.0
"""Seconds for the question how high the stack is; without an answer it counts as flat."""


def stop_timeout(levels: int = 1) -> float:
    """Return how many seconds to wait for the answer to a stop.

    It is longer than the daemon takes at the most, whatever grace it is configured with. `levels`
    of nodes are stopped one after the other.
    """
    named = os.environ.get(STATE_FILE_VARIABLE)
    path = Path(named) if named else home_directory() / STATE_NAME
    try:
        answer = msgspec.json.decode(path.read_bytes(), type=DaemonState).stop_answer_secs
    except (OSError, msgspec.DecodeError):
        answer = stop_answer_after()
    return levels * answer + CLIENT_MARGIN


def stack_stop_timeout() -> float:
    """Return how many seconds to wait until a whole stack has stopped."""
    return stop_timeout(_levels(running_daemon()))


def levels(view: StackView) -> int:
    """Return how many nodes of a stack stand on one another at the most."""
    height = {row.node: 1 for row in view.nodes}
    for _ in view.nodes:
        for edge in view.dependencies:
            above = min(height.get(edge.dependency, 1) + 1, len(view.nodes))
            height[edge.dependent] = max(height.get(edge.dependent, 1), above)
    return max(height.values(), default=1)


def stop_daemon(terminal: Terminal, *, keep_nodes: bool) -> ServiceStopView:
    """End the daemon and return its last word once its process is gone.

    Raises `NoDaemon` if none runs, and `PeppyError` if it does not go.
    """
    client = running_daemon()
    budget = stop_timeout(_levels(client))
    doing = "Stopping the peppy daemon" + ("" if keep_nodes else " and its instances")
    with terminal.waiting(doing):
        view = client.call(StopDaemon(keep_nodes=keep_nodes), terminal.note, budget)
        gone = wait_until_gone(view.pid, budget)
    if not gone:
        raise PeppyError(f"the peppy daemon (pid {view.pid}) is still there after {budget:g} s")
    for instance in view.instances:
        terminal.step(f"Stopped node instance '{instance}'")
    return view


def _levels(client: ControlClient) -> int:
    try:
        return levels(client.call(ListStack(), timeout=LOOK_TIMEOUT))
    except PeppyError:
        return 1  # a daemon that cannot say can still be stopped
