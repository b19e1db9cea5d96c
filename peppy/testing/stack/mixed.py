"""A world of both kinds: real processes where they were asked for, and this one for the rest."""

import tempfile
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from peppy.actors.host.home import Home
from peppy.schema.daemon_config import DaemonConfig
from peppy.testing.stack import embedded_launcher
from peppy.testing.stack.chosen import choose
from peppy.testing.stack.embedded_launcher import Arguments
from peppy.testing.stack.inhabitants import inhabited
from peppy.testing.stack.machine import Inhabit
from peppy.testing.stack.mixed_daemon import MixedDaemon
from peppy.testing.stack.mixed_faults import MixedFaults
from peppy.testing.stack.mixed_machine import LaunchFiles, MixedMachine
from peppy.testing.stack.real import PREFIX, TIMEOUT, RealWorld, must_be_in_real_time, real_world


@asynccontextmanager
async def mixed_world(
    launcher: str | Path,
    *,
    processes: Collection[str],
    inhabit: Inhabit,
    seed: int,
    directory: str | Path | None = None,
    arguments: Arguments | None = None,
    daemon_config: DaemonConfig | None = None,
) -> AsyncGenerator[tuple[RealWorld[MixedFaults], MixedMachine], None]:
    """Run a launch file's stack, of which all but `processes` are `inhabit`."""
    must_be_in_real_time("a stack with processes of their own")
    path, text = embedded_launcher.read(launcher, directory)
    embedded_launcher.check_sources(path, text)
    text = embedded_launcher.with_arguments(path, text, arguments or {})
    chosen = await choose(processes, path, text, LaunchFiles(path, text))
    home = Home(Path(tempfile.mkdtemp(prefix=PREFIX)))
    machine = MixedMachine(home, path, text, chosen, inhabit, seed)
    config = DaemonConfig() if daemon_config is None else daemon_config
    daemon = MixedDaemon(home, machine, config)
    with inhabited():
        async with real_world(path, daemon, partial(MixedFaults, machine), TIMEOUT) as world:
            yield world, machine
