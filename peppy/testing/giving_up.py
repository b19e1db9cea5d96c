"""Tasks that do not end however often they are cancelled: given up, so that the test can end.

A process ends all the same when it has such a task. A loop would wait for it, in virtual time for
ever.
"""

import asyncio
import ctypes
import math
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn

from peppy.runtime.token import CancellationToken
from peppy.runtime.transport.waiting import on_trio

TURNS: Final = 20_000
"""Turns of Trio's loop at one moment of virtual time after which some task is held to be at fault:
whatever it waits for is cancelled, and it catches that, and waits again."""

AGAIN: Final = 100
"""Turns after which that is held to go on, once it has begun."""


def give_up(tasks: Iterable[Any]) -> None:
    """Have nobody wait for these tasks of the running loop, which were cancelled.

    Those of Trio never run again. Those of asyncio go on until the loop is closed.
    """
    if on_trio():
        for task in _inside_out(tasks):
            _end_on_trio(task)
    else:
        for task in tasks:
            _forget_on_asyncio(task)


def _forget_on_asyncio(task: Any) -> None:
    coroutine_of = getattr(task, "get_coro", None)  # a bare future has none, and never runs
    if coroutine_of is not None and not task.done():
        task._log_destroy_pending = False
        asyncio.tasks._unregister_task(task)
        leave(coroutine_of())


def leave(coroutine: object) -> None:
    """Have a coroutine stay as it is for as long as this process lives.

    Python would end it when nobody holds it any more. It would catch that too, and if nothing that
    it awaits works by then, never return.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(coroutine))


def _end_on_trio(task: Any) -> None:
    leave(task.coro)
    task.coro = ended = _Ended()
    task._child_nurseries.clear()  # it is left with them, which Trio would hold against it
    if task._next_send_fn is not None:
        task._next_send_fn = ended.send
    elif task._abort_func is not None:
        task._attempt_abort(_refuse)


def _inside_out(tasks: Iterable[Any]) -> Iterator[Any]:
    """Yield all tasks below these, and then these."""
    for task in tuple(tasks):
        yield from _inside_out(t for nursery in task.child_nurseries for t in nursery.child_tasks)
        yield task


class _Ended:
    """Stands for the coroutine of a task that has no more to do."""

    def send(self, value: object) -> NoReturn:
        """Return from it."""
        del value
        raise StopIteration

    def throw(self, *error: object) -> NoReturn:
        """Return from it as well."""
        del error
        raise StopIteration


def _refuse() -> NoReturn:
    raise RuntimeError("given up")


@contextmanager
def not_spinning(token: CancellationToken) -> Generator[None]:
    """Inside the block, let virtual time go by once the token is cancelled, whatever tasks do.

    Under Trio, each wait of a task that catches its cancellation ends at once. Time would stand
    still for it, and it would never be too late for it to end.
    """
    if not on_trio():
        yield
        return
    trio: Any = sys.modules["trio"]
    spinning = _Spinning(trio)
    watched: list[_Spinning] = []

    def watch() -> None:
        if not watched:
            watched.append(spinning)
            trio.lowlevel.add_instrument(spinning)

    with token.calling(watch):
        try:
            yield
        finally:
            if watched:
                trio.lowlevel.remove_instrument(spinning)
            watched.append(spinning)  # whoever calls later


class _Spinning:
    """A Trio instrument that lets time go by where it stands still for tasks that are never done.

    It does so on clocks that jump; others go by themselves.
    """

    def __init__(self, trio: Any) -> None:
        self._statistics = trio.lowlevel.current_statistics
        self._clock = trio.lowlevel.current_clock()
        self._moment = -math.inf
        self._turns = 0
        self._patience = TURNS

    def before_io_wait(self, timeout: float) -> None:
        """Count the turns at one moment; the instrument's own name for it."""
        del timeout
        now = self._clock.current_time()
        if now != self._moment:
            self._moment, self._turns, self._patience = now, 0, TURNS
        self._turns += 1
        if self._turns < self._patience:
            return
        left = self._statistics().seconds_to_next_deadline
        if 0.0 < left < math.inf and hasattr(self._clock, "jump"):
            self._clock.jump(left)
        self._moment, self._turns = self._clock.current_time(), 0
        self._patience = AGAIN
