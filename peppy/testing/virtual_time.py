"""Both loops on a clock that jumps to the next moment at which something is due."""

import asyncio
import math
import selectors
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any, Final, TypeVar, TypeVarTuple

import anyio

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

HANGING: Final = 5.0
"""Real seconds for which a loop without any timer waits for a thread or a socket; then nothing is
expected to happen any more."""

RESOLUTION: Final = 1e-9
"""Seconds by which asyncio holds a timer to be due early; after some months they are too few to
change a float."""

JOB_PATIENCE: Final = 2.0
"""Real seconds for which time stands still for a job on a thread (`asyncio.to_thread`); one that
takes longer is no longer waited for."""

LOOKS: Final = 100
"""Turns of a loop between two looks whether it hangs."""


class Hanging(AssertionError):
    """What runs on virtual time does not come to its end."""


class TakesTooLong(Hanging):
    """There is always something to do, and it is not over when it has to be."""

    def __init__(self, longest: float, where: str = "") -> None:
        super().__init__(f"it is not over after {longest:g} s of virtual time{where}")


class NothingWillHappen(Hanging):
    """Every task waits, and there is no timer that could let one go on."""

    def __init__(self, where: str = "") -> None:
        super().__init__(
            "nothing will ever happen any more: every task waits for something, and no timer runs"
            + where
        )


class Patience:
    """When that which runs on virtual time is given up, and what is said then."""

    def __init__(self, longest: float = math.inf, where: Callable[[], str] = lambda: "") -> None:
        """Give up after `longest` virtual seconds; `where` adds to the sentence how it stands."""
        self._longest = longest
        self._where = where

    def at_its_end(self, now: float) -> TakesTooLong | None:
        """Return, once, that it takes too long, if it does."""
        if now <= self._longest:
            return None
        # What it has begun has to be cleaned up after that, however long it takes.
        longest, self._longest = self._longest, math.inf
        return TakesTooLong(longest, self._where())

    def with_nothing_to_come(self) -> NothingWillHappen:
        """Return that nothing will happen any more."""
        return NothingWillHappen(self._where())


class _JumpingSelector(selectors.DefaultSelector):
    """Does not wait: it has the time go by."""

    def __init__(self, patience: Patience) -> None:
        super().__init__()
        self.now = 0.0
        self.jobs: dict[asyncio.Future[Any], float] = {}
        """Those on threads, and in real time until when each is waited for."""
        self._patience = patience

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            found = super().select(HANGING)
            if not found:
                raise self._patience.with_nothing_to_come()
            return found
        found = super().select(0)
        if not found and timeout > 0 and self.jobs:
            found = super().select(self._for_jobs())
        if not found:
            if timeout > 0:
                self.now += timeout
                if self.now + RESOLUTION == self.now:  # else a timer would never be due
                    self.now = math.nextafter(self.now, math.inf)
            if hanging := self._patience.at_its_end(self.now):
                raise hanging
        return found

    def _for_jobs(self) -> float:
        """Return the real seconds to wait for jobs, having forgotten those that take too long."""
        now = time.monotonic()
        for job in [job for job, until in self.jobs.items() if until <= now]:
            del self.jobs[job]
        return max(self.jobs.values(), default=now) - now


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time, which begins at 0. It stands still for jobs on threads."""

    def __init__(self, patience: Patience | None = None) -> None:
        self._jumping = _JumpingSelector(patience or Patience())
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual seconds that have gone by."""
        return self._jumping.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Have `func` called on a thread."""
        job = super().run_in_executor(executor, func, *args)
        jobs = self._jumping.jobs
        jobs[job] = time.monotonic() + JOB_PATIENCE
        job.add_done_callback(lambda done: jobs.pop(done, None))
        return job


class Stillness:
    """A Trio instrument that calls `give_up` once nothing will ever happen on a jumping clock.

    Trio itself looks again and again then, as fast as it can. `give_up` is called as well once
    there is no more patience with what always has something to do.
    """

    def __init__(self, give_up: Callable[[Hanging], None], patience: Patience) -> None:
        self._give_up = give_up
        self._patience = patience
        self._turns = 0
        self._since: float | None = None

    def before_io_wait(self, timeout: float) -> None:
        """Look, every so often; the instrument's own name for it."""
        del timeout
        self._turns += 1
        if self._since is None and self._turns % LOOKS:
            return
        trio: Any = sys.modules["trio"]
        if hanging := self._patience.at_its_end(trio.current_time()):
            self._soon(hanging)
        state = trio.lowlevel.current_statistics()
        still = state.tasks_runnable == 0 and state.seconds_to_next_deadline == math.inf
        if not still or state.run_sync_soon_queue_size:
            self._since = None
        elif self._since is None:
            self._since = time.monotonic()
        elif time.monotonic() - self._since > HANGING:
            self._since = None
            self._soon(self._patience.with_nothing_to_come())
        else:
            time.sleep(0.001)

    def _soon(self, hanging: Hanging) -> None:
        trio: Any = sys.modules["trio"]
        trio.lowlevel.current_trio_token().run_sync_soon(self._give_up, hanging)


def run_virtually(
    backend: str, main: Callable[[], Awaitable[None]], patience: Patience | None = None
) -> None:
    """Run `main` on a loop of its own, `asyncio` or `trio`, on virtual time.

    Raises what `main` does, `NothingWillHappen` once all of its tasks wait for one another, and
    `TakesTooLong` once `patience` is at its end; without any given, it has no end.
    """
    if backend == "trio":
        _run_on_trio(main, patience or Patience())
    else:
        options = {"loop_factory": partial(VirtualLoop, patience)}
        anyio.run(main, backend=backend, backend_options=options)


def _run_on_trio(main: Callable[[], Awaitable[None]], patience: Patience) -> None:
    from trio import lowlevel

    from peppy.testing.jumping_clock import JumpingClock

    async def watched() -> None:
        why: list[Hanging] = []
        with anyio.CancelScope() as scope:

            def give_up(hanging: Hanging) -> None:
                why.append(hanging)
                scope.cancel()

            add_instrument: Any = lowlevel.add_instrument
            add_instrument(Stillness(give_up, patience))
            await main()
        if scope.cancelled_caught:
            raise why[0]

    options: dict[str, Any] = {"clock": JumpingClock()}
    anyio.run(watched, backend="trio", backend_options=options)
