"""Following what an instance tells of its end, for those who wait for it."""

from collections.abc import Callable
from typing import Final

import msgspec
import trio
from msgspec.structs import replace

from peppy.actors.rules.notices import one_line
from peppy.actors.stack.site import Site
from peppy.runtime.transport.port import Backlog, Closed, Sample
from peppy.schema import keys
from peppy.schema.doing import sentence
from peppy.schema.keys import Address
from peppy.schema.leaving import Leaving

RENEWED: Final = 0.5
"""Seconds after which a sentence is given with the time that has passed meanwhile."""

WAITING: Final = 128
"""Steps that may wait; a node that sends more at once loses the oldest."""

MOST_STEPS: Final = 1000
"""Steps of one process that are followed: a node that floods is not worth more."""

LONGEST_NAME: Final = 80
"""Characters of a hook's name that are shown."""

_read: Final = msgspec.msgpack.Decoder(Leaving).decode


async def follow_leaving(site: Site, address: Address, show: Callable[[str], None]) -> None:
    """Listen until cancelled; call `show` with what the instance does, whenever that changes.

    For one process: it is to begin before the process is asked to end, and to be cancelled once it
    has ended. What cannot be read is ignored. Returns when the transport is closed.
    """
    arriving = site.transport.subscribe(keys.leaving(address), capacity=WAITING)
    try:
        step = await _next_step(arriving)
        for _ in range(MOST_STEPS):
            step = await _show_until_next(arriving, step, show)
    except Closed:
        return
    finally:
        arriving.close()


async def _show_until_next(
    arriving: Backlog[Sample], step: Leaving, show: Callable[[str], None]
) -> Leaving:
    begun = trio.current_time()
    shown = None
    while True:
        text = sentence(step, trio.current_time() - begun)
        if text != shown:
            show(text)
            shown = text
        with trio.move_on_after(RENEWED):
            return await _next_step(arriving)


async def _next_step(arriving: Backlog[Sample]) -> Leaving:
    while True:
        sample = await arriving.receive()
        try:
            step = _read(sample.payload)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            continue
        return replace(step, name=one_line(step.name)[:LONGEST_NAME])
