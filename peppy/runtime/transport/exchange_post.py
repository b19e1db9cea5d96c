"""Ways to the inboxes of other exchanges, and when a loop comes round."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from peppy.runtime.transport.loops import on_trio
from peppy.runtime.transport.port import Closed, Delivery, Publisher, Transport

INBOX: Final = "peppy/exchange/inbox"

MOST_INBOXES: Final = 256
"""Inboxes to which a way is kept open."""


def inbox_of(identity: str) -> str:
    """Return the key on which the exchange of a transport hears what is for it alone."""
    return f"{INBOX}/{identity}"


class Post:
    """What the two halves of an exchange share: ways to others, and a count of strange messages."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.foreign = 0
        self._ways: dict[str, Publisher] = {}
        self._closed = False

    def to(self, identity: str) -> Publisher:
        """Return the way to somebody's inbox; raises `Closed`."""
        way = self._ways.pop(identity, None)
        if way is None:
            if self._closed:
                raise Closed("the exchange")
            way = self.transport.publisher(inbox_of(identity), Delivery.RELIABLE)
            if len(self._ways) >= MOST_INBOXES:
                self._ways.pop(next(iter(self._ways))).close()
        self._ways[identity] = way
        return way

    def forget(self, identity: str) -> None:
        """Give back the way to somebody who has gone."""
        way = self._ways.pop(identity, None)
        if way is not None:
            way.close()

    def close(self) -> None:
        """Give all ways back."""
        self._closed = True
        for way in self._ways.values():
            way.close()
        self._ways.clear()


def call_later(seconds: float, function: Callable[[], object]) -> None:
    """Have the running loop call `function` after so many seconds; it must not raise."""
    if on_trio():
        trio: Any = sys.modules["trio"]

        async def wait() -> None:
            await trio.sleep(seconds)
            function()

        with suppress(RuntimeError):  # the run is at its very end: there is no later
            trio.lowlevel.spawn_system_task(wait)
    else:
        asyncio.get_running_loop().call_later(seconds, function)


def call_in_next_turn(function: Callable[[], object]) -> None:
    """Have the running loop call `function` when the present task has let go; it must not raise."""
    if on_trio():
        trio: Any = sys.modules["trio"]
        trio.lowlevel.current_trio_token().run_sync_soon(function)
    else:
        asyncio.get_running_loop().call_soon(function)
