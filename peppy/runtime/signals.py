"""SIGINT and SIGTERM: the first ends the node in order, the second at once. Source: seed 004."""

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


class Signals:
    """Inside the block, the two signals cancel the given tokens; afterwards all is as before.

    Python hands signals to the main thread only: in another one the block does nothing.
    """

    def __init__(self, *tokens: CancellationToken) -> None:
        self._tokens = tokens
        self._first: float | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            # None stands for a handler that was not installed from Python.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
        elif number != signal.SIGTERM or now - self._first > ECHO:
            flush()
            os._exit(128 + number)
        for token in self._tokens:
            token.cancel()
