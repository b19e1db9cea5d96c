"""How one task waits for one wake-up, natively on the loop that runs it."""

from abc import ABC, abstractmethod


class Waiter(ABC):
    """A single wait of a single task."""

    @abstractmethod
    async def wait(self) -> None:
        """Return once it is woken; also if that was before."""

    @abstractmethod
    def wake(self) -> None:
        """Let the task go on; on the loop's own thread. Twice is fine."""
