"""`peppy service status`."""

import msgspec

from peppy.cli.asking import QUESTION_TIMEOUT, running_daemon
from peppy.cli.drawing.daemon import running
from peppy.cli.options import Json
from peppy.cli.service_units_manager import installed
from peppy.cli.terminal import Terminal
from peppy.runtime.control_client import NoDaemon
from peppy.schema.control import DescribeDaemon


def service_status(*, json: Json = False) -> None:
    """Show facts about the daemon; fail if it does not run.

    Example: peppy service status
    """
    terminal = Terminal(json=json)
    manager = installed()
    try:
        view = running_daemon().call(DescribeDaemon(), timeout=QUESTION_TIMEOUT)
    except NoDaemon as error:
        if manager is not None:
            error.hint = f"{manager.name} starts one with '{' '.join(manager.start)}'"
        raise
    unit = None if manager is None else str(manager.path)
    terminal.result(msgspec.to_builtins(view) | {"unit": unit}, running(view, unit))
