"""A launch file's whole stack in this process: the daemon's actors, the nodes' own code.

Time is that of the Trio loop: on a `MockClock` that jumps (pytest-trio's `autojump_clock`, or the
plugin's own) minutes of robot time pass in the time that it takes to compute them. With the same
seed everything happens in the same order each time.

What differs from the real thing: nothing is built, and nodes run in this process, with what it has
installed (`inhabitants` says what that comes to); there is no control socket and no zenoh; below
the home directory the disk is in memory, and elsewhere the real one is only read.
"""

from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

from peppy.schema.daemon_config import DaemonConfig
from peppy.schema.errors import PeppyError
from peppy.testing.stack.conditions import CALM, Conditions
from peppy.testing.stack.embedded_launcher import Arguments
from peppy.testing.stack.embedded_world import EmbeddedWorld, embedded_world
from peppy.testing.stack.faults import EmbeddedFaults
from peppy.testing.stack.inhabitants import Inhabitant
from peppy.testing.stack.launched import LaunchedStack
from peppy.testing.stack.world import must_be_on_trio


class AllInProcess(PeppyError):
    """Nodes that are to be processes of their own, in a stack that has none."""

    kind = "all_in_process"

    def __init__(self, nodes: Collection[str]) -> None:
        names = ", ".join(f"'{node}'" for node in sorted(nodes))
        super().__init__(
            f"an embedded stack runs all nodes in this process, {names} too",
            hint="'real_stack' runs every node as a process of its own",
        )


class EmbeddedStack(LaunchedStack):
    """A stack that runs in this process, with more that can be done to it than to a real one."""

    def __init__(self, world: EmbeddedWorld) -> None:
        super().__init__(world)
        self.seed = world.seed
        """What everything that is left to chance came from."""
        self._faults = world.faults
        self._machine = world.machine

    @property
    def faults(self) -> EmbeddedFaults:
        """What can be done to the stack, by name."""
        return self._faults

    @property
    def living(self) -> set[str]:
        """The ids of the instances that live in this process now, whatever the daemon knows."""
        return set(self._machine.living)


@asynccontextmanager
async def embedded_stack(
    launcher: str | Path,
    *,
    directory: str | Path | None = None,
    seed: int | None = None,
    conditions: Conditions = CALM,
    arguments: Arguments | None = None,
    daemon_config: DaemonConfig | None = None,
    processes: Collection[str] = (),
) -> AsyncGenerator[EmbeddedStack, None]:
    """Launch a launch file in this process; give its stack once all of it runs.

    `launcher` is the file's path, or its text, whose local sources are then relative to
    `directory`. `seed` decides everything that is left to chance; None takes the test's own
    (fixture `seed`), or 0. `conditions` are those of the network between any two that take part.
    `arguments` are given to instances, by their ids, in place of what the file says.
    `daemon_config` is what `peppy_config.json5` would say.

    At the end the stack is taken down as by 'peppy service stop'. Raises `PeppyError` for a launch
    that fails, `LeftBehind` where anything is left of the stack, and what the daemon's actors
    failed with. After an error of the test's own all is ended at once.
    """
    must_be_on_trio()
    if processes:
        raise AllInProcess(processes)
    async with embedded_world(
        launcher,
        inhabit=Inhabitant,
        directory=directory,
        seed=seed,
        conditions=conditions,
        arguments=arguments,
        daemon_config=daemon_config,
    ) as world:
        stack = EmbeddedStack(world)
        try:
            yield stack
        finally:
            stack.close()
