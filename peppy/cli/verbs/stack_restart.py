"""`peppy stack restart`."""

from peppy.cli.asking import ask
from peppy.cli.drawing.launch import restarted
from peppy.cli.launch_options import Yes
from peppy.cli.options import Json
from peppy.cli.terminal import Terminal
from peppy.schema.launch import RestartStack


def stack_restart(*, yes: Yes = False, json: Json = False) -> None:
    """Stop every instance, and start the same ones again, with the same arguments.

    Nothing is fetched or built.

    Example: peppy stack restart --yes
    """
    terminal = Terminal(json=json)
    doing = "Restarting the stack"
    terminal.step(f"{doing}...")
    request = RestartStack(clear_stack=yes)
    view = ask(request, terminal, doing=doing, verb="stack restart")
    terminal.result(view, restarted(view))
