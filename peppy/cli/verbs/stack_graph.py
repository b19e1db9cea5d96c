"""`peppy stack graph`."""

from pathlib import Path
from typing import Annotated, Final, Literal, assert_never

import msgspec
from cyclopts import Parameter

from peppy.cli.asking import QUESTION_TIMEOUT, ask
from peppy.cli.drawing.graph import graph_table
from peppy.cli.drawing.stack import instances_cell
from peppy.cli.options import Json
from peppy.cli.picture import PICTURES, draw
from peppy.cli.terminal import Terminal
from peppy.cli.usage import Usage
from peppy.schema.control import DescribeWire, ListStack
from peppy.schema.dot_graph import labelled_dot_graph
from peppy.schema.errors import PeppyError
from peppy.schema.mermaid_graph import mermaid_graph
from peppy.schema.stack_graph import StackGraph, graph_of
from peppy.schema.wording import either, reason

Form = Literal["table", "dot", "mermaid", "json"]

_SUFFIXES: Final[dict[str, Form]] = {
    ".txt": "table",
    ".dot": "dot",
    ".gv": "dot",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".json": "json",
    **dict.fromkeys(PICTURES, "dot"),
}


def stack_graph(
    *,
    form: Annotated[
        Form | None, Parameter(name="--format", help="table (the default), dot, mermaid or json.")
    ] = None,
    output: Annotated[
        Path | None,
        Parameter(
            name=["--output", "-o"],
            help="Write it to this file: .txt, .dot, .mmd or .json; or drawn by Graphviz: .svg,"
            " .png or .pdf.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show who takes what from whom: as a table, for Graphviz or Mermaid, or as a picture.

    Examples: peppy stack graph
    peppy stack graph --format mermaid
    peppy stack graph --output stack.svg
    """
    wanted = _form(form, output)
    terminal = Terminal(json=json or (wanted == "json" and output is None))
    view = ask(ListStack(), terminal, timeout=QUESTION_TIMEOUT)
    wire = ask(DescribeWire(), terminal, timeout=QUESTION_TIMEOUT)
    graph = graph_of(view, wire)
    text = _text(graph, wanted)
    if output is not None:
        picture = output.suffix.lower() in PICTURES
        _write(output, draw(text, output) if picture else text.encode())
        terminal.fact(f"Wrote the graph to {output}")
    if output is None or json:
        terminal.result(graph, text.rstrip("\n"))


def _form(form: Form | None, output: Path | None) -> Form:
    """Return what is to be written; raise `Usage` where the file's name says otherwise."""
    suffix = "" if output is None else output.suffix.lower()
    by_name = _SUFFIXES.get(suffix)
    if output is None or (by_name is None and form is not None):
        return form or "table"
    if by_name is None:
        raise Usage(
            f"'{output}' does not say what to write",
            hint=f"end its name with {either(_SUFFIXES)}, or add '--format'",
        )
    if form not in (None, by_name):
        raise Usage(f"'{output}' holds '{by_name}', not '{form}'", hint="leave out '--format'")
    return by_name


def _text(graph: StackGraph, form: Form) -> str:
    match form:
        case "table":
            return graph_table(graph) + "\n"
        case "dot":
            return labelled_dot_graph(graph, instances_cell)
        case "mermaid":
            return mermaid_graph(graph, instances_cell)
        case "json":
            return msgspec.json.format(msgspec.json.encode(graph), indent=2).decode() + "\n"
    assert_never(form)


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise PeppyError(f"cannot write '{path}': {reason(error)}") from error
