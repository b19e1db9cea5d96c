"""Asking an instance again and again whether it is well."""

from collections.abc import Callable
from typing import Final

import trio

from peppy.actors.rules.health import Answered, Event, Missed
from peppy.actors.stack.site import Site
from peppy.runtime.transport.exchange_errors import Unanswered
from peppy.runtime.transport.port import Closed, TransportError
from peppy.schema import keys
from peppy.schema.durations import HEALTH_BUDGET, HEALTH_INTERVAL
from peppy.schema.keys import Address

OWN_DELAY: Final = 1.0
"""Seconds beyond the budget; an answer that is late by more was held up here, not there."""


UNHEARD: Final = 15.0
"""Seconds for a node to find its way to a new daemon; zenoh tries every 4 s."""


async def probe(site: Site, address: Address, tell: Callable[[Event], None]) -> None:
    """Ask every `HEALTH_INTERVAL` until cancelled, at once for the first time; tell each outcome.

    A question whose time ran out while this process stood still (a daemon that was suspended)
    says nothing about the instance: it is asked again. Nor does one that could reach nobody, while
    a node that is adopted still looks for its new daemon. Returns when the exchange is closed.
    """
    begun = trio.current_time()
    key = keys.instance_service(address, keys.HEALTH_SERVICE)
    while True:
        asked = trio.current_time()
        try:
            await site.exchange.ask(key, b"", timeout=HEALTH_BUDGET)
        except Closed:
            return
        except TransportError as error:
            now = trio.current_time()
            if now - asked > HEALTH_BUDGET + OWN_DELAY:
                continue
            if not _reached_nobody(error) or now - begun > UNHEARD:
                tell(Missed())
        else:
            tell(Answered())
        await trio.sleep_until(asked + HEALTH_INTERVAL)


def _reached_nobody(error: TransportError) -> bool:
    return isinstance(error, Unanswered) and error.queued and not error.acknowledged
