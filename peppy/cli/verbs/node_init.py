"""`peppy node init`."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from peppy.cli.asking import QUESTION_TIMEOUT, ask
from peppy.cli.drawing.orders import initialised
from peppy.cli.options import Json, absolute
from peppy.cli.terminal import Terminal
from peppy.schema.control import InitNode


def node_init(
    name: Annotated[str, Parameter(name="NAME", help="The node's name; begins with a letter.")],
    /,
    *,
    toolchain: Annotated[Literal["uv", "cargo"], Parameter(help="uv: Python; cargo: Rust.")] = "uv",
    to_dir: Annotated[Path, Parameter(help="Where to make the node's directory.")] = Path(),
    container: Annotated[bool, Parameter(help="Build and run in a container.")] = False,
    json: Json = False,
) -> None:
    """Make the directory of a new node, with its bindings generated.

    Example: peppy node init --toolchain uv hello_world
    """
    terminal = Terminal(json=json)
    request = InitNode(name=name, toolchain=toolchain, to_dir=absolute(to_dir), container=container)
    view = ask(request, terminal, timeout=QUESTION_TIMEOUT)
    terminal.result(view, initialised(view))
