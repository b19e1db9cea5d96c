"""Emits on one topic: floods, paced messages, single ones, some of them large."""

from typing import Final
from zlib import crc32

import anyio

from benchmarks.soaking.program import Program
from benchmarks.soaking.wares import Parcel
from peppy.runtime.topics import EmittedTopic

NOISE: Final = bytes(range(256)) * 12_000
"""What loads are cut from: 3.07 MB."""

SMALL: Final = 300
LARGE: Final = (100_000, 3_000_000)
"""Bytes."""


class Emitter:
    """One emitted topic of one run; its numbers count what was sent, and only that."""

    def __init__(self, program: Program, topic: EmittedTopic[Parcel]) -> None:
        self._program = program
        self._topic = topic
        self._number = 0

    async def run(self) -> None:
        program, chance = self._program, self._program.chance
        while not program.quiet.is_set():
            manner = chance.random()
            if manner < 0.15:
                await self._flood(int(chance.choice((50, 200, 600)) * program.intensity))
            elif manner < 0.25:
                for _ in range(chance.randint(1, 3)):
                    await self._emit(chance.randint(*LARGE))
            elif manner < 0.6:
                await self._paced(chance.randint(10, 60))
            else:
                await self._emit(self._small())
            await program.pause(0.6)

    async def last(self) -> None:
        """Send one message more, which shows whether all before it have come."""
        await self._emit(1)

    async def _flood(self, count: int) -> None:
        for _ in range(count):
            await self._emit(self._small())

    async def _paced(self, count: int) -> None:
        pace = self._program.chance.uniform(0.003, 0.05)
        for _ in range(count):
            await self._emit(self._small())
            await anyio.sleep(pace)

    def _small(self) -> int:
        chance = self._program.chance
        return chance.randint(0, SMALL if chance.random() < 0.97 else 30_000)

    async def _emit(self, size: int) -> None:
        """Emit one message; sometimes without patience. What was cancelled has no number."""
        program = self._program
        start = program.chance.randrange(len(NOISE) - size)
        load = NOISE[start : start + size]
        impatient = not program.quiet.is_set() and program.chance.random() < 0.05
        patience = program.chance.choice((0.0, 0.01, 0.2)) if impatient else float("inf")
        sent = False
        with anyio.move_on_after(patience):
            await self._topic.emit(program.runner, program.run, self._number, crc32(load), load)
            sent = True
        if sent:
            self._number += 1
            program.ledger.sent(self._topic.name, self._number)
