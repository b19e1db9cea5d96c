"""`peppy service logs`."""

from typing import Annotated, Final

from cyclopts import Parameter

from peppy.cli.leaving import until_stopped
from peppy.cli.options import Json
from peppy.cli.style import printable
from peppy.cli.terminal import Terminal
from peppy.cli.usage import Usage
from peppy.runtime.control_client import DAEMON_LOG, home_directory
from peppy.runtime.log_following import follow, last_lines

LINES: Final = 100


def service_logs(
    *,
    lines: Annotated[
        int, Parameter(name=["--lines", "-n"], help="So many of the newest lines (100).")
    ] = LINES,
    follow_it: Annotated[
        bool, Parameter(name=["--follow", "-f"], help="Go on with what comes, until Ctrl+C.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what the daemon has printed; with --json each line is an object.

    A daemon in the foreground ('peppy service serve') prints there and not into its log.

    Example: peppy service logs -n 20 -f
    """
    if lines < 0:
        raise Usage(f"'--lines' takes a whole number from 0 on, not {lines}")
    terminal = Terminal(json=json)
    log = home_directory() / DAEMON_LOG
    past, end = last_lines(log, lines, absent_is_empty=follow_it)
    for line in past:
        _show(line, terminal)
    if follow_it:
        with until_stopped():
            for line in follow(log, end):
                _show(line, terminal)


def _show(line: str, terminal: Terminal) -> None:
    text = printable(line)
    terminal.item({"line": text}, text)
