"""An asyncio loop that a Trio task drives: many of them in one thread, all on Trio's clock.

The loop is asyncio's own, with its tasks, its exception handler and its asynchronous generators.
What is different: it never waits. Where asyncio would, its run ends, until a call from outside, the
next timer or a descriptor has the `loop_scheduler` run it again. To begin and to end a run of
asyncio's own takes longer than what most nodes do in one, so that this loop runs by itself what is
`_ready`. The Trio task that drives it only waits for its end.

Jobs on threads (`asyncio.to_thread`) are waited for in real time, so that virtual time stands still
for them and runs are the same each time; one that takes longer than `PATIENCE` is not waited for
any more.
"""

import asyncio
import heapq
import selectors
import sys
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import Executor
from contextlib import suppress
from contextvars import Context, copy_context
from functools import lru_cache, partial
from itertools import count
from typing import Any, Final, TypeVar, TypeVarTuple, cast

import trio

from peppy.schema.durations import TASK_TEARDOWN
from peppy.testing.jumping_clock import jumps
from peppy.testing.stack.alarms import Alarm
from peppy.testing.stack.asyncio_remains import keep_remains
from peppy.testing.stack.loop_scheduler import scheduler_here
from peppy.testing.stack.ordered_tasks import OrderedTask
from peppy.testing.stack.thread_jobs import ThreadJobs

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_events: Any = asyncio.events
_set_running_loop: Final[Callable[[Any], None]] = _events._set_running_loop

TURNS: Final = 32
"""Turns of one loop in a row before other nodes get theirs."""

LASTING: Final = 256
"""Functions whose handles are kept for the next call."""


class _Selector(selectors.DefaultSelector):
    """Knows whether there is anything to look at."""

    foreign = False
    """Whether there is more than the pipe by which asyncio wakes itself, unused here."""

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Look at one more."""
        key = super().register(fileobj, events, data)
        self.foreign = len(self.get_map()) > 1
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Look at one less."""
        key = super().unregister(fileobj)
        self.foreign = len(self.get_map()) > 1
        return key


class DrivenLoop(asyncio.SelectorEventLoop):
    """One node's loop; made and run inside of Trio, by `run_driven`."""

    # asyncio's own, which its other methods use as well.
    _ready: deque[asyncio.Handle]
    _thread_id: int | None
    _process_events: Callable[[list[Any]], None]
    _asyncgen_firstiter_hook: Callable[[AsyncGenerator[Any, Any]], None]
    _asyncgen_finalizer_hook: Callable[[AsyncGenerator[Any, Any]], None]

    def __init__(self) -> None:
        self._selecting = _Selector()
        super().__init__(self._selecting)
        clock = trio.lowlevel.current_clock()
        self._now = clock.current_time
        self._jumps = jumps(clock)
        """Whether time stands still during a turn."""
        self._present: float | None = None
        """The time of a turn, where it stands still."""
        self._trio = trio.lowlevel.current_trio_token()
        self._thread = threading.get_ident()
        self._alarm: Alarm | None = None
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = count()
        self._scheduler = scheduler_here()
        self.number = self._scheduler.number()
        self.afterwards = self._scheduler.afterwards
        """Has a function called, by Trio, once this loop has done what it is doing; it must not
        raise."""
        self._driver: trio.lowlevel.Task | None = None
        self._until: asyncio.Future[Any] | None = None
        self._failure: BaseException | None = None
        self._awake = self._frozen = self._abandoned = False
        self._jobs = ThreadJobs(self._hear_foreign)
        self._foreign: deque[Callable[[], object]] = deque()
        self._watch: trio.CancelScope | None = None
        self._thawed = trio.Event()
        self._thawed.set()

    def time(self) -> float:
        """Return Trio's time."""
        return self._now() if self._present is None else self._present

    # What asyncio asks of a loop, by those who run on it and by others.

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Have `callback` called in the loop's next turn; never, once the loop is abandoned."""
        handle = asyncio.Handle(callback, args, self, context)
        if not self._abandoned:
            self._ready.append(handle)
            if not self._awake:
                self._wake()
        return handle

    def calling_in(self, context: Context) -> Callable[[Callable[[], object]], None]:
        """Return what has a function called in the loop's next turn, in this context.

        It is for functions that are called again and again: a handle is made once for each.
        """

        @lru_cache(maxsize=LASTING)
        def handle_of(function: Callable[[], object]) -> asyncio.Handle:
            return asyncio.Handle(function, (), self, context)

        def call(function: Callable[[], object]) -> None:
            if not self._abandoned:
                self._ready.append(handle_of(function))
                if not self._awake:
                    self._wake()

        return call

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Likewise, from any thread."""
        if self._abandoned or threading.get_ident() == self._thread:
            return self.call_soon(callback, *args, context=context)
        context = context or copy_context()
        handle = asyncio.Handle(callback, args, self, context)

        def call() -> None:
            if not handle.cancelled():
                self.call_soon(callback, *args, context=context)

        self._foreign.append(call)
        self._jobs.knock()
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Have `callback` called when the clock says `when`."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        if not self._awake:
            self._wake()
        return timer

    def create_task(
        self, coro: Generator[Any, None, T] | Coroutine[Any, Any, T], **options: Any
    ) -> asyncio.Task[T]:
        """Return a new task; it is one of `OrderedTask`, unless the node makes its own."""
        if self.get_task_factory() is not None:
            return super().create_task(coro, **options)
        return OrderedTask(coro, next(self._numbers), loop=self, **options)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Have `func` called on a thread, in the present context: what it prints is the node's."""
        context = copy_context()
        job = self._jobs.begin()
        future = super().run_in_executor(executor, partial(job.run, context.run, func, *args))
        future.add_done_callback(lambda _: self._jobs.end(job))
        return future

    def add_signal_handler(self, sig: int, callback: Callable[[*Ts], object], *args: *Ts) -> None:
        """Refuse: signals are the process's, and it is not the node's."""
        raise NotImplementedError("signals are not a node's own where nodes share a process")

    def sleep_in_job(self, seconds: float) -> bool:
        """Let so much virtual time pass for a thread; say whether the thread is a job's of ours."""
        return self._jobs.sleep(
            self.call_soon_threadsafe, lambda end: self.call_later(seconds, end)
        )

    # What Trio does with it.

    async def drive(self, until: asyncio.Future[Any]) -> None:
        """Run until the future is done. `SystemExit` in a callback or a task comes out."""
        if until.done():
            return
        self._driver, self._until = trio.lowlevel.current_task(), until
        self._wake()
        await trio.lowlevel.wait_task_rescheduled(self._let_go)
        # Killed at the moment at which it would have gone on, it does not, whichever came first.
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def _let_go(self, _: object) -> trio.lowlevel.Abort:
        self._driver = None
        return trio.lowlevel.Abort.SUCCEEDED

    def take_turns(self) -> None:
        """Do what is to be done now; the scheduler asks for it."""
        driver, until = self._driver, self._until
        if driver is None or until is None or self._frozen:
            self._awake = False
            return
        try:
            idle = self._run_turns()
        except BaseException as failure:  # whatever it is, it is the driver's
            self._failure = failure
            idle = True
        if self._failure is not None or until.done():
            self._awake = False
            if self._driver is not None:
                self._driver = None
                trio.lowlevel.reschedule(driver)
        elif not idle or (self._jobs.under_way and self._jobs.await_one()):
            self._scheduler.wake(self)
        else:
            self._awake = False
            self._set_alarm()

    def freeze(self) -> None:
        """Do not run, until `thaw`."""
        self._frozen = True
        self._thawed = trio.Event()

    def thaw(self) -> None:
        """Go on, with all that is due."""
        self._frozen = False
        self._thawed.set()
        self._wake()

    def abandon(self) -> None:
        """Run never again. What its tasks have still to do is left undone."""
        if self._abandoned:
            return
        self._abandoned = True
        self._timers.clear()
        if self._alarm is not None:
            self._alarm.cancel()
        self._foreign.clear()
        self._jobs.abandon()
        keep_remains(self)
        if self._watch is not None:
            self._watch.cancel()
        self.close()

    def _run_turns(self) -> bool:
        """Do what is to be done now; say whether that was all."""
        if self._foreign:
            self._take_foreign()
        ready, timers = self._ready, self._timers
        self._thread_id = self._thread
        sys.set_asyncgen_hooks(self._asyncgen_firstiter_hook, self._asyncgen_finalizer_hook)
        _set_running_loop(self)
        try:
            for _ in range(TURNS):
                now = self._now()
                if self._jumps:
                    self._present = now
                if self._selecting.foreign:
                    self._process_events(self._selecting.select(0))
                while timers and timers[0][0] <= now:
                    ready.append(heapq.heappop(timers)[2])
                for _ in range(len(ready)):
                    handle = ready.popleft()
                    if not handle._cancelled:
                        handle._run()
                if not ready and not (timers and timers[0][0] <= now):
                    return True
            return False
        finally:
            self._thread_id = self._present = None
            if self._selecting.foreign and self._watch is None:
                self._watch = trio.CancelScope()
                trio.lowlevel.spawn_system_task(self._watch_descriptors, self._watch)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Say what went wrong in a callback, as the node says things."""
        if self._driver is None:
            super().call_exception_handler(context)
        else:
            self._driver.context.run(super().call_exception_handler, context)

    def _wake(self) -> None:
        if self._driver is not None and not (self._awake or self._frozen):
            self._awake = True
            self._scheduler.wake(self)

    def _set_alarm(self) -> None:
        """Be woken for the next timer, having forgotten those that were cancelled."""
        timers, alarm = self._timers, self._alarm
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if alarm is not None:
            if timers and alarm.when == timers[0][0]:
                return
            alarm.cancel()
        self._alarm = Alarm(timers[0][0], self._hear_alarm) if timers else None

    def _hear_alarm(self) -> None:
        self._alarm = None
        self._wake()

    def _hear_foreign(self) -> None:
        """Be told, on another thread, that there are calls."""
        with suppress(trio.RunFinishedError):
            self._trio.run_sync_soon(self._take_foreign, idempotent=True)

    def _take_foreign(self) -> None:
        while self._foreign:
            self._foreign.popleft()()

    async def _watch_descriptors(self, scope: trio.CancelScope) -> None:
        """Wake the loop when one of its descriptors is ready."""
        with scope:
            while True:
                # What is ready stays so while the loop takes nothing.
                await self._thawed.wait()
                # Raises if the loop was abandoned, and its selector closed, in the meantime.
                await trio.lowlevel.checkpoint()
                await trio.lowlevel.wait_readable(cast("Any", self._selecting).fileno())
                self._wake()


async def run_driven(
    loop: DrivenLoop, main: Callable[[], Coroutine[Any, Any, object]], patience: float
) -> None:
    """Run the coroutine function `main` on `loop`, as `run_on_asyncio` does it, to its end.

    Cancelled, it abandons the loop at once, as a process that is killed does.
    """
    task = loop.create_task(main())
    try:
        await _run_to_its_end(loop, task, patience)
    finally:
        loop.abandon()
    if not task.cancelled():
        task.result()


async def _run_to_its_end(loop: DrivenLoop, task: asyncio.Task[object], patience: float) -> None:
    leaving: SystemExit | None = None
    try:
        await loop.drive(task)
    except SystemExit as left:
        leaving = left
        task.cancel()
        # Whatever leaves the program while it unwinds, the first one is on its way out.
        with suppress(SystemExit), trio.move_on_after(patience):
            await loop.drive(task)
        if task.done() and not task.cancelled():
            task.exception()  # seen
    closing = loop.create_task(_close_generators(loop))
    await loop.drive(closing)
    if leaving is not None:
        raise leaving


async def _close_generators(loop: DrivenLoop) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(loop.shutdown_asyncgens(), TASK_TEARDOWN)
