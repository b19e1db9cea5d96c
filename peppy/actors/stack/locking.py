"""`peppy stack lock`: what a launch file comes to now is written down beside it."""

from peppy.actors.stack.locks import lock_path, locked_node
from peppy.actors.stack.planning import Reading, plan
from peppy.actors.stack.site import Site
from peppy.schema.errors import DocumentError
from peppy.schema.launch import LockLaunch, LockView
from peppy.schema.lock import Lock, drift
from peppy.schema.lock_reader import read_lock
from peppy.schema.lock_text import lock_text


async def lock(site: Site, request: LockLaunch) -> LockView:
    """Write the lock file of a launch; raises whatever is wrong with the launch.

    A lock file that cannot be read is replaced, like any other.
    """
    planned = await plan(
        site,
        Reading(
            launcher=request.launcher, environment=request.environment, offline=request.offline
        ),
    )
    files, path = site.host.files, lock_path(planned.path, request.lock_file)
    directory = str(planned.path.parent)
    nodes = tuple(locked_node(step.resolved, directory) for step in planned.steps)
    changed: list[str] = []
    if await files.exists(path):
        try:
            changed = drift(read_lock(await files.read(path), str(path)), nodes)
        except DocumentError as error:
            changed = [f"'{path}' could not be read: {len(error.problems)} problems"]
    await files.write(path, lock_text(Lock(nodes=nodes)).encode())
    return LockView(
        launcher=planned.launcher.source,
        lock=str(path),
        nodes=tuple(node.node for node in nodes),
        changed=tuple(changed),
    )
