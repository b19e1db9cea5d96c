"""`peppy stack lock`: what a launch file comes to now is written down beside it."""

from pathlib import Path

from peppy.actors.stack.locks import lock_path, locked_node
from peppy.actors.stack.planning import Reading, plan
from peppy.actors.stack.site import Site
from peppy.schema.errors import DocumentError, PeppyError
from peppy.schema.launch import LockLaunch, LockView
from peppy.schema.lock import LOCK_SUFFIX, Lock, drift
from peppy.schema.lock_reader import read_lock
from peppy.schema.lock_text import lock_text


class CopyLocked(PeppyError):
    """A lock file beside a copy, which the next refresh replaces."""

    kind = "copy_locked"

    def __init__(self, launcher: str, repository: str) -> None:
        super().__init__(
            f"'{launcher}' is a launch file of repository '{repository}', which lies elsewhere",
            hint="lock it where its repository is worked on, or say where to with '--lock-file'",
        )


class NotALock(PeppyError):
    """A file in the place of a lock file, which is something else."""

    kind = "not_a_lock"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"'{path}' is there already, and is no lock file",
            hint=f"name another file, one that ends in '{LOCK_SUFFIX}' say, or remove it first",
        )


async def lock(site: Site, request: LockLaunch) -> LockView:
    """Write the lock file of a launch; raises whatever is wrong with the launch.

    A lock file that cannot be read, after a merge say, is replaced like any other. What is called
    otherwise and is none stays as it is: whoever has named it has meant something else.
    """
    planned = await plan(
        site,
        Reading(
            launcher=request.launcher, environment=request.environment, offline=request.offline
        ),
    )
    located = planned.located
    if located is not None and located.place is not None and request.lock_file is None:
        raise CopyLocked(request.launcher, located.repository)
    files, path = site.host.files, lock_path(planned.path, request.lock_file)
    directory = str(planned.path.parent)
    nodes = tuple(locked_node(step.resolved, directory, located) for step in planned.steps)
    changed: list[str] = []
    if await files.exists(path):
        try:
            changed = drift(read_lock(await files.read(path), str(path)), nodes)
        except DocumentError as error:
            if path == planned.path or not path.name.endswith(LOCK_SUFFIX):
                raise NotALock(path) from error
            changed = [f"'{path}' was no lock file that can be read"]
    await files.write(path, lock_text(Lock(nodes=nodes)).encode())
    return LockView(
        launcher=planned.launcher.source,
        lock=str(path),
        nodes=tuple(node.node for node in nodes),
        changed=tuple(changed),
    )
