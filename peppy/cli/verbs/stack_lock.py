"""`peppy stack lock`."""

from peppy.cli.drawing.launch import locked
from peppy.cli.launch_options import LauncherName, LockFile, launcher, lock_file
from peppy.cli.launching import resolve
from peppy.cli.options import Json, Offline, caller_environment
from peppy.cli.terminal import Terminal
from peppy.schema.launch import LockLaunch


def stack_lock(
    file: LauncherName,
    /,
    *,
    lock: LockFile = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Write down exactly what a launch file comes to now, for 'stack launch --locked'.

    Each node with its commit or archive digest, its document and its interfaces. Nothing of the
    stack is touched; what has changed since the last lock file is shown.

    Example: peppy stack lock ./robot/peppy_launcher.json5
    """
    terminal = Terminal(json=json)
    request = LockLaunch(
        launcher=launcher(file),
        environment=caller_environment(),
        lock_file=lock_file(lock),
        offline=offline,
    )
    view = resolve(request, terminal)
    terminal.result(view, locked(view))
