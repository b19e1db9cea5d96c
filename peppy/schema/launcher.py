"""A launch file as one whole value. Source: behaviour.md 6; seed 003, "Launch files".

Values only; `peppy.schema.launcher_reader` makes them from text and reports every problem at once.
"""

from typing import Any

import msgspec

from peppy.schema.errors import Problem
from peppy.schema.names import InstanceId
from peppy.schema.restart import RestartPolicy
from peppy.schema.sources import Wanted


class Place(msgspec.Struct, frozen=True):
    """Where something stands in the file, as `peppy.schema.errors.Problem` says it."""

    line: int = 0
    column: int = 0
    path: str = ""

    def problem(self, what: str) -> Problem:
        """Return a problem with what stands there."""
        return Problem(self.line, self.column, self.path, what)


class LaunchedInstance(msgspec.Struct, frozen=True, kw_only=True):
    """One instance that a launch starts."""

    instance_id: InstanceId | None = None
    """None has one made up."""
    arguments: dict[str, Any] = {}
    """As the file has them, nested; they are checked against the node's parameters later."""
    env_vars: dict[str, str] = {}
    """On top of the environment of whoever launches."""
    restart: RestartPolicy = RestartPolicy()
    bindings: dict[str, InstanceId] = {}
    """For a dependency's label, the one instance of it that is meant (0.10 and newer)."""
    place: Place = Place()


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One node of a launch, and its instances."""

    wanted: Wanted
    """Its local sources are absolute: the file's directory has been put before them."""
    instances: tuple[LaunchedInstance, ...]
    """At least one."""
    place: Place = Place()


class Launcher(msgspec.Struct, frozen=True, kw_only=True):
    """All nodes of a launch, in the order of the file."""

    source: str
    """What messages call it: its path."""
    sha256: str
    """Lower-case hex digest of its bytes."""
    deployments: tuple[Deployment, ...]
    use_sim_time: bool = False
