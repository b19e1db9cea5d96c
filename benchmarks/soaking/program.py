"""What the parts of one node's program share."""

import random
from collections import Counter
from dataclasses import dataclass, field

import anyio

from benchmarks.soaking.ledger import Ledger
from benchmarks.soaking.ticker import Ticker
from peppy.runtime.runner import NodeRunner


@dataclass
class Program:
    runner: NodeRunner
    chance: random.Random
    ledger: Ledger
    intensity: float
    """What all rates are multiplied by."""
    ticker: Ticker = field(default_factory=Ticker)
    others: list[str] = field(default_factory=list[str])
    """The instance ids of all nodes that run now."""
    quiet: anyio.Event = field(default_factory=anyio.Event)
    """Set when nothing new is to begin."""
    slowness: float = 0.0
    """Seconds that each message costs whoever hears it, while the conductor wants it so."""
    calls: Counter[str] = field(default_factory=Counter[str])
    goals: Counter[str] = field(default_factory=Counter[str])
    """How they ended."""

    @property
    def run(self) -> str:
        return self.runner.bound_instance_id()

    async def pause(self, mean: float) -> None:
        """Wait a random time, `mean` seconds on average at an intensity of 1."""
        await anyio.sleep(self.chance.expovariate(self.intensity / mean))

    def target(self) -> str | None:
        """Return somebody to ask for, or None for anybody."""
        if not self.others or self.chance.random() < 0.5:
            return None
        if self.chance.random() < 0.03:
            return "nobody"
        return self.chance.choice(self.others)
