"""The mailbox: a deque and one wake.

Whoever puts something in wakes the owner only if it sleeps, so a burst of messages costs one pass
through the scheduler. Nothing here is thread-safe: a mailbox belongs to the thread of its Trio run
(from another one, use `trio.from_thread.run_sync(ref.tell, message)`).
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import trio

from peppy.actors.kernel.promise import Reply


class Signal:
    """What the kernel itself puts in: it keeps its place among the messages."""

    __slots__ = ()


class Notice(Signal):
    """A message that is made when its turn comes, in the receiver: its mistakes are the receiver's.

    `make` returns the message.
    """

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


class DeadLetters:
    """How many messages of one system reached nobody."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class Mailbox:
    """What waits to be received by one actor."""

    __slots__ = ("_dead_letters", "_sleeper", "closed", "dropped", "high_water", "items")

    def __init__(self, dead_letters: DeadLetters) -> None:
        self.items: deque[Any] = deque()
        """Messages as they are; questions inside their `Reply`; signals."""
        self.closed = False
        self.dropped = 0
        self.high_water = 0
        """The most that ever waited; the owner measures it when it takes something out."""
        self._dead_letters = dead_letters
        self._sleeper: trio.lowlevel.Task | None = None

    def put(self, message: object) -> None:
        """Add a message; into a closed mailbox it is dropped and counted."""
        if self.closed:
            self._drop()
            return
        self.items.append(message)
        if self._sleeper is not None:
            self.wake()

    def put_question(self, reply: Reply) -> bool:
        """Add a question; return False if the mailbox is closed."""
        if self.closed:
            return False
        self.items.append(reply)
        if self._sleeper is not None:
            self.wake()
        return True

    def put_signal(self, signal: Signal) -> None:
        """Add a signal; a closed mailbox needs none."""
        if not self.closed:
            self.items.append(signal)
            self.wake()

    def wake(self) -> None:
        """Let the owner's `wait` return; nothing happens if it does not wait."""
        task, self._sleeper = self._sleeper, None
        if task is not None:
            trio.lowlevel.reschedule(task)

    async def wait(self) -> None:
        """Sleep until woken. Only the owner calls this, when nothing waits."""
        self._sleeper = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._abort)

    def close(self) -> list[Reply]:
        """Take no more; count the messages that waited, return the questions."""
        self.closed = True
        self.high_water = max(self.high_water, len(self.items))
        waiting = [item for item in self.items if isinstance(item, Reply)]
        for item in self.items:
            if not isinstance(item, Reply | Signal):
                self._drop()
        self.items.clear()
        return waiting

    def _drop(self) -> None:
        self.dropped += 1
        self._dead_letters.count += 1

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._sleeper = None
        return trio.lowlevel.Abort.SUCCEEDED
