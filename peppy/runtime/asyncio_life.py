"""A node's own code on asyncio: its `setup`, and the tasks that it leaves behind."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeGuard, cast

import anyio

from peppy.runtime.hooks import OnFailure
from peppy.runtime.leaving import Departure
from peppy.runtime.output import complain, complain_of
from peppy.runtime.outstaying import complain_of_outstaying
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
        self,
        token: CancellationToken,
        interruption: CancellationToken,
        *,
        owns_loop: bool,
        left_behind: Callable[[], Iterable[Future]] = tuple,
        on_failure: OnFailure | None = None,
    ) -> None:
        """Keep the tokens; with `owns_loop`, every later task of the loop is the node's.

        On a loop that is not its own, `left_behind` says which are. `on_failure` is told what is
        printed of a task that fails, or that outstays its cancellation.
        """
        self._token = token
        self._interruption = interruption
        self._owns_loop = owns_loop
        self._left_behind = left_behind
        self._on_failure = on_failure
        self._before = asyncio.all_tasks()
        self._tasks: dict[Future, None] = {}
        """In the order in which they came, so that they end in the same order each time."""
        self._named: dict[Future, str] = {}
        """What tasks of the runtime's own making do for the node."""

    async def run(
        self, setup: Callable[[], object], ready: Callable[[], None], departure: Departure
    ) -> None:
        """Call `setup`, then `ready`; once the token is cancelled take the steps of `departure`.

        The exception of `setup` comes out, after the hooks have run and the tasks are gone.
        """
        try:
            returned = await self._set_up(setup, departure)
            self._watch(returned)
            if not self._token.is_cancelled():
                ready()
            await self._token.cancelled()
        finally:
            self._token.cancel()
            with anyio.CancelScope(shield=True):
                await departure.run_hooks(lambda work, name: self._start(work(), name))
                departure.ending_tasks()
                await self._tear_down()

    async def _set_up(self, setup: Callable[[], object], departure: Departure) -> object:
        """Return what `setup` does, or None if it was broken off."""
        if self._interruption.is_cancelled():
            return None
        task = self._start(outcome(setup()), "setup")
        interrupted = asyncio.get_running_loop().create_future()
        with self._interruption.calling(lambda: _settle(interrupted)):
            await asyncio.wait({task, interrupted}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            budget = departure.cancelling_setup()
            task.cancel()
            await asyncio.wait({task}, timeout=budget)
            if not task.done():
                complain_of_outstaying("setup", budget, self._on_failure)
                task.add_done_callback(self._ended)
                return None
        self._tasks.pop(task, None)
        if task.cancelled():
            if self._interruption.is_cancelled():
                return None
            raise RuntimeError("setup was cancelled, and not by the runtime")
        return task.result()

    def _start(self, work: Coroutine[Any, Any, object], name: str) -> Future:
        task = asyncio.ensure_future(work)
        self._tasks[task] = None
        self._named[task] = name
        return task

    def _watch(self, returned: object) -> None:
        for future in _futures_in(returned):
            self._tasks[future] = None
            future.add_done_callback(self._ended)

    def _ended(self, future: Future) -> None:
        error = None if future.cancelled() else future.exception()
        if isinstance(error, Exception):
            complain_of(f"error: {self._name(future)} failed; the node shuts down", error)
            if self._on_failure is not None:
                self._on_failure(error)
            self._token.cancel()

    async def _tear_down(self) -> None:
        tasks = {task: None for task in self._tasks if not task.done()}
        tasks |= {task: None for task in self._left_behind() if not task.done()}
        if self._owns_loop:
            me = asyncio.current_task()
            others = [task for task in asyncio.all_tasks() - self._before if task is not me]
            others.sort(key=_by_name)
            tasks.update(dict.fromkeys(others))
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        _, stuck = await asyncio.wait(tasks, timeout=TASK_TEARDOWN)
        if stuck:
            names = ", ".join(sorted(self._name(task) for task in stuck))
            complain_of_outstaying(names, TASK_TEARDOWN, self._on_failure, stuck)

    def _name(self, future: Future) -> str:
        if name := self._named.get(future):
            return name
        if isinstance(future, asyncio.Task):
            code = getattr(future.get_coro(), "__qualname__", future.get_name())
            return f"task '{code}'"
        return "a future"


def _by_name(task: asyncio.Task[Any]) -> tuple[int, str]:
    name = task.get_name()  # 'Task-9' comes before 'Task-10'
    return len(name), name


def _settle(future: Future) -> None:
    if not future.done():
        future.set_result(None)


def _futures_in(returned: object) -> Iterable[Future]:
    if _is_future(returned):
        return (returned,)
    if isinstance(returned, list | tuple | set | frozenset):
        return [item for item in cast("Iterable[object]", returned) if _is_future(item)]
    return ()


def _is_future(item: object) -> TypeGuard[Future]:
    return isinstance(item, asyncio.Future)


def run_on_asyncio(main: Callable[[], Any], patience: float = TASK_TEARDOWN) -> None:
    """Run the coroutine function `main` on a loop of its own, on this thread.

    Unlike `asyncio.run`, it does not wait without end for tasks that refuse to be cancelled; `main`
    itself has `patience` seconds to unwind. If it was cancelled, by a task that cancels all there
    are, that is an end like any other.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    task = loop.create_task(main())
    try:
        loop.run_until_complete(task)
    except asyncio.CancelledError:
        if not task.cancelled():
            raise
    finally:
        try:
            if not task.done():
                _unwind(loop, task, patience)
            closing = asyncio.wait_for(loop.shutdown_asyncgens(), TASK_TEARDOWN)
            loop.run_until_complete(_quietly(closing))
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def _unwind(loop: asyncio.AbstractEventLoop, main: Future, patience: float) -> None:
    """Let `main` end under which `sys.exit`, in a callback or a task, has stopped the loop."""
    unwinding = True

    def stop(_: object = None) -> None:
        if unwinding:
            loop.stop()

    main.cancel()
    main.add_done_callback(stop)
    loop.call_later(patience, stop)
    with contextlib.suppress(SystemExit):  # the first one is on its way out
        loop.run_forever()
    unwinding = False
    if main.done() and not main.cancelled():
        main.exception()  # seen: whoever left the program has ended the node


async def _quietly(closing: Any) -> None:
    try:
        await closing
    except TimeoutError:
        complain("warning: the node ends without an async generator that does not close")
