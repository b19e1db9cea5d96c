"""A node's own code on asyncio: its `setup`, and the tasks that it leaves behind."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, TypeGuard, cast

import anyio

from peppy.runtime.output import complain, complain_of
from peppy.runtime.setup import outcome
from peppy.runtime.token import CancellationToken
from peppy.schema.durations import TASK_TEARDOWN

Future = asyncio.Future[Any]


class AsyncioLife:
    """One node between the call of its `setup` and the end of its last task.

    Tasks that `setup` returned are watched: the first that fails is printed and begins shutdown.
    Tasks that merely end leave the node running until its token is cancelled.
    """

    def __init__(
        self, token: CancellationToken, interruption: CancellationToken, *, owns_loop: bool
    ) -> None:
        """Keep the tokens; with `owns_loop`, every later task of the loop is the node's."""
        self._token = token
        self._interruption = interruption
        self._owns_loop = owns_loop
        self._before = asyncio.all_tasks()
        self._tasks: set[Future] = set()

    async def run(self, setup: Callable[[], object], ready: Callable[[], None]) -> None:
        """Call `setup`, then `ready`; return once the token is cancelled and the tasks are gone.

        The exception of `setup` comes out, after the tasks are gone.
        """
        try:
            returned = await self._set_up(setup)
            self._watch(returned)
            if not self._token.is_cancelled():
                ready()
            await self._token.cancelled()
            del returned
        finally:
            self._token.cancel()
            with anyio.CancelScope(shield=True):
                await self._tear_down()

    async def _set_up(self, setup: Callable[[], object]) -> object:
        if self._interruption.is_cancelled():
            return None
        task = asyncio.ensure_future(outcome(setup()))
        self._tasks.add(task)
        with self._interruption.calling(task.cancel):
            await asyncio.wait({task})
        self._tasks.discard(task)
        if task.cancelled() and self._interruption.is_cancelled():
            return None
        return task.result()

    def _watch(self, returned: object) -> None:
        for future in _futures_in(returned):
            self._tasks.add(future)
            future.add_done_callback(self._ended)

    def _ended(self, future: Future) -> None:
        error = None if future.cancelled() else future.exception()
        if isinstance(error, Exception):
            complain_of(f"error: {_name(future)} failed; the node shuts down", error)
            self._token.cancel()

    async def _tear_down(self) -> None:
        tasks = {task for task in self._tasks if not task.done()}
        if self._owns_loop:
            me = asyncio.current_task()
            tasks |= {task for task in asyncio.all_tasks() - self._before if task is not me}
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        _, stuck = await asyncio.wait(tasks, timeout=TASK_TEARDOWN)
        if stuck:
            names = ", ".join(sorted(_name(task) for task in stuck))
            complain(
                f"warning: the node ends without {names}, which did not end within"
                f" {TASK_TEARDOWN:g} s of being cancelled"
            )


def _futures_in(returned: object) -> Iterable[Future]:
    if _is_future(returned):
        return (returned,)
    if isinstance(returned, list | tuple | set | frozenset):
        return [item for item in cast("Iterable[object]", returned) if _is_future(item)]
    return ()


def _is_future(item: object) -> TypeGuard[Future]:
    return isinstance(item, asyncio.Future)


def _name(future: Future) -> str:
    if isinstance(future, asyncio.Task):
        code = getattr(future.get_coro(), "__qualname__", future.get_name())
        return f"task '{code}'"
    return "a future"


def run_on_asyncio(main: Callable[[], Any]) -> None:
    """Run the coroutine function `main` on a loop of its own, on this thread.

    Unlike `asyncio.run`, it does not wait without end for tasks that refuse to be cancelled.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    task = loop.create_task(main())
    try:
        loop.run_until_complete(task)
    finally:
        try:
            if not task.done():
                # `sys.exit` in a callback or a task has stopped the loop under `main`.
                task.cancel()
                loop.run_until_complete(asyncio.wait({task}, timeout=TASK_TEARDOWN))
            closing = asyncio.wait_for(loop.shutdown_asyncgens(), TASK_TEARDOWN)
            loop.run_until_complete(_quietly(closing))
        finally:
            asyncio.set_event_loop(None)
            loop.close()


async def _quietly(closing: Any) -> None:
    try:
        await closing
    except TimeoutError:
        complain("warning: the node ends without an async generator that does not close")
