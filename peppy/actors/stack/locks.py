"""The lock file of a launch, as the daemon reads and writes it."""

from collections.abc import Sequence
from pathlib import Path

from peppy.actors.stack.resolving import NO_PINS, Pins
from peppy.actors.stack.site import Site
from peppy.schema.errors import PeppyError
from peppy.schema.launcher import Deployment


class Locked:
    """What a lock file says."""

    def pins(self, number: int, deployment: Deployment) -> Pins:
        """Return what a deployment is locked to."""
        del number, deployment
        return NO_PINS

    def check(self, steps: Sequence[object]) -> None:
        """Raise `LockDrift` if the nodes are others than those that were locked."""
        del steps


async def load_lock(site: Site, path: Path, reading: object) -> Locked:
    """Return the lock file beside the launch file at `path`."""
    del site, path, reading
    raise PeppyError("lock files are not read yet")
