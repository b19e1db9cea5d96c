"""Our own nodes, started by hand, and the daemon through which they find each other."""

import contextlib
import os
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from benchmarks.messages.agent import Agent, Failed, Signalled
from benchmarks.messages.pair import REPOSITORY, Pair, module
from peppy.runtime.transport.ports import free_port

Loop = Literal["asyncio", "trio"]

LOOPS: Final[tuple[Loop, ...]] = ("asyncio", "trio")

STARTING: Final = 20.0
"""Seconds for a daemon to say where it is."""

FORGOTTEN: Final = "900"
"""Seconds after which a daemon ends whose benchmark was killed."""


@dataclass(frozen=True)
class Nodes:
    """Where the bindings lie, and where the processes leave what they leave."""

    bindings: Path
    directory: Path
    environment: Mapping[str, str]

    def start(self, program: str, node: str, loop: Loop, kind: type[Agent] = Agent) -> Agent:
        """Start a node; it has its own copies of `peppy` and `peppylib` before those here."""
        library = self.bindings / node
        path = os.pathsep.join([str(library), str(REPOSITORY)])
        words = module(f"nodes.{program}", loop)
        environment = {**self.environment, "PYTHONPATH": path}
        return kind(f"{loop}_{program}", words, self.directory, environment)


@contextlib.contextmanager
def open_daemon(bindings: Path, directory: Path) -> Generator[Nodes, None, None]:
    """Run a daemon in a home of its own; give what nodes need to be started there."""
    home = directory / "home"
    home.mkdir(parents=True)
    left_out = {name for name in os.environ if name.startswith("PEPPY_")}
    plain = {name: value for name, value in os.environ.items() if name not in left_out}
    environment = {**plain, "PEPPY_HOME": str(home)}
    words = [sys.executable, "-m", "peppy", "service", "serve", "--idle-exit", FORGOTTEN]
    # A port of its own: the usual one may be a daemon's that somebody works with.
    settings = {
        **environment,
        "PEPPY_MESSAGING_PORT": str(free_port()),
        "PYTHONPATH": str(REPOSITORY),
    }
    with Signalled("daemon", words, directory, settings) as daemon:
        deadline = time.monotonic() + STARTING
        while not (home / "daemon_state.json").exists():
            if not daemon.alive() or time.monotonic() > deadline:
                raise Failed("the daemon does not start")
            time.sleep(0.02)
        yield Nodes(bindings, directory, environment)


@contextlib.contextmanager
def open_nodes(bindings: Path, directory: Path, loop: Loop) -> Generator[Pair, None, None]:
    """Give two nodes of one loop, linked through their daemon."""
    with (
        open_daemon(bindings, directory) as nodes,
        nodes.start("passive", "passive", loop) as b,
        nodes.start("active", "active", loop) as a,
    ):
        b.wait_ready()
        a.wait_ready()
        pair = Pair(a, b)
        pair.link()
        yield pair
