"""Jobs that one asyncio loop has on threads, and how the loop waits for them in real time."""

import threading
import time
from collections.abc import Callable
from typing import Any, Final

PATIENCE: Final = 2.0
"""Real seconds for which a job is waited for: one that waits for another node, or for a device,
must not hold everything up for ever."""

_present = threading.local()
"""The job of the present thread, if it has one."""


class Job:
    """One call on a thread."""

    def __init__(self) -> None:
        self.deadline: float | None = None
        """In real time; None until it was waited for."""
        self.asleep = False

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call it, on the job's thread."""
        _present.job = self
        try:
            return function(*args)
        finally:
            _present.job = None


class ThreadJobs:
    """Those of one loop that are under way."""

    def __init__(self, hear: Callable[[], None]) -> None:
        """`hear` is called on a job's thread when the loop has to look what there is for it."""
        self._hear = hear
        self.under_way: dict[Job, None] = {}
        self._knocked = threading.Event()
        self._lock = threading.Lock()
        self._waiting = False
        self._sleeping: dict[threading.Event, None] = {}
        self._abandoned = False

    def begin(self) -> Job:
        """Return a new job."""
        job = Job()
        self.under_way[job] = None
        return job

    def end(self, job: Job) -> None:
        """Forget a job whose future is done."""
        self.under_way.pop(job, None)

    def knock(self) -> None:
        """Have the loop look, from any thread."""
        with self._lock:
            self._knocked.set()
            if self._waiting:
                return  # it looks in any case, and Trio does not have to know
        self._hear()

    def await_one(self) -> bool:
        """Wait until a thread has something for the loop; say whether it has."""
        if not self.under_way:
            return False
        busy = [job for job in self.under_way if not job.asleep]
        if not busy:
            return False
        now = time.monotonic()
        for job in busy:
            if job.deadline is None:
                job.deadline = now + PATIENCE
        left = max(job.deadline or now for job in busy) - now
        with self._lock:
            self._waiting = True
        came = self._knocked.wait(max(0.0, left))
        with self._lock:
            self._waiting = False
            self._knocked.clear()
        if not came:
            for job in busy:
                self.under_way.pop(job, None)
        return came

    def sleep(
        self,
        hand_over: Callable[[Callable[[], None]], object],
        call_later: Callable[[Callable[[], None]], object],
    ) -> bool:
        """Let a job's thread wait; say whether this is one. The loop goes on meanwhile.

        `hand_over` has a function called on the loop, `call_later` does so when the wait is over.
        """
        job: Job | None = getattr(_present, "job", None)
        if job is None:
            return False
        over = threading.Event()

        def begin() -> None:
            job.asleep = True
            call_later(end)

        def end() -> None:
            job.asleep, job.deadline = False, None
            over.set()

        self._sleeping[over] = None
        hand_over(begin)
        if not self._abandoned:
            over.wait()
        del self._sleeping[over]
        if self._abandoned:
            raise SystemExit
        return True

    def abandon(self) -> None:
        """Let threads that sleep end; there is no way to end the others."""
        self._abandoned = True
        for over in tuple(self._sleeping):
            over.set()
