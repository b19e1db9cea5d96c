"""`peppy service stop`."""

from peppy.cli.options import Json, KeepNodes
from peppy.cli.stopping import stop_daemon
from peppy.cli.terminal import Terminal
from peppy.runtime.control_client import NoDaemon


def service_stop(*, keep_nodes: KeepNodes = False, json: Json = False) -> None:
    """Stop every instance and then the daemon; fine if none runs.

    Example: peppy service stop
    """
    terminal = Terminal(json=json)
    try:
        view = stop_daemon(terminal, keep_nodes=keep_nodes)
    except NoDaemon:
        terminal.result({"pid": None, "instances": []}, "The peppy daemon does not run")
        return
    for instance in view.kept:
        terminal.step(f"Node instance '{instance}' lives on")
    terminal.result(view, f"Stopped the peppy daemon (pid {view.pid})")
