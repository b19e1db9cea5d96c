"""The way from a shim to whoever is the daemon now. Only the standard library is imported here."""

import contextlib
import selectors
import socket
from collections import deque
from collections.abc import Callable
from typing import Final

QUEUED: Final = 1024 * 1024
"""Bytes that wait for the daemon; it loses the lines beyond, the log does not."""

ROOM: Final = 512 * 1024
"""Bytes on their way to a daemon; the system may allow less."""

REPLACED: Final = b"r"
"""The last packet of a connection whose place a newer one has taken."""

LONGEST_ORDER: Final = 16


class Link:
    """One connection at a time. `take` is given each order, and nothing when the daemon is gone."""

    def __init__(
        self,
        control: socket.socket,
        selector: selectors.BaseSelector,
        take: Callable[[bytes], None],
    ) -> None:
        self.there = True
        self._control = control
        self._selector = selector
        self._take = take
        self._outbox: deque[bytes] = deque()
        self._queued = 0
        selector.register(control, selectors.EVENT_READ, self._receive)

    def replace(self, control: socket.socket, greeting: bytes) -> None:
        """Be the way to another daemon; what waited for the one before is nothing to this one."""
        control.setblocking(False)
        control.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
        if self.there:
            answer(self._control, REPLACED)
            self._drop()
        self._control = control
        self.there = True
        self._selector.register(control, selectors.EVENT_READ, self._receive)
        answer(control, greeting)

    def say(self, packet: bytes) -> None:
        """Have the daemon told; without one, or without room, it is not."""
        if self.there and self._queued < QUEUED:
            self._outbox.append(packet)
            self._queued += len(packet)

    def flush(self) -> None:
        """Send the daemon what it has room for."""
        if not self.there:
            return
        while self._outbox:
            try:
                self._control.send(self._outbox[0])
            except BlockingIOError:
                break
            except OSError:  # too long, or nobody is there: the log has it
                pass
            self._queued -= len(self._outbox.popleft())
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outbox else 0)
        self._selector.modify(self._control, wanted, self._receive)

    def finish(self, last: bytes) -> None:
        """Send all that waits, and a last packet, however long the daemon takes to fetch it.

        A daemon may be busy for long, and without the last packet it would take a clean end for a
        killed one. One that is gone refuses.
        """
        if self.there:
            self._control.setblocking(True)
            for packet in (*self._outbox, last):
                answer(self._control, packet)

    def _receive(self) -> None:
        try:
            order = self._control.recv(LONGEST_ORDER)
        except BlockingIOError:
            return
        except OSError:
            order = b""
        if not order:
            self._drop()
        self._take(order)

    def _drop(self) -> None:
        self.there = False
        self._outbox.clear()
        self._queued = 0
        self._selector.unregister(self._control)
        self._control.close()


def answer(control: socket.socket, packet: bytes) -> None:
    """Send a packet; a daemon that is gone is noticed elsewhere."""
    with contextlib.suppress(OSError):
        control.send(packet)
