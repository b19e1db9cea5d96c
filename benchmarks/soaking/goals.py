"""Actions: one is served, goal after goal, and the others' are fired, followed and cancelled."""

from typing import Final

import anyio

from benchmarks.soaking.calling import Deliberate
from benchmarks.soaking.program import Program
from benchmarks.soaking.ticker import LATE, Stopwatch
from benchmarks.soaking.voice import accuse
from benchmarks.soaking.wares import (
    Asked,
    Bare,
    CancelResponse,
    Response,
    Step,
    Ticket,
    consumed_action,
    exposed_action,
)
from peppy.runtime.action_errors import (
    ActionError,
    ActionFeedbackEnded,
    ActionResultTimeout,
    ActionResultUnreachable,
    ActionTimeout,
    ActionUnreachable,
)
from peppy.runtime.action_fired import FiredGoal
from peppy.runtime.action_server import ActionServer
from peppy.runtime.qos import QoSProfile
from peppy.runtime.transport.port import Closed

OUTCOMES: Final = {
    ActionUnreachable: "unreachable",
    ActionTimeout: "timed out",
    ActionError: "error",
    ActionResultUnreachable: "no result",
    ActionResultTimeout: "result timed out",
}

FOLLOWED: Final = 12.0
"""Seconds after which feedback is followed no more: goals are worked on for two, and servers that
stand still are given up by the wire within ten."""

MOURNED: Final = 3.0
"""Seconds after which the feedback of a server that has died must have ended."""


class Working:
    """Serves one goal after the other."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._ticket = Ticket("", 0)
        self._wanted = False

    async def run(self) -> None:
        server = await exposed_action().expose(self._program.runner)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._cancels, server)
                while True:
                    self._wanted = False
                    await server.handle_goal(self._decide)
                    if self._wanted:
                        await self._work(server)
        except* Closed:
            pass

    def _decide(self, asked: Asked) -> Response:
        luck = self._program.chance.random()
        if luck < 0.03:
            raise Deliberate("not now")
        self._wanted = luck > 0.1
        self._ticket = asked.data
        return Response(self._wanted)

    async def _work(self, server: ActionServer) -> None:
        ticket, chance = self._ticket, self._program.chance
        for step in range(chance.randint(0, 40)):
            if not self._wanted:
                return
            await server.emit_feedback(Step(ticket.run, ticket.number, step))
            if chance.random() < 0.5:
                await anyio.sleep(chance.uniform(0, 0.05))
        with anyio.move_on_after(0.5):
            await server.handle_result(self._result)

    def _result(self, asked: Bare) -> Ticket:
        """Give the result; who asks for that of a goal that was given up gets an error."""
        if asked.instance_id != self._ticket.run:
            self._program.goals["asked of a server that has gone on"] += 1
            raise Deliberate("the goal was given up")
        return self._ticket

    async def _cancels(self, server: ActionServer) -> None:
        while True:
            await server.handle_cancel(self._let_cancel)

    def _let_cancel(self, _: Bare) -> CancelResponse:
        accepted = self._program.chance.random() < 0.8
        if accepted:
            self._wanted = False
        return CancelResponse(accepted, "")


class Firing:
    """Fires one goal after the other."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._action = consumed_action()
        self._number = 0
        self._server = ""
        self._last = -1
        """The step that its feedback has come to."""
        self._now: tuple[str, float, Stopwatch] | None = None

    async def run(self) -> None:
        program = self._program
        while not program.quiet.is_set():
            self._number += 1
            try:
                outcome = await self._one(Ticket(program.run, self._number))
            except (ActionError, ConnectionError, TimeoutError) as error:
                outcome = next(name for kind, name in OUTCOMES.items() if isinstance(error, kind))
            except Closed:
                return
            self.check()
            self._now = None
            program.goals[outcome] += 1
            await program.pause(0.5)

    async def _one(self, ticket: Ticket) -> str:
        program, chance = self._program, self._program.chance
        timeout = chance.choice((0.2, 1.0, 4.0))
        qos = chance.choice(list(QoSProfile))
        target = program.target()
        self._begin("a goal", timeout)
        self._last = -1
        goal = await self._action.fire(program.runner, ticket, timeout, qos, None, target)
        self.check()
        self._server = goal.server.instance_id
        if not goal.data.accepted:
            return "rejected"
        if chance.random() < 0.25:
            self._begin("a cancel", timeout)
            answer = await goal.cancel_goal(timeout)
            self.check()
            if answer.data.accepted:
                return "cancelled"
        if chance.random() < 0.7:
            self._begin("feedback", FOLLOWED + MOURNED)
            await self._follow(goal, ticket)
            self.check()
        self._begin("a result", timeout)
        answer = await goal.get_result(timeout)
        if answer.data != ticket:
            accuse("the result of another goal", fired=str(ticket), answer=str(answer))
        return "result"

    async def _follow(self, goal: FiredGoal, ticket: Ticket) -> None:
        """Follow the feedback for a while, until it ends at the latest."""
        program = self._program
        with anyio.move_on_after(program.chance.choice((0.3, 1.0, FOLLOWED))) as patience:
            await self._until_it_ends(goal, ticket)
        if patience.cancelled_caught and self._server not in program.others:
            with anyio.move_on_after(MOURNED) as patience:
                await self._until_it_ends(goal, ticket)
            if patience.cancelled_caught:
                accuse("feedback outlives its server", number=ticket.number, server=self._server)

    async def _until_it_ends(self, goal: FiredGoal, ticket: Ticket) -> None:
        try:
            while True:
                step = await goal.next_feedback()
                if (step.run, step.number) != (ticket.run, ticket.number):
                    accuse("feedback of another goal", fired=str(ticket), step=str(step))
                elif step.step <= self._last:
                    accuse("feedback out of turn", fired=str(ticket), step=str(step))
                self._last = step.step
        except ActionFeedbackEnded:
            return

    def _begin(self, what: str, timeout: float) -> None:
        self._now = (what, timeout, Stopwatch(self._program.ticker))

    def check(self) -> None:
        """Complain of what is not over although its time is."""
        if self._now is not None:
            what, timeout, watch = self._now
            if watch.elapsed() > timeout + LATE:
                accuse(
                    f"{what} overstays its time",
                    number=self._number,
                    timeout=timeout,
                    server=self._server,
                    seconds=round(watch.elapsed(), 2),
                )
                self._now = None
