"""`peppy info`."""

from peppy.cli.asking import QUESTION_TIMEOUT, ask
from peppy.cli.drawing.daemon import daemon
from peppy.cli.options import Json
from peppy.cli.terminal import Terminal
from peppy.schema.control import DescribeDaemon


def info(*, json: Json = False) -> None:
    """Show facts about the daemon; start it if it does not run.

    Example: peppy info
    """
    terminal = Terminal(json=json)
    view = ask(DescribeDaemon(), terminal, timeout=QUESTION_TIMEOUT)
    terminal.result(view, daemon(view))
