"""A journal in memory; it outlives the daemons of one test, as a disk does."""

from collections.abc import Mapping, Sequence

import trio
from msgspec.structs import replace

from peppy.actors.host.ports import HostError
from peppy.schema.events import Event


class MemoryJournal:
    """Records and events; `records` and `log` are all there is."""

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}
        self.log: list[Event] = []
        self.full = False
        """Whether nothing more can be written, as on a full disk."""

    async def load(self) -> dict[str, bytes]:
        """Return every record, by its key."""
        await trio.lowlevel.checkpoint()
        return dict(self.records)

    async def commit(
        self, records: Mapping[str, bytes | None], events: Sequence[Event] = ()
    ) -> tuple[Event, ...]:
        """Write records and append events; return the events with their numbers."""
        await trio.lowlevel.checkpoint()
        if self.full:
            raise HostError("cannot write the journal: no space left on device")
        for key, record in records.items():
            if record is None:
                self.records.pop(key, None)
            else:
                self.records[key] = record
        first = len(self.log) + 1
        numbered = tuple(replace(event, number=n) for n, event in enumerate(events, first))
        self.log += numbered
        return numbered

    async def events(
        self, *, after: int = 0, since: float | None = None, limit: int | None = None
    ) -> tuple[Event, ...]:
        """Return the events that are newer, oldest first."""
        await trio.lowlevel.checkpoint()
        found = [e for e in self.log if e.number > after and (since is None or e.at >= since)]
        return tuple(found if limit is None else found[max(0, len(found) - limit) :])

    async def close(self) -> None:
        """Do nothing: it outlives its daemon."""
        await trio.lowlevel.cancel_shielded_checkpoint()
