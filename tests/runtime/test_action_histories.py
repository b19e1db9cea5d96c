"""Clients that come, cancel, lose patience and go; servers that are interrupted all along."""

import random
from collections.abc import Awaitable, Callable

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from tests.runtime.action_nodes import (
    CancelResponse,
    Client,
    Feedback,
    GoalRequest,
    Request,
    Response,
    Result,
    consumed,
    exposed,
    runner_of,
)
from tests.runtime.transport.wires import LOOPS

QUIRKS = (ActionError, ActionTimeout, ActionUnreachable)
"""What may become of a goal, or of a cancel, that is no answer."""


class World:
    """What is known of all goals: fired with a number of their own, which comes back everywhere."""

    def __init__(self, seed: int, *, hasty: bool) -> None:
        self.chance = random.Random(seed)
        self.hasty = hasty
        """Whether servers go on to their next goal without a result for the former."""
        self.numbers = iter(range(10_000))
        self.results: list[tuple[int, int]] = []
        self.cancels: list[tuple[int, int]] = []
        """Whose cancel it was, and which goal the handler took it for."""
        self.cancelled: set[int] = set()
        self.unsure: set[int] = set()
        """Goals of which nobody knows whether a cancel was accepted: its time was over."""
        self.without_result: set[int] = set()
        self.superseded: set[int] = set()
        """Goals whose client heard that the server has gone on."""
        self.working: dict[str, int] = {}
        """The goal that each server took on last: its handlers answer for no other."""

    def moment(self) -> float:
        return self.chance.choice((0, 0.001, 0.002, 0.004))

    async def serve(self, name: str, server: ActionServer) -> None:
        """Take goals one after another, with patience that ends at random."""
        taken: list[int] = []

        async def decide(request: GoalRequest) -> Response:
            taken.clear()
            await anyio.sleep(self.moment())
            if self.chance.random() < 0.1:
                raise LookupError("out of order")
            accepted = self.chance.random() < 0.8
            if accepted:
                taken.append(request.data.arm)
            return Response(accepted)

        async def give(_: Request) -> Result:
            arm = self.working[name]
            await anyio.sleep(self.moment())
            return Result(arm)

        async def answer(_: Request) -> CancelResponse:
            arm = self.working[name]
            await anyio.sleep(self.moment())
            return CancelResponse(self.chance.random() < 0.5, str(arm))

        async def cancels() -> None:
            while True:
                with anyio.move_on_after(self.moment() * 3):
                    await server.handle_cancel(answer)
                await anyio.sleep(0.001)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cancels)
            while True:
                if await self.done(lambda: server.handle_goal(decide)) and taken:
                    self.working[name] = taken.pop()
                for _ in range(self.chance.randrange(3)):
                    await server.emit_feedback(Feedback(self.working.get(name, -1)))
                await self.done(lambda: server.handle_result(give))

    async def done(self, handle: Callable[[], Awaitable[None]]) -> bool:
        """Call `handle` until it was not interrupted, or just once where servers are hasty."""
        while True:
            with anyio.move_on_after(self.moment() * 2) as scope:
                await handle()
            if self.hasty or not scope.cancelled_caught:
                return not scope.cancelled_caught
            await anyio.sleep(0.001)

    async def use(self, client: Client) -> None:
        """Fire goals, and look at all that comes back."""
        for _ in range(6):
            arm = next(self.numbers)
            try:
                goal = await client.fire(arm, timeout=self.chance.choice((0.003, 0.02, 1)))
            except QUIRKS:
                continue
            if not goal.data.accepted:
                continue
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.listen, goal, arm)
                if self.chance.random() < 0.3:
                    tasks.start_soon(self.cancel, goal, arm)
                tasks.start_soon(self.get, goal, arm)

    async def listen(self, goal: FiredGoal, arm: int) -> None:
        while True:
            try:
                assert (await goal.next_feedback()).position == arm
            except ActionFeedbackEnded:
                return

    async def cancel(self, goal: FiredGoal, arm: int) -> None:
        try:
            answer = (await goal.cancel_goal(0.05)).data
            if answer.accepted:
                self.cancelled.add(arm)
            if not answer.error_message.startswith("the goal has ended"):
                self.cancels.append((arm, int(answer.error_message)))
        except QUIRKS:
            self.unsure.add(arm)

    async def get(self, goal: FiredGoal, arm: int) -> None:
        for patience in (self.moment(), 10):
            try:
                self.results.append((arm, (await goal.get_result(patience)).data.final))
                return
            except ActionResultTimeout:
                continue
            except ActionResultUnreachable as error:
                if "the server has gone on to its next goal" in str(error):
                    self.superseded.add(arm)
        self.without_result.add(arm)


@pytest.mark.parametrize("backend", LOOPS)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), servers=st.integers(1, 2), hasty=st.booleans())
def test_nothing_is_lost_given_twice_or_crossed_and_nobody_waits_forever(
    backend: str, seed: int, servers: int, hasty: bool
) -> None:
    world = World(seed, hasty=hasty)

    async def main() -> None:
        network = MemoryNetwork()
        with anyio.fail_after(30):
            async with anyio.create_task_group() as serving:
                for name in ("left", "right")[:servers]:
                    runner = runner_of(MemoryTransport(network), name, "brain")
                    serving.start_soon(world.serve, name, await exposed().expose(runner))
                async with anyio.create_task_group() as using:
                    for number in range(3):
                        transport = MemoryTransport(network)
                        node = runner_of(transport, f"client-{number}", "controller")
                        using.start_soon(world.use, Client(consumed(), node))
                serving.cancel_scope.cancel()

    anyio.run(main, backend=backend)
    assert [arm for arm, final in world.results if arm != final] == []
    assert [arm for arm, meant in world.cancels if arm != meant] == []
    with_result = {arm for arm, _ in world.results}
    assert len(with_result) == len(world.results)
    assert with_result & (world.cancelled | world.superseded) == set()
    assert world.cancelled & world.superseded == set()
    assert hasty or not world.superseded
    assert world.without_result <= world.cancelled | world.unsure | world.superseded
