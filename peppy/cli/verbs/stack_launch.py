"""`peppy stack launch`."""

from typing import Any

from peppy.cli.drawing.launch import launched, plan
from peppy.cli.launch_options import (
    AddIdleTimeout,
    BuildIdleTimeout,
    DryRun,
    Frozen,
    LauncherName,
    Locked,
    LockFile,
    MaxTimeoutSecs,
    NoRollback,
    Rebuild,
    RunIdleTimeout,
    Yes,
    launch_timeouts,
    launcher,
    lock_file,
)
from peppy.cli.launching import launch, resolve
from peppy.cli.options import Json, Offline, caller_environment
from peppy.cli.terminal import Terminal
from peppy.cli.usage import Usage
from peppy.schema.control import IDLE_TIMEOUT, MAX_TIMEOUT
from peppy.schema.launch import Launch, PlanLaunch


def stack_launch(
    file: LauncherName,
    /,
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
    no_rollback: NoRollback = False,
    locked: Locked = False,
    frozen: Frozen = False,
    offline: Offline = False,
    lock: LockFile = None,
    rebuild: Rebuild = False,
    add_idle: AddIdleTimeout = IDLE_TIMEOUT,
    build_idle: BuildIdleTimeout = IDLE_TIMEOUT,
    run_idle: RunIdleTimeout = IDLE_TIMEOUT,
    longest: MaxTimeoutSecs = MAX_TIMEOUT,
    json: Json = False,
) -> None:
    """Replace the whole stack by the one of a launch file.

    Everything is checked before anything is touched. Ctrl+C cancels the launch and says what was
    kept; a second one leaves at once.

    Examples: peppy stack launch ./robot/peppy_launcher.json5
    peppy stack launch robot --dry-run
    peppy stack launch robot --frozen --offline --yes
    """
    if locked and frozen:
        raise Usage(
            "'--locked' and '--frozen' do not go together",
            hint="'--locked' refuses what has moved on, '--frozen' takes what was locked",
        )
    limits = launch_timeouts(add_idle, build_idle, run_idle, longest)
    terminal = Terminal(json=json)
    request = PlanLaunch(
        launcher=launcher(file),
        environment=caller_environment(),
        locked=locked,
        frozen=frozen,
        offline=offline,
        lock_file=lock_file(lock),
        rebuild=rebuild,
    )
    if dry_run:
        _plan(request, terminal)
        return
    wanted: dict[str, Any] = {name: getattr(request, name) for name in request.__struct_fields__}
    view = launch(Launch(**wanted, **limits, rollback=not no_rollback, clear_stack=yes), terminal)
    terminal.log_file(view.log)
    terminal.warnings(view.warnings)
    terminal.result(view, launched(view))


def _plan(request: PlanLaunch, terminal: Terminal) -> None:
    view = resolve(request, terminal)
    terminal.warnings(view.warnings)
    terminal.result(view, plan(view))
