"""`peppy service stop`."""

from peppy.cli.asking import running_daemon
from peppy.cli.leaving import wait_until_gone
from peppy.cli.options import Json
from peppy.cli.terminal import Terminal
from peppy.runtime.control_client import NoDaemon
from peppy.schema.control import StopDaemon
from peppy.schema.durations import client_waits
from peppy.schema.errors import PeppyError


def service_stop(*, json: Json = False) -> None:
    """Stop every instance and then the daemon; fine if none runs.

    Example: peppy service stop
    """
    terminal = Terminal(json=json)
    doing = "Stopping the peppy daemon and its instances"
    try:
        with terminal.waiting(doing):
            view = running_daemon().call(StopDaemon(), terminal.note, client_waits())
            gone = wait_until_gone(view.pid, client_waits())
    except NoDaemon:
        terminal.result({"pid": None, "instances": []}, "The peppy daemon does not run")
        return
    if not gone:
        raise PeppyError(
            f"the peppy daemon (pid {view.pid}) is still there after {client_waits():g} s"
        )
    for instance in view.instances:
        terminal.step(f"Stopped node instance '{instance}'")
    terminal.result(view, f"Stopped the peppy daemon (pid {view.pid})")
