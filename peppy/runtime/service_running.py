"""An async handler at work: its caller learns that it takes a while, and may go away meanwhile.

Handlers that answer without waiting must cost next to nothing, so this is native to each loop.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from peppy.runtime.transport.exchange import IncomingRequest
from peppy.runtime.transport.waiting import on_trio


async def unless_gone(incoming: IncomingRequest, answer: Awaitable[object]) -> object:
    """Return what comes of `answer`; cancel it, and return None, once nobody waits for it.

    The caller is told that its request was taken when `answer` first waits for something.
    """
    noticed = _Noticed(answer, incoming.acknowledge)
    if on_trio():
        trio: Any = sys.modules["trio"]
        with trio.CancelScope() as scope:
            incoming.when_gone(scope.cancel)
            return await noticed
        return None
    return await _on_asyncio(incoming, noticed)


async def _on_asyncio(incoming: IncomingRequest, answer: "_Noticed") -> object:
    task = asyncio.current_task()
    if task is None:
        return await answer
    leaving = _Leaving(task)
    incoming.when_gone(leaving)
    try:
        return await answer
    except asyncio.CancelledError:
        if leaving.was_only_reason():
            return None
        raise
    finally:
        leaving.end()


class _Leaving:
    """Cancels a task once, and takes that back when it has had its effect."""

    __slots__ = ("_before", "_pending", "_task")

    def __init__(self, task: "asyncio.Task[Any]") -> None:
        self._task: asyncio.Task[Any] | None = task
        self._before = task.cancelling()
        self._pending = False

    def __call__(self) -> None:
        if self._task is not None:
            self._pending = True
            self._task.cancel()

    def was_only_reason(self) -> bool:
        if not self._pending or self._task is None:
            return False
        self._pending = False
        return self._task.uncancel() <= self._before

    def end(self) -> None:
        if self._pending and self._task is not None:  # the handler went on all the same
            self._task.uncancel()
        self._task = None


class _Noticed:
    """An awaitable that tells when it waits for the first time."""

    __slots__ = ("_answer", "_on_wait")

    def __init__(self, answer: Awaitable[object], on_wait: Callable[[], object]) -> None:
        self._answer = answer
        self._on_wait = on_wait

    def __await__(self) -> Generator[Any, Any, object]:
        steps = self._answer.__await__()
        try:
            awaited = next(steps)
        except StopIteration as end:
            return end.value
        self._on_wait()
        return (yield from _resumed(steps, awaited))


def _resumed(steps: Generator[Any, Any, object], awaited: Any) -> Generator[Any, Any, object]:
    """Go on as `yield from` does, which cannot begin in the middle."""
    while True:
        try:
            sent = yield awaited
        except GeneratorExit:
            steps.close()
            raise
        except BaseException as error:
            thrown: BaseException | None = error
            sent = None
        else:
            thrown = None
        try:
            awaited = steps.send(sent) if thrown is None else steps.throw(thrown)
        except StopIteration as end:
            return end.value
