"""`peppy repo refresh`."""

from peppy.cli.asking import ask
from peppy.cli.drawing.repositories import refreshed, warnings
from peppy.cli.options import Json, RepositoryName, caller_environment
from peppy.cli.terminal import Terminal
from peppy.schema.errors import PeppyError
from peppy.schema.repositories import RefreshRepositories


def repo_refresh(*names: RepositoryName, json: Json = False) -> None:
    """Look again what repositories hold: those that are named, or all.

    One that cannot be reached keeps what it held before, and a warning says why. The command fails
    if that is so for each of them.

    Examples: peppy repo refresh
    peppy repo refresh nodes
    """
    terminal = Terminal(json=json)
    request = RefreshRepositories(names=names, environment=caller_environment())
    view = ask(request, terminal, doing="Refreshing repositories")
    looked_at = [each for each in view.repositories if not names or each.name in names]
    for warning in warnings(looked_at):
        terminal.warn(warning)
    if looked_at and all(each.failed is not None for each in looked_at):
        raise PeppyError(
            "no repository could be looked at again",
            hint="what they held before can still be used",
        )
    terminal.result(view, refreshed(looked_at) or "There are no repositories")
