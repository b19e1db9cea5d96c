"""How another thread or a signal handler reaches into the loop that runs us.

anyio gives asyncio and Trio one face for waiting; this is what it does not give: handing a call to
a loop from anywhere, without waiting and without a lock. Trio is never imported here: where it is
not loaded, it does not run.
"""

import asyncio
import contextlib
import sys
from collections.abc import Callable
from typing import Any

from peppy.runtime.transport.waiting import on_trio

RunSoon = Callable[[Callable[[], object]], None]
"""Has a function called by its loop, soon; from any thread, and from signal handlers."""


def run_soon_here() -> RunSoon:
    """Return the way into the running loop; a loop that has ended takes calls and forgets them.

    What is called must not raise: Trio ends the whole run if it does.
    """
    if on_trio():
        trio: Any = sys.modules["trio"]
        return _forgiving(trio.lowlevel.current_trio_token().run_sync_soon, trio.RunFinishedError)
    return _forgiving(asyncio.get_running_loop().call_soon_threadsafe, RuntimeError)


def _forgiving(call: Callable[..., Any], ended: type[Exception]) -> RunSoon:
    def run_soon(function: Callable[[], object]) -> None:
        with contextlib.suppress(ended):
            call(function)

    return run_soon
