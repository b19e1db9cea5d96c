"""`peppy service serve`: the one verb that is the daemon instead of asking it."""

from typing import Annotated

from cyclopts import Parameter

from peppy.cli.options import Json
from peppy.cli.starting import print_into_log


def service_serve(
    *,
    core_node_name: Annotated[
        str | None, Parameter(help="What to call the core node; by default a made-up name.")
    ] = None,
    idle_exit: Annotated[
        float | None,
        Parameter(show=False, help="Seconds after which it ends when the stack is empty."),
    ] = None,
    to_log: Annotated[
        bool,
        Parameter(name="--to-log", show=False, help="Print into the daemon's log."),
    ] = False,
    json: Json = False,
) -> None:
    """Run the daemon in the foreground, until Ctrl+C.

    Example: peppy service serve
    """
    if to_log:
        print_into_log()

    from peppy.actors.daemon.serve import main

    # Hurried by a second signal, it ends as shells expect it of one that a signal has ended.
    if code := main(core_node=core_node_name, idle_exit=idle_exit):
        raise SystemExit(code)
