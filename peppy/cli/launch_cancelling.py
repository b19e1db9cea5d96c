"""Ctrl+C while a launch is under way: the first cancels it, the second leaves at once."""

import queue
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Final

from peppy.cli.terminal import Terminal
from peppy.runtime.control_client import ControlClient
from peppy.schema.errors import PeppyError
from peppy.schema.launch import CancelLaunch

ATTEMPTS: Final = 10
PAUSE: Final = 0.2
"""Seconds between two attempts: a launch that was asked for just now may not have begun."""

GOODBYE: Final = 1.0
"""Seconds for the answer to a cancel when the launch itself has ended."""


class Cancelling:
    """Takes SIGINT for its block, in the main thread.

    The request that waits holds the main thread, so the cancel goes out from another one, on a
    connection of its own.
    """

    def __init__(self, client: ControlClient, terminal: Terminal, token: str) -> None:
        """`token` is the launch's, so that none is cancelled but that one."""
        self._token = token
        self.wanted = False
        """Whether Ctrl+C was pressed."""
        self._client = client
        self._terminal = terminal
        # Putting into it is safe in a signal handler, whatever the thread is doing just then.
        self._orders: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._over = False
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._former = signal.getsignal(signal.SIGINT)

    def __repr__(self) -> str:
        return f"Cancelling(wanted={self.wanted})"

    def __enter__(self) -> "Cancelling":
        self._thread.start()
        if self._former is not signal.SIG_IGN:  # a shell that runs us aside wants no Ctrl+C for us
            signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._former)
        self._over = True
        self._orders.put(False)
        if kind is None or issubclass(kind, PeppyError):
            self._thread.join(GOODBYE)

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True
        self._orders.put(True)

    def _wait(self) -> None:
        """Cancel when that is wanted."""
        if not self._orders.get():
            return
        self._terminal.step("Cancelling the launch; Ctrl+C again leaves at once...")
        try:
            cancelled = self._cancel()
        except PeppyError as error:
            if not self._over:
                self._terminal.warn(f"the launch could not be cancelled: {error.sentence}")
            return
        if not cancelled and not self._over:
            self._terminal.warn("the daemon has no launch to cancel")

    def _cancel(self) -> bool:
        for _ in range(ATTEMPTS):
            if self._client.call(CancelLaunch(token=self._token)).cancelled:
                return True
            if self._over:
                break
            time.sleep(PAUSE)
        return False
