"""How one task waits for one wake-up, and which loop it runs on.

Trio is looked for only where it is running: a node's environment may not have it.
"""

import asyncio
import sys
from abc import ABC, abstractmethod
from typing import Any


class Waiter(ABC):
    """A single wait of a single task."""

    @abstractmethod
    async def wait(self) -> None:
        """Return once it is woken; also if that was before."""

    @abstractmethod
    def wake(self) -> bool:
        """Let the task go on, on the loop's own thread; say whether it had not gone already.

        It has if it was cancelled, even if it has not run since, or if it was woken before.
        """

    def wake_now(self) -> bool:
        """Like `wake`, for a caller who bears that the task runs before this returns.

        It does where the loop allows it; elsewhere this is `wake`.
        """
        return self.wake()


def on_trio() -> bool:
    """Say whether the running loop is Trio's."""
    trio: Any = sys.modules.get("trio")
    if trio is None:
        return False
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    # One loop may drive the other, so that both run: sniffio is told which of them it is now.
    return (
        asyncio._get_running_loop() is None  # pyright: ignore[reportPrivateUsage]
        or sys.modules["sniffio"].thread_local.name == "trio"
    )
