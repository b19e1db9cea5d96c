"""Work that may block or hang, kept off the loop."""

import threading
from collections.abc import Callable
from typing import TypeVar

from peppy.runtime.transport.handover import Handover
from peppy.runtime.transport.loops import new_waiter

T = TypeVar("T")


async def aside(handover: Handover, work: Callable[[], T]) -> T:
    """Return what `work` returns, or raise what it raises, on a thread of its own.

    The thread is a daemon's: work that hangs keeps no process alive. Cancelled, this leaves the
    thread to itself.
    """
    done = new_waiter()
    outcome: list[T] = []
    failure: list[Exception] = []

    def run() -> None:
        try:
            outcome.append(work())
        except Exception as error:
            failure.append(error)
        handover.call(done.wake)

    threading.Thread(target=run, name="peppy-transport", daemon=True).start()
    await done.wait()
    if failure:
        raise failure[0]
    return outcome[0]
