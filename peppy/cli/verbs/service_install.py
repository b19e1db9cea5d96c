"""`peppy service install`."""

from typing import Annotated

import msgspec
from cyclopts import Parameter

from peppy.cli.asking import QUESTION_TIMEOUT, running_daemon
from peppy.cli.options import Json, SystemWide
from peppy.cli.service_units_files import must_be_root, write
from peppy.cli.service_units_manager import manager_here, tell
from peppy.cli.terminal import Terminal
from peppy.schema.control import DescribeDaemon
from peppy.schema.errors import PeppyError


class InstallView(msgspec.Struct, frozen=True, kw_only=True):
    """A service that the machine knows, or will when it is told."""

    path: str
    active: bool
    """Whether its manager has been told of it."""
    todo: tuple[str, ...] = ()
    """Commands that remain to be typed."""


def service_install(
    *,
    system: SystemWide = False,
    only_print: Annotated[
        bool, Parameter(name="--print", help="Print the service file and do nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Have systemd or launchd start the daemon, and start it again when it crashes.

    Examples: peppy service install
    sudo peppy service install --system
    """
    terminal = Terminal(json=json)
    manager = manager_here(system=system)
    if only_print:
        terminal.result({"path": str(manager.path), "text": manager.text}, manager.text.rstrip())
        return
    if system:
        must_be_root("install", manager.service.command[0])
    write(manager.path, manager.text)
    terminal.fact(f"Wrote {manager.path}")
    pid = _running()
    commands = manager.enable_now if pid is None else manager.enable
    why = tell(commands)
    lines = tuple(" ".join(words) for words in commands)
    if why is not None:
        terminal.warn(f"{manager.name} has not taken it: {why}\n  then: {' && '.join(lines)}")
        view = InstallView(path=str(manager.path), active=False, todo=lines)
    elif pid is None:
        terminal.fact(f"{manager.name} runs the peppy daemon now")
        view = InstallView(path=str(manager.path), active=True)
    else:
        lines = ("peppy service stop --keep-nodes", " ".join(manager.start))
        terminal.fact(
            f"A peppy daemon runs already (pid {pid}); to have {manager.name} run it from now on:"
            f"\n  {' && '.join(lines)}"
        )
        view = InstallView(path=str(manager.path), active=True, todo=lines)
    if json:
        terminal.document(view)


def _running() -> int | None:
    """Return the process id of the daemon that answers, None if none does."""
    try:
        return running_daemon().call(DescribeDaemon(), timeout=QUESTION_TIMEOUT).pid
    except PeppyError:
        return None
