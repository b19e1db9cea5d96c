"""SIGINT and SIGTERM: the first ends the node in order, the second at once. Source: seed 004.

Python calls its handlers between two of its own instructions. A hook that is deep in a driver's
library never comes to the next one, so a thread of ours hears of the second signal as well.
"""

import contextlib
import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Final, Self

from peppy.runtime.output import flush
from peppy.runtime.token import CancellationToken

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

ECHO: Final = 0.02
"""Seconds within which a second SIGTERM is the first one once more.

Sent to a process group it reaches a node directly, and again through a parent that hands it on, as
`uv run` does. Ctrl+C is not handed on: two are two, however quick.
"""

HANDLER: Final = 0.1
"""Seconds that the main thread has for its own handler, which also hands out what was printed."""


class Signals:
    """Inside the block, the two signals cancel the given tokens; afterwards all is as before.

    Python hands signals to the main thread only: in another one the block does nothing.
    """

    def __init__(self, *tokens: CancellationToken) -> None:
        self._tokens = tokens
        self._first: float | None = None
        self._previous: dict[signal.Signals, Any] = {}
        self._second: _SecondSignal | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._second = _SecondSignal()
            os.register_at_fork(after_in_child=self._let_go)
            for number in SIGNALS:
                self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()
        if self._second is not None:
            self._second.close()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            # None stands for a handler that was not installed from Python.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._previous.clear()

    def _let_go(self) -> None:
        """Be a process like any other, in a fork of the node: `multiprocessing` ends it by SIGTERM.

        What such a process hears must not reach the node either.
        """
        if self._previous:
            signal.set_wakeup_fd(-1)
            self._restore()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
            if self._second is not None:
                self._second.expect(now)
        elif _counts(number, now - self._first):
            flush()
            os._exit(128 + number)
        for token in self._tokens:
            token.cancel()


def _counts(number: int, later: float) -> bool:
    """Say whether a signal `later` seconds after the first one is a second one."""
    return number != signal.SIGTERM or later > ECHO


class _SecondSignal:
    """A thread that ends the process when the main thread does not come to it.

    It gets the numbers of signals from the interpreter itself, by way of `signal.set_wakeup_fd`,
    and hands them on to whoever did so before, which is Trio where that runs.
    """

    def __init__(self) -> None:
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        self._first = 0.0
        self._before = -1
        self._expected = False
        threading.Thread(target=self._watch, name="peppy-signals", daemon=True).start()

    def expect(self, first: float) -> None:
        """Be told of signals from now on; from a signal handler."""
        self._first = first
        self._expected = True
        self._before = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)

    def close(self) -> None:
        """End the thread; on the main thread."""
        if self._expected:
            present = signal.set_wakeup_fd(-1)
            if present != self._write_end:  # whoever came before has taken it back
                signal.set_wakeup_fd(present)
        os.close(self._write_end)

    def _watch(self) -> None:
        while numbers := os.read(self._read_end, 64):
            now = time.monotonic()
            if self._before >= 0:
                with contextlib.suppress(OSError):
                    os.write(self._before, numbers)
            for number in numbers:
                if number in SIGNALS and _counts(number, now - self._first):
                    time.sleep(HANDLER)
                    os._exit(128 + number)
        os.close(self._read_end)
