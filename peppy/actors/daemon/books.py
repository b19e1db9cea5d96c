"""Where a daemon writes everything down, and for how long."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec
import trio

from peppy.actors.host.home import Home
from peppy.actors.host.ports import Host
from peppy.actors.stack.event_log import EventLog
from peppy.actors.stack.ledger import Ledger


class Books(msgspec.Struct, frozen=True):
    """Where everything is written down."""

    events: EventLog
    ledger: Ledger


@asynccontextmanager
async def keep_books(home: Home, host: Host) -> AsyncGenerator[Books, None]:
    """Give what writes promises and events down; the stack's log follows the events."""
    events = EventLog(host.journal, host.clock, host.files, home.stack_log)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(events.keep_log)
        yield Books(events, Ledger(host.journal, host.clock, events.pass_on))
        nursery.cancel_scope.cancel()
    await host.journal.close()
