"""`peppy repo remove`."""

from peppy.cli.asking import ask
from peppy.cli.drawing.repositories import removed
from peppy.cli.options import Json, RepositoryName
from peppy.cli.terminal import Terminal
from peppy.schema.repositories import RemoveRepository


def repo_remove(name: RepositoryName, /, *, json: Json = False) -> None:
    """Forget a repository; nodes that came from it stay in the stack.

    Example: peppy repo remove nodes
    """
    terminal = Terminal(json=json)
    view = ask(RemoveRepository(name=name), terminal, doing=f"Removing repository {name}")
    terminal.result(view, removed(view))
