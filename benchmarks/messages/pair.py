"""Two linked processes that can be measured, whoever made them, and those that were opened."""

import contextlib
import os
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.messages import raw
from benchmarks.messages.agent import Agent, Failed
from peppy.runtime.transport.ports import free_port

REPOSITORY: Final = Path(__file__).resolve().parents[2]

LINKING: Final = 20.0
"""Seconds for two processes to find each other."""

SETTLING: Final = 0.5
"""Seconds for links that are made after the first message has passed."""

QUIET: Final = 1.0
"""Seconds without an arrival after which a flood is over although messages are missing."""


@dataclass(frozen=True)
class Pair:
    """`a` sends and measures; `b` echoes and counts."""

    a: Agent
    b: Agent

    def link(self) -> None:
        """Wait until each has heard the other on all topics."""
        self.b.ask("begin")
        deadline = time.monotonic() + LINKING
        while True:
            heard = self.a.ask("greet")["heard"] == 2
            counted = all(self.b.ask("report", size=size)["count"] for size in (64, 65536))
            if heard and counted:
                break
            if time.monotonic() > deadline:
                raise Failed(f"{self.a.name} and {self.b.name} do not find each other")
        time.sleep(SETTLING)
        self.a.ask("drain")

    def flood(self, size: int, seconds: float) -> dict[str, float]:
        """Return messages received in a second, those that were lost, and the last report."""
        self.b.ask("begin")
        sent = self.a.ask("send", size=size, seconds=seconds)["sent"]
        report = self.b.ask("report", size=size)
        changed = time.monotonic()
        while report["count"] < sent and time.monotonic() - changed < QUIET:
            time.sleep(0.05)
            before, report = report, self.b.ask("report", size=size)
            if report["count"] != before["count"]:
                changed = time.monotonic()
        rate = (report["count"] - 1) / report["seconds"] if report["seconds"] else 0.0
        return {
            "rate": rate,
            "gigabytes": rate * size / 1e9,
            "sent": sent,
            "lost": sent - report["count"],
            "disordered": report["disordered"],
        }


def module(name: str, *words: str) -> list[str]:
    """Return the command that runs a program of this package."""
    return [sys.executable, "-m", f"benchmarks.messages.{name}", *words]


@contextlib.contextmanager
def open_raw(directory: Path) -> Generator[Pair, None, None]:
    """Give two zenoh peers, linked directly."""
    endpoint = f"tcp/127.0.0.1:{free_port()}"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), **raw.ONE_THREAD}
    with contextlib.ExitStack() as stack:
        agents: list[Agent] = []
        for role in ("b", "a"):
            words = module("raw", role, endpoint)
            agents.append(stack.enter_context(Agent(f"raw_{role}", words, directory, environment)))
            agents[-1].wait_ready()
        b, a = agents
        pair = Pair(a, b)
        pair.link()
        yield pair
