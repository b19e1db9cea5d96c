"""What abandoned asyncio loops leave behind: tasks that nobody will ever run again.

A process that is killed does not clean up. Tasks that are merely forgotten would: Python closes
their coroutines, which runs each `finally` in them, at a moment of its own. So they are kept until
the world that they belonged to is gone, and closed then, when nobody hears of it any more.
"""

import asyncio
import sys
import warnings
from collections import deque
from collections.abc import Coroutine
from typing import Any, Final, cast

from peppy.testing.giving_up import leave
from peppy.testing.stack import output

MOST: Final = 1000
"""Tasks that are kept; a world with more of them must bear that the oldest are closed before."""

STUBBORN: Final = 100
"""Times that a coroutine may wait in what it does about its end."""

_remains: deque[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = deque()

_events: Any = asyncio.events


def keep_remains(loop: asyncio.AbstractEventLoop) -> None:
    """Keep the tasks of `loop` that have not ended, and let no new one begin."""
    loop.set_exception_handler(_say_nothing)
    loop.set_task_factory(_begin_nothing)
    _remains.extend((loop, task) for task in asyncio.all_tasks(loop))
    if len(_remains) > MOST:
        _close(len(_remains) - MOST)


def bury() -> None:
    """Close what is kept. What it prints about that goes nowhere."""
    _close(len(_remains))


def _close(number: int) -> None:
    hook, sys.unraisablehook = sys.unraisablehook, _ignore
    running = _events._get_running_loop()
    try:
        with output.speaking_to(output.NOBODY), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(number):
                loop, task = _remains.popleft()
                # What a `finally` asks of asyncio it asks of the loop that takes nothing any more.
                _events._set_running_loop(loop)
                _end(cast("Coroutine[Any, Any, Any]", task.get_coro()))
    finally:
        _events._set_running_loop(running)
        sys.unraisablehook = hook


def _end(coroutine: Coroutine[Any, Any, Any]) -> None:
    for _ in range(STUBBORN):
        try:
            coroutine.close()
        except RuntimeError:
            continue  # it has waited for something, in a `finally`
        except BaseException:  # noqa: S110  # the code of a node that is dead
            pass
        return
    leave(coroutine)


def _say_nothing(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    del loop, context


def _begin_nothing(
    loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any
) -> asyncio.Future[Any]:
    del more
    coroutine.close()
    return loop.create_future()


def _ignore(unraisable: object) -> None:
    del unraisable
