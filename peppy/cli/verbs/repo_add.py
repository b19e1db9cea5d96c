"""`peppy repo add`."""

from typing import Annotated

from cyclopts import Parameter

from peppy.cli.asking import ask
from peppy.cli.drawing.repositories import added, warnings
from peppy.cli.options import Json, caller_environment, located_source
from peppy.cli.terminal import Terminal
from peppy.schema.repositories import AddRepository


def repo_add(
    source: Annotated[
        str,
        Parameter(name="SOURCE", help="A directory, a git address or an archive's."),
    ],
    /,
    *,
    ref: Annotated[str | None, Parameter(help="Branch, tag or commit of a git SOURCE.")] = None,
    name: Annotated[
        str | None, Parameter(help="What to call it; by default as its source is called.")
    ] = None,
    json: Json = False,
) -> None:
    """Add a repository: its nodes can then be added by NAME:TAG, its launch files by their names.

    Examples: peppy repo add ~/nodes
    peppy repo add https://example.org/team/nodes.git --ref main
    """
    terminal = Terminal(json=json)
    request = AddRepository(
        source=located_source(source),
        ref=ref,
        name=name,
        environment=caller_environment(),
    )
    view = ask(request, terminal, doing="Adding repository")
    for warning in warnings([view]):
        terminal.warn(warning)
    terminal.result(view, added(view))
