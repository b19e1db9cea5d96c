"""The network of an embedded stack: in memory, with conditions drawn from a seed."""

from collections.abc import Callable, Collection
from random import Random

import msgspec

from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.testing.trace import Trace

Here = Callable[[Callable[[], object]], None]
"""Has a function called soon where a participant lives: on its loop, in its context."""


def at_once(function: Callable[[], object]) -> None:
    """Call it now: for who lives where the network does."""
    function()


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """How messages fare between two participants. Seconds and probabilities."""

    latency: tuple[float, float] = (0.0, 0.0)
    """From and to: each message takes a time between them."""
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0


CALM = Conditions()


class EmbeddedNetwork(MemoryNetwork):
    """Who takes part is known by name: an instance id, `daemon`, `test`."""

    def __init__(
        self, random: Random, conditions: Conditions = CALM, trace: Trace | None = None
    ) -> None:
        super().__init__()
        self.conditions = conditions
        self._random = random
        self._trace = trace

    def transport(self, owner: str, here: Here = at_once) -> MemoryTransport:
        """Return a way in and out for `owner`, who hears by way of `here`."""
        raise NotImplementedError

    def part(self, *groups: Collection[str]) -> None:
        """Let nothing pass between these groups, until `heal`; whoever is in none is with all."""
        raise NotImplementedError

    def heal(self) -> None:
        """End every partition."""
        raise NotImplementedError

    def freeze(self, owner: str) -> None:
        """Keep all that is for `owner` back, until `thaw`."""
        raise NotImplementedError

    def thaw(self, owner: str) -> None:
        """Hand over what was kept back."""
        raise NotImplementedError

    def sever(self, owner: str) -> None:
        """Forget `owner`, who is gone without a word: it sends, hears and is seen no more."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<EmbeddedNetwork {self.conditions}>"

