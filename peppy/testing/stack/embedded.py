"""A launch file's whole stack in this process: the daemon's actors, the nodes' own code.

Time is that of the Trio loop: on a `MockClock` that jumps (pytest-trio's `autojump_clock`, or the
plugin's own) minutes of robot time pass in the time that it takes to compute them. With the same
seed everything happens in the same order each time.

What differs from the real thing: nothing is built, and nodes run in this process, with what it has
installed (`inhabitants` says what that comes to); there is no control socket and no zenoh; below
the home directory the disk is in memory, and elsewhere the real one is only read.

Nodes or instances that are named as `processes` are built and run as real ones, for what cannot
live here (another language, a device, a library that holds its thread) or is to be seen as it is.
The others live in this process all the same, and so does the daemon. Then:

- time is real, and nothing is the same each time but what nodes draw from `random`;
- the wire is zenoh, for all: its conditions cannot be set, and nobody can be parted;
- the disk is the real one, with a home directory that is gone at the end;
- faults are signals where there are processes; who lives here on Trio cannot hang, and the daemon
  is killed at once or not at all. What else an embedded stack can do to its machine is refused.
"""

from collections.abc import AsyncGenerator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from peppy.schema.daemon_config import DaemonConfig
from peppy.testing.present import present_seed
from peppy.testing.stack.conditions import CALM, Conditions
from peppy.testing.stack.embedded_launcher import Arguments
from peppy.testing.stack.embedded_world import embedded_world
from peppy.testing.stack.faults import AllFaults
from peppy.testing.stack.inhabitants import Inhabitant
from peppy.testing.stack.launched import LaunchedStack, RealNetwork
from peppy.testing.stack.machine import Household
from peppy.testing.stack.mixed import mixed_world
from peppy.testing.stack.world import World, must_be_on_trio, must_have_ended


class EmbeddedStack(LaunchedStack):
    """A stack that runs in this process, with more that can be done to it than to a real one."""

    def __init__(self, world: World, seed: int, faults: AllFaults, household: Household) -> None:
        super().__init__(world)
        self.seed = seed
        """What everything that is left to chance came from."""
        self._faults = faults
        self._household = household

    @property
    def faults(self) -> AllFaults:
        """What can be done to the stack, by name."""
        return self._faults

    @property
    def living(self) -> set[str]:
        """The ids of the instances that live in this process now, whatever the daemon knows."""
        return set(self._household.living)


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
    `daemon_config` is what `peppy_config.json5` would say. `processes` names nodes (`brain`,
    `brain:v1`) and instances that are to be real processes; the test's clock must be a real one.

    At the end the stack is taken down as by 'peppy service stop'. Raises `PeppyError` for a launch
    that fails, `LeftBehind` where anything is left of the stack, `NeverEnded` where a task of an
    instance went on when it was cancelled, and what the daemon's actors failed with. After an error
    of the test's own all is ended at once; processes are stopped in order, and none is left.
    """
    must_be_on_trio()
    if processes and conditions != CALM:
        raise RealNetwork
    number = present_seed() if seed is None else seed
    async with AsyncExitStack() as around:
        if processes:
            real, machine = await around.enter_async_context(
                mixed_world(
                    launcher,
                    processes=processes,
                    inhabit=Inhabitant,
                    seed=number,
                    directory=directory,
                    arguments=arguments,
                    daemon_config=daemon_config,
                )
            )
            stack = EmbeddedStack(real, number, real.faults, machine)
        else:
            world = await around.enter_async_context(
                embedded_world(
                    launcher,
                    inhabit=Inhabitant,
                    directory=directory,
                    seed=number,
                    conditions=conditions,
                    arguments=arguments,
                    daemon_config=daemon_config,
                )
            )
            stack = EmbeddedStack(world, number, world.faults, world.machine)
        around.callback(stack.close)
        yield stack
    must_have_ended(stack.trace)
