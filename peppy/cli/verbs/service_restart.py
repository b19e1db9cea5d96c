"""`peppy service restart`."""

import msgspec

from peppy.cli.asking import QUESTION_TIMEOUT, running_daemon
from peppy.cli.drawing.daemon import restarted
from peppy.cli.options import Json, KeepNodes
from peppy.cli.service_units_manager import Manager, installed, runs, tell
from peppy.cli.starting import await_daemon, start_daemon
from peppy.cli.stopping import stop_daemon
from peppy.cli.terminal import Terminal
from peppy.runtime.control_client import ControlClient, NoDaemon, home_directory
from peppy.schema.control import DescribeDaemon, InstanceState, ListStack, ServiceStopView
from peppy.schema.errors import PeppyError
from peppy.schema.names import InstanceId

_OVER = (InstanceState.FINISHED, InstanceState.FAILED)


class RestartView(msgspec.Struct, frozen=True, kw_only=True):
    """A daemon in the place of another."""

    before: int | None
    """The process id of the one that ran, None if none did."""
    pid: int
    kept: tuple[InstanceId, ...] = ()
    """Instances that have lived through it."""
    lost: tuple[InstanceId, ...] = ()
    """Instances that should have."""
    stopped: tuple[InstanceId, ...] = ()


def service_restart(*, keep_nodes: KeepNodes = False, json: Json = False) -> None:
    """Stop the daemon and start it anew, as after an upgrade; start it if none runs.

    With --keep-nodes the instances live through it: their messages do not stop.

    Example: peppy service restart --keep-nodes
    """
    terminal = Terminal(json=json)
    client = running_daemon()
    try:
        manager = _manager(client)
        stopped = stop_daemon(terminal, keep_nodes=keep_nodes)
    except NoDaemon:
        terminal.step("No peppy daemon ran")
        manager, stopped = installed(), None
    _start(client, manager, terminal)
    view = _look(client, stopped)
    for instance in view.lost:
        terminal.warn(f"instance '{instance}' has not lived through it, its log may say why")
    terminal.result(view, restarted(view.pid, view.kept))


def _manager(client: ControlClient) -> Manager | None:
    """Return the service manager that has started the daemon that runs, if one has."""
    pid = client.call(DescribeDaemon(), timeout=QUESTION_TIMEOUT).pid
    manager = installed()
    return manager if manager is not None and runs(manager, pid) else None


def _start(client: ControlClient, manager: Manager | None, terminal: Terminal) -> None:
    if manager is not None:
        why = tell((manager.start,))
        if why is None and await_daemon(client) is not None:
            return
        terminal.warn(f"{manager.name} has not started the daemon: {why or 'it does not answer'}")
    start_daemon(home_directory(), client, terminal.step)


def _look(client: ControlClient, stopped: ServiceStopView | None) -> RestartView:
    pid = client.call(DescribeDaemon(), timeout=QUESTION_TIMEOUT).pid
    stack = client.call(ListStack(), timeout=QUESTION_TIMEOUT)
    if stopped is None:
        return RestartView(before=None, pid=pid)
    if stopped.pid == pid:
        raise PeppyError(f"the daemon with pid {pid} answers still")
    alive = {
        instance.instance_id
        for row in stack.nodes
        for instance in row.instances
        if instance.state not in _OVER
    }
    return RestartView(
        before=stopped.pid,
        pid=pid,
        kept=tuple(instance for instance in stopped.kept if instance in alive),
        lost=tuple(instance for instance in stopped.kept if instance not in alive),
        stopped=stopped.instances,
    )
