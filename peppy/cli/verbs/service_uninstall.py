"""`peppy service uninstall`."""

from peppy.cli.options import Json, SystemWide
from peppy.cli.service_units_files import is_ours, must_be_root, remove
from peppy.cli.service_units_manager import manager_here, tell
from peppy.cli.terminal import Terminal


def service_uninstall(*, system: SystemWide = False, json: Json = False) -> None:
    """Undo 'peppy service install'; a daemon that runs goes on.

    Example: peppy service uninstall
    """
    terminal = Terminal(json=json)
    manager = manager_here(system=system)
    if system and manager.path.exists():
        must_be_root("uninstall", manager.service.command[0])
    why = tell(manager.disable) if is_ours(manager.path) else None
    removed = remove(manager.path)
    if removed:
        why = why or tell(manager.forget)
    if why is not None:
        terminal.warn(f"{manager.name} has not been told: {why}")
    terminal.result(
        {"path": str(manager.path), "removed": removed},
        f"Removed {manager.path}" if removed else f"No service is installed at {manager.path}",
    )
