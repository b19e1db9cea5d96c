"""What comes for the test to play its part in: each is kept, and handed out once."""

from typing import Generic, TypeVar

from peppy.testing.failures import WITHIN
from peppy.testing.peers import Peers

T = TypeVar("T")


class Arrivals(Generic[T]):
    """Requests of one service, or goals of one action, in the order in which they came."""

    def __init__(self, peers: Peers, done: str) -> None:
        """`done` is what the node has done for one to come, as in `called service 'zoom'`."""
        self.all: list[T] = []
        self._peers = peers
        self._done = done
        self._handed_out = 0

    async def next(self, within: float = WITHIN) -> T:
        """Return the next one that was not returned before, waiting for it.

        Raises `NotSeen` after so many seconds.
        """
        __tracebackhide__ = True

        def missing(when: str) -> str:
            before = f" again; {len(self.all)} before" if self.all else ""
            return f"node '{self._peers.under_test.node}' has not {self._done}{before} {when}"

        await self._peers.until(lambda: len(self.all) > self._handed_out, within, missing)
        self._handed_out += 1
        return self.all[self._handed_out - 1]
