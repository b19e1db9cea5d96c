"""Hears one topic of all others in one way, and keeps its own count of what is missing."""

import time
from typing import Any, Final

import anyio

from benchmarks.soaking.program import Program
from benchmarks.soaking.tally import Tally, discrepancies
from benchmarks.soaking.voice import accuse, say
from benchmarks.soaking.wares import NEVER_LOSES, Parcel, consumed
from peppy.runtime.inlet import Messages
from peppy.schema.traffic import EndTraffic

SLOW_SPELL: Final = 0.002
"""The chance that a message begins a spell of slowness."""


class Ear:
    """One inlet. `name` is new whenever it subscribes anew."""

    def __init__(self, program: Program, profile: str, *, subscribes: bool) -> None:
        self.topic = consumed(profile)
        self.profile = profile
        self._program = program
        self._subscribes = subscribes
        self._messages: Messages[Parcel] | None = None
        self._openings = 0
        self._begin()
        self._slow_until = 0.0
        self._slowness = 0.0

    def _begin(self) -> None:
        self._openings += 1
        way = f"subscribe-{self._openings}" if self._subscribes else "next"
        self.name = f"{self.profile}/{way}"
        self.tallies: dict[str, Tally] = {}
        self._told: dict[str, int] = {}

    async def run(self) -> None:
        if not self._subscribes:
            await self._take_one_by_one()
        while True:
            async with self.topic.subscribe(self._program.runner) as messages:
                self._messages = messages
                try:
                    await self._iterate(messages)
                finally:
                    self.check()
                    for report in self.news():
                        say(**report, closed=True)
                    self._messages = None
                    self._begin()

    async def _take_one_by_one(self) -> None:
        """Take messages by `next_message`, often without patience."""
        runner, chance = self._program.runner, self._program.chance
        while True:
            taken: tuple[str, Parcel] | None = None
            if chance.random() < 0.3:
                with anyio.move_on_after(chance.choice((0.0, 0.001, 0.02))):
                    taken = await self.topic.next_message(runner)
                if taken is None:
                    await anyio.sleep(0.002)
                    continue
            else:
                taken = await self.topic.next_message(runner)
            self._heard(*taken)
            await self._dawdle()

    async def _iterate(self, messages: Messages[Parcel]) -> None:
        async for sender, parcel in messages:
            self._heard(sender, parcel)
            await self._dawdle()
            if not self._program.quiet.is_set() and self._program.chance.random() < 0.00005:
                return

    def _heard(self, sender: str, parcel: Parcel) -> None:
        if parcel.run != sender:
            accuse("a message of somebody else", end=self.name, sender=sender, run=parcel.run)
            return
        if not parcel.intact():
            accuse("a load that is not what was sent", end=self.name, sender=sender)
        tally = self.tallies.get(sender)
        if tally is None:
            tally = self.tallies[sender] = Tally(parcel.number)
        gap = tally.arrived(parcel.number, len(parcel.load))
        if gap < 0:
            why = "a message came twice or out of turn"
            accuse(why, end=self.name, sender=sender, number=parcel.number, late=-gap)
        elif gap and self.profile in NEVER_LOSES:
            say(gap=gap, end=self.name, sender=sender, number=parcel.number, at=time.time())

    async def _dawdle(self) -> None:
        program, now = self._program, time.monotonic()
        if program.quiet.is_set():
            return
        if program.slowness:
            await anyio.sleep(program.slowness)
        elif now < self._slow_until:
            await anyio.sleep(self._slowness)
        elif program.chance.random() < SLOW_SPELL:
            self._slow_until = now + program.chance.uniform(0.2, 3)
            self._slowness = program.chance.choice((0.001, 0.01, 0.05))

    def traffic(self) -> EndTraffic | None:
        """Return what the end itself says; None while it is not open."""
        if self._subscribes:
            return None if self._messages is None else self._messages.traffic()
        return self.topic.inlet(self._program.runner, None, None).traffic()

    def check(self, *, at_rest: bool = False) -> None:
        """Compare the program's numbers with the end's."""
        traffic = self.traffic()
        if traffic is None:
            return
        for found in discrepancies(self.tallies, traffic, at_rest=at_rest):
            accuse("counters and program differ", end=self.name, why=found)

    def news(self) -> list[dict[str, Any]]:
        """Return what has changed since this was last asked."""
        traffic = self.traffic()
        if traffic is None:
            return []
        bad = {peer.instance_id: peer.unreadable + peer.mismatched for peer in traffic.peers}
        rows: list[list[Any]] = []
        for run in self.tallies.keys() | bad.keys():
            tally = self.tallies.get(run) or Tally(0)
            state = tally.seen + bad.get(run, 0)
            if self._told.get(run) != state:
                self._told[run] = state
                numbers = (tally.seen, tally.bytes, tally.missing, bad.get(run, 0), tally.expected)
                rows.append([run, *numbers])
        end = {"dropped": traffic.dropped, "foreign": traffic.foreign, "waiting": traffic.waiting}
        return [{"end": self.name, "rows": rows, **end}]
