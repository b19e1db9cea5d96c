"""Tasks that wait for something to be there; whoever comes first is woken first."""

from collections import deque

from peppy.runtime.transport.loops import new_waiter
from peppy.runtime.transport.waiting import Waiter


class Bell:
    """Rung once for each thing that is there; who was woken looks, and waits again if need be.

    Taking what is there is up to whoever waits, without awaiting anything in between: so a wait
    that is cancelled has taken nothing, and hands its wake-up on.
    """

    def __init__(self) -> None:
        self._waiters: deque[Waiter] = deque()

    async def wait(self) -> None:
        """Return when it is rung for us."""
        waiter = new_waiter()
        self._waiters.append(waiter)
        try:
            await waiter.wait()
        except BaseException:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            else:
                self.ring()
            raise

    def ring(self) -> None:
        """Wake whoever has waited longest."""
        while self._waiters and not self._waiters.popleft().wake():
            pass

    def ring_for_all(self) -> None:
        """Wake everybody who waits now."""
        for _ in range(len(self._waiters)):
            self.ring()
