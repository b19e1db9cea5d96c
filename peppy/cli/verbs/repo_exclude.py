"""`peppy repo exclude`."""

from typing import Annotated

from cyclopts import Parameter

from peppy.cli.asking import ask
from peppy.cli.drawing.repositories import excluded
from peppy.cli.options import Json, RepositoryName
from peppy.cli.terminal import Terminal
from peppy.schema.repositories import ExcludeEntry


def repo_exclude(
    repository: RepositoryName,
    entry: Annotated[
        str,
        Parameter(
            name="ENTRY", help="A node's NAME:TAG, a launch file's name, or a path in there."
        ),
    ],
    /,
    *,
    undo: Annotated[bool, Parameter(help="Pass it over no longer.")] = False,
    json: Json = False,
) -> None:
    """Pass over something that a repository holds, where two places have the same name, say.

    Examples: peppy repo exclude nodes camera:v1
    peppy repo exclude nodes old/camera
    peppy repo exclude --undo nodes camera:v1
    """
    terminal = Terminal(json=json)
    request = ExcludeEntry(repository=repository, entry=entry, excluded=not undo)
    view = ask(request, terminal, doing=f"Changing repository {repository}")
    terminal.result(view, excluded(request, view))
