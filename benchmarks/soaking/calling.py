"""Services: one is served, and the others' are called, each call with its own end."""

from collections.abc import Awaitable
from typing import Final

import anyio

from benchmarks.soaking.program import Program
from benchmarks.soaking.ticker import LATE, Stopwatch
from benchmarks.soaking.voice import accuse
from benchmarks.soaking.wares import Asked, Ticket, consumed_service, exposed_service
from peppy.runtime.service_errors import ServiceError, ServiceTimeout, ServiceUnreachable
from peppy.runtime.transport.port import Closed

CALLERS: Final = 3
AT_A_TIME: Final = 4

OUTCOMES: Final = {
    ServiceUnreachable: "unreachable",
    ServiceTimeout: "timed out",
    ServiceError: "error",
}


class Deliberate(Exception):
    """What handlers raise now and then."""


class Serving:
    def __init__(self, program: Program) -> None:
        self._program = program

    async def run(self) -> None:
        await exposed_service().handle_requests(self._program.runner, self._answer, AT_A_TIME)

    def _answer(self, asked: Asked) -> Ticket | Awaitable[Ticket]:
        luck = self._program.chance.random()
        if luck < 0.05:
            raise Deliberate("no")
        if luck < 0.4:
            return asked.data
        return self._in_time(asked.data, 4.0 if luck > 0.98 else luck / 5)

    async def _in_time(self, ticket: Ticket, seconds: float) -> Ticket:
        await anyio.sleep(seconds)
        return ticket


class Calling:
    """Calls one after the other; `overdue` says which one does not end."""

    def __init__(self, program: Program, name: int) -> None:
        self._program = program
        self._service = consumed_service()
        self._number = name
        self._now: tuple[int, float, Stopwatch] | None = None

    async def run(self) -> None:
        program = self._program
        while not program.quiet.is_set():
            self._number += CALLERS
            timeout = program.chance.choice((0.0, 0.05, 0.3, 1.0, 3.0))
            self._now = (self._number, timeout, Stopwatch(program.ticker))
            try:
                outcome = await self._call(timeout, program.target())
            except Closed:
                return
            self.check()
            self._now = None
            program.calls[outcome] += 1
            await program.pause(0.2)

    async def _call(self, timeout: float, target: str | None) -> str:
        program = self._program
        asked = Ticket(program.run, self._number)
        patience = program.chance.uniform(0, 0.3) if program.chance.random() < 0.1 else 60.0
        try:
            with anyio.move_on_after(patience):
                answer = await self._service.poll(program.runner, asked, timeout, None, target)
                if answer.data != asked or target not in (None, answer.instance_id):
                    accuse("an answer to another call", asked=str(asked), answer=str(answer))
                return "answered"
        except (ServiceUnreachable, ServiceTimeout, ServiceError) as error:
            return OUTCOMES[type(error)]
        return "cancelled"

    def check(self) -> None:
        """Complain of a call that is not over although its time is."""
        if self._now is not None:
            number, timeout, watch = self._now
            if watch.elapsed() > timeout + LATE:
                seconds = round(watch.elapsed(), 2)
                why = "a call overstays its time"
                accuse(why, number=number, timeout=timeout, seconds=seconds)
                self._now = None  # once is enough
