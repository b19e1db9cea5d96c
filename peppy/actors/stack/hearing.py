"""Hearing what an instance says unasked: its notices go to the event log and to its listing."""

from collections.abc import Callable
from typing import Final

import msgspec
import trio

from peppy.actors.rules import notices
from peppy.actors.stack.site import Site
from peppy.schema import keys
from peppy.schema.events import EventKind
from peppy.schema.keys import Address
from peppy.schema.notice import Notice

WAITING: Final = 128
"""Notices that may wait while the log is written; it takes more than are listened to."""

_read: Final = msgspec.msgpack.Decoder(Notice).decode


async def hear(site: Site, address: Address, show: Callable[[tuple[str, ...]], None]) -> None:
    """Listen until cancelled; call `show` with all that is to be shown after each change.

    What is no notice is ignored: whoever can send on this key is the instance itself, and its own
    counters tell of what it sends.
    """
    heard = notices.Heard()
    arriving = site.transport.subscribe(keys.notice(address), capacity=WAITING)
    try:
        async for sample in arriving:
            try:
                notice = _read(sample.payload)
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                continue
            heard, text = notices.hear(heard, notice.sentence, trio.current_time())
            if text is not None:
                show(heard.warnings)
                instance_id = address.instance_id
                await site.events.note(EventKind.WARNING, text, instance_id=instance_id)
    finally:
        arriving.close()
