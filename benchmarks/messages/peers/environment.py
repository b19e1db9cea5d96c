"""The peers' own virtual environment, and how their pairs are started there."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

from benchmarks.messages.agent import Agent
from benchmarks.messages.pair import REPOSITORY, Pair, module
from peppy.runtime.transport.ports import free_port

PLACE: Final = REPOSITORY / ".bench-peers"

PINNED: Final = REPOSITORY / "benchmarks" / "peers.txt"

INSTALLING: Final = 600.0
"""Seconds; an array library comes with one of them."""

DOMAIN: Final = 77
"""The DDS domain of a pair: any that nobody else on this machine uses."""

Opener = Callable[[Path], contextlib.AbstractContextManager[Pair]]


class Unavailable(Exception):
    """There is no environment for the peers; why."""


def ready_peers() -> dict[str, Opener]:
    """Return what opens each peer's pair; make the environment first if need be.

    Raises `Unavailable`.
    """
    done = PLACE / "installed.txt"
    wanted = PINNED.read_text()
    if not done.exists() or done.read_text() != wanted:
        print(f"making the peers' environment in '{PLACE.name}'", file=sys.stderr, flush=True)
        _install()
        done.write_text(wanted)
    return {"peppylib": open_peppylib, "dora": open_dora, "cyclonedds": open_cyclonedds}


def _install() -> None:
    python = str(_program("python"))
    PLACE.mkdir(exist_ok=True)
    (PLACE / ".gitignore").write_text("*\n")
    for words in (
        [sys.executable, "-m", "venv", str(PLACE)],
        [python, "-m", "pip", "install", "--quiet", "--requirement", str(PINNED)],
    ):
        try:
            done = subprocess.run(
                words, check=False, capture_output=True, text=True, timeout=INSTALLING
            )
        except subprocess.TimeoutExpired:
            raise Unavailable(f"installing took more than {INSTALLING:g} s") from None
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["no reason was given"]
            raise Unavailable(f"they cannot be installed: {said[-1]}")


def _program(name: str) -> Path:
    return PLACE / "bin" / name


def _agent(
    peer: str, role: str, *words: str, directory: Path, environment: dict[str, str] | None = None
) -> Agent:
    """Start a program that finds `benchmarks` where it runs, and nothing else of this repository.

    One of the peers has the name of a package that lies here.
    """
    link = directory / "benchmarks"
    if not link.exists():
        link.symlink_to(REPOSITORY / "benchmarks")
    python = str(_program("python"))
    path = os.pathsep.join([str(PLACE / "bin"), os.environ.get("PATH", "")])
    surroundings = {**os.environ, "PATH": path}
    surroundings.pop("PYTHONPATH", None)
    command = [python, *module(f"peers.with_{peer}", role, *words)[1:]]
    return Agent(f"{peer}_{role}", command, directory, {**surroundings, **(environment or {})})


@contextlib.contextmanager
def open_peppylib(directory: Path) -> Generator[Pair, None, None]:
    """Give two of its processes, which meet at a zenoh router, as they do under its daemon."""
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    router = module("raw", "router", f"tcp/127.0.0.1:{port}")
    with Agent("router", router, directory, environment) as daemon:
        daemon.wait_ready()
        with (
            _agent("peppylib", "b", str(port), directory=directory) as b,
            _agent("peppylib", "a", str(port), directory=directory) as a,
        ):
            yield _linked(a, b)


@contextlib.contextmanager
def open_dora(directory: Path) -> Generator[Pair, None, None]:
    """Give two dynamic nodes of one dataflow."""
    quiet = {"RUST_LOG": "error"}
    with _agent("dora", "daemon", directory=directory, environment=quiet) as daemon:
        daemon.wait_ready()
        # Neither is let in before both are there.
        with (
            _agent("dora", "b", directory=directory, environment=quiet) as b,
            _agent("dora", "a", directory=directory, environment=quiet) as a,
        ):
            yield _linked(a, b)


@contextlib.contextmanager
def open_cyclonedds(directory: Path) -> Generator[Pair, None, None]:
    """Give two participants that see nobody but this machine."""
    with (
        _agent("cyclonedds", "b", str(DOMAIN), directory=directory) as b,
        _agent("cyclonedds", "a", str(DOMAIN), directory=directory) as a,
    ):
        yield _linked(a, b)


def _linked(a: Agent, b: Agent) -> Pair:
    b.wait_ready()
    a.wait_ready()
    pair = Pair(a, b)
    pair.link()
    return pair
