"""What one instance writes down, one entry after the other."""

from typing import Final

import msgspec
import trio

from peppy.actors.host.daemon_log import complain
from peppy.actors.host.ports import HostError
from peppy.actors.stack.ledger import InstanceRecord, Ledger, instance_key
from peppy.actors.stack.plan import Plan
from peppy.schema.events import Event, EventKind

_ENTRIES: Final = float("inf")
"""An instance writes a few entries in a second at the most: as many may wait as like."""


class _Entry(msgspec.Struct):
    record: InstanceRecord | None
    events: tuple[Event, ...]
    written: trio.Event | None = None
    error: HostError | None = None


class Diary:
    """An instance's record and its events; `run` writes, in the order of the calls."""

    def __init__(self, ledger: Ledger, plan: Plan) -> None:
        self._ledger = ledger
        self._node = plan.node
        self._instance_id = plan.address.instance_id
        self._into, self._out = trio.open_memory_channel[_Entry](_ENTRIES)

    def note(self, record: InstanceRecord, kind: EventKind | None = None, text: str = "") -> None:
        """Have the record as it is now written down, with an event; nobody waits for it."""
        self._into.send_nowait(_Entry(record, self._events(kind, text)))

    async def write(
        self, record: InstanceRecord | None, kind: EventKind | None = None, text: str = ""
    ) -> None:
        """Return once it is written down, and all before it; None removes the record.

        Raises `HostError`: then it is not written.
        """
        entry = _Entry(record, self._events(kind, text), trio.Event())
        self._into.send_nowait(entry)
        if entry.written is not None:
            await entry.written.wait()
        if entry.error is not None:
            raise entry.error

    async def end(self, kind: EventKind, text: str) -> None:
        """Return once the record is removed; where that cannot be done, the daemon's log says so.

        What it stands for is gone all the same, and a daemon that comes later finds nothing of it.
        """
        try:
            await self.write(None, kind, text)
        except HostError as error:
            complain(str(error))

    async def run(self) -> None:
        """Write until cancelled."""
        key = instance_key(self._instance_id)
        async for entry in self._out:
            if entry.written is None:
                await self._ledger.write_if_possible({key: entry.record}, *entry.events)
                continue
            try:
                # What is gone is gone, whatever can be written.
                gone = entry.record is None
                await self._ledger.write({key: entry.record}, *entry.events, owed=gone)
            except HostError as error:
                entry.error = error
            entry.written.set()

    def _events(self, kind: EventKind | None, text: str) -> tuple[Event, ...]:
        if kind is None:
            return ()
        happened = self._ledger.happened
        return (happened(kind, text, node=self._node, instance_id=self._instance_id),)
