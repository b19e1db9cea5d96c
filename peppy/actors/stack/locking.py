"""Writing the lock file of a launch."""

from peppy.actors.stack.site import Site
from peppy.schema.errors import PeppyError
from peppy.schema.launch import LockLaunch, LockView


async def lock(site: Site, request: LockLaunch) -> LockView:
    """Write down what a launch file resolves to now."""
    del site, request
    raise PeppyError("lock files are not written yet")
