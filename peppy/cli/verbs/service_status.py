"""`peppy service status`."""

from peppy.cli.asking import QUESTION_TIMEOUT, running_daemon
from peppy.cli.drawing.daemon import daemon
from peppy.cli.options import Json
from peppy.cli.terminal import Terminal
from peppy.schema.control import DescribeDaemon


def service_status(*, json: Json = False) -> None:
    """Show facts about the daemon; fail if it does not run.

    Example: peppy service status
    """
    terminal = Terminal(json=json)
    view = running_daemon().call(DescribeDaemon(), timeout=QUESTION_TIMEOUT)
    terminal.result(view, f"The peppy daemon runs (pid {view.pid})\n{daemon(view)}")
