"""`peppy repo list`."""

from peppy.cli.asking import QUESTION_TIMEOUT, ask
from peppy.cli.drawing.repositories import repositories, warnings
from peppy.cli.options import Json
from peppy.cli.terminal import Terminal
from peppy.schema.repositories import ListRepositories


def repo_list(*, json: Json = False) -> None:
    """List the repositories, and the nodes and launch files that they held at their last refresh.

    Example: peppy repo list
    """
    terminal = Terminal(json=json)
    view = ask(ListRepositories(), terminal, timeout=QUESTION_TIMEOUT)
    for warning in warnings(view.repositories):
        terminal.warn(warning)
    terminal.result(view, repositories(view))
