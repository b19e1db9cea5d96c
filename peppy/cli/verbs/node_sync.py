"""`peppy node sync`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from peppy.cli.asking import QUESTION_TIMEOUT, ask
from peppy.cli.drawing.orders import synced
from peppy.cli.options import Json, absolute
from peppy.cli.terminal import Terminal
from peppy.schema.control import SyncNode


def node_sync(
    path: Annotated[Path, Parameter(name="PATH", help="The node's directory.")] = Path(),
    /,
    *,
    json: Json = False,
) -> None:
    """Generate a node's bindings anew, after its peppy.json5 has changed.

    Example: peppy node sync
    """
    terminal = Terminal(json=json)
    view = ask(SyncNode(directory=absolute(path)), terminal, timeout=QUESTION_TIMEOUT)
    for warning in view.warnings:
        terminal.warn(warning)
    terminal.result(view, synced(view))
