"""`peppy stack list`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from peppy.cli.asking import QUESTION_TIMEOUT, ask
from peppy.cli.drawing.stack import dot_graph, stack
from peppy.cli.options import Json
from peppy.cli.terminal import Terminal
from peppy.schema.control import ListStack, StackView
from peppy.schema.errors import PeppyError
from peppy.schema.wording import reason


def stack_list(
    dot_file: Annotated[
        Path | None, Parameter(name="DOT_FILE", help="Also write a Graphviz graph to this file.")
    ] = None,
    /,
    *,
    json: Json = False,
) -> None:
    """List the nodes of the stack and who depends on whom; as JSON, what went through them too.

    Example: peppy stack list
    """
    terminal = Terminal(json=json)
    view = ask(ListStack(traffic=json), terminal, timeout=QUESTION_TIMEOUT)
    if dot_file is not None:
        _write_graph(view, dot_file)
        terminal.step(f"Wrote the graph to {dot_file}")
    terminal.result(view, stack(view))


def _write_graph(view: StackView, path: Path) -> None:
    try:
        path.write_text(dot_graph(view), encoding="utf-8")
    except OSError as error:
        raise PeppyError(f"cannot write '{path}': {reason(error)}") from error
