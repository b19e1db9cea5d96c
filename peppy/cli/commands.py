"""Which verbs there are. Each is imported when it is asked for, or when its help is shown."""

import importlib
import inspect
import sys
from collections.abc import Callable
from typing import Final

from cyclopts import App, Parameter

from peppy import VERSION

_PACKAGE: Final = "peppy.cli.verbs"

GROUPS: Final = {
    "node": "Make, add, build, run and stop nodes.",
    "stack": "Look at the stack as a whole.",
    "topic": "Look at the messages of nodes, and send some.",
    "service": "Call the services of nodes, and manage the daemon, which is one itself.",
    "action": "Send goals to nodes.",
    "datastore": "Keep values that all nodes find.",
    "repo": "Add places that nodes and launch files come from by name.",
}

VERBS: Final = {
    "node init": "node_init",
    "node create": "node_init",
    "node sync": "node_sync",
    "node add": "node_add",
    "node build": "node_build",
    "node run": "node_run",
    "node stop": "node_stop",
    "node remove": "node_remove",
    "node info": "node_info",
    "stack list": "stack_list",
    "stack graph": "stack_graph",
    "stack launch": "stack_launch",
    "stack lock": "stack_lock",
    "stack down": "stack_down",
    "stack restart": "stack_restart",
    "stack events": "stack_events",
    "stack benchmark": "stack_benchmark",
    "info": "info",
    "topic list": "topic_list",
    "topic info": "topic_info",
    "topic echo": "topic_echo",
    "topic hz": "topic_hz",
    "topic bw": "topic_bw",
    "topic delay": "topic_delay",
    "topic pub": "topic_pub",
    "service serve": "service_serve",
    "service stop": "service_stop",
    "service status": "service_status",
    "service restart": "service_restart",
    "service logs": "service_logs",
    "service install": "service_install",
    "service uninstall": "service_uninstall",
    "service list": "service_list",
    "service call": "service_call",
    "action list": "action_list",
    "action send": "action_send",
    "datastore get": "datastore_get",
    "datastore set": "datastore_set",
    "datastore list": "datastore_list",
    "datastore remove": "datastore_remove",
    "repo add": "repo_add",
    "repo remove": "repo_remove",
    "repo list": "repo_list",
    "repo refresh": "repo_refresh",
    "repo update": "repo_refresh",
    "repo exclude": "repo_exclude",
}
"""What is typed, and the function and module that carry it out."""

HIDDEN: Final = frozenset({"node create", "repo update"})
"""Other names of verbs that are listed."""

EXAMPLES: Final = "Examples: "
"""What the last paragraph of a verb's docstring begins with, where it has several."""

ABOUT: Final = (
    "Build, run and watch a robot as a stack of nodes.\n\n"
    "A first walk: 'peppy node init hello', 'cd hello', 'peppy node add -sr .', 'peppy stack list'."
)


def make_app(*, listed: bool = False) -> App:
    """Return the tree of all verbs (behaviour.md 10.1).

    A verb's module is imported when the verb is asked for. If the verbs are to be `listed`, all of
    them are, each with the first line of its help; shells' completion comes of the same list.
    """
    app = App(
        name="peppy",
        help=ABOUT,
        version=f"peppy {VERSION}",
        print_error=False,
        exit_on_error=False,
        result_action="return_value",
        suppress_keyboard_interrupt=False,
        help_formatter="plain" if listed and not _on_a_terminal() else None,
        help_format="plaintext",
        default_parameter=Parameter(negative=(), show_default=False),
    )
    for group, about in GROUPS.items():
        app.command(App(name=group, help=about))
    for words, function in VERBS.items():
        group, _, verb = words.rpartition(" ")
        target = app[group] if group else app
        place = f"{_PACKAGE}.{function}"
        if listed:
            carried_out = _imported(place)
            page = help_page(carried_out.__doc__ or "")
            target.command(carried_out, name=verb, help=page, show=words not in HIDDEN)
        else:
            target.command(f"{place}:{function}", name=verb, show=words not in HIDDEN)
    if listed:
        app.register_install_completion_command(  # pyright: ignore[reportUnknownMemberType]
            add_to_startup=False
        )
    return app


def _imported(place: str) -> Callable[..., object]:
    """Return the verb's function; it is called what its module is called."""
    function: Callable[..., object] = getattr(importlib.import_module(place), place.split(".")[-1])
    return function


def help_page(docstring: str) -> str:
    """Return a docstring as a help page has it: prose in lines as long as a terminal is wide.

    Examples stay one to a line, below one another.
    """
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(map(_paragraph, paragraphs))


def _paragraph(text: str) -> str:
    lines = text.splitlines()
    if not text.startswith(EXAMPLES):
        return " ".join(lines)
    return f"\n{' ' * len(EXAMPLES)}".join(line.strip() for line in lines)


def _on_a_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()
