"""Interfaces whose messages hold nothing, played and probed."""

import anyio
import pytest

from peppy.runtime.actions import ConsumedAction, ExposedAction
from peppy.runtime.runner import NodeRunner
from peppy.testing.mocks import ActionMock, ServiceMock
from peppy.testing.played_goal import GoalMisplayed
from peppy.testing.probes import ActionProbe, ServiceProbe
from tests.runtime import action_nodes, service_nodes
from tests.testing.one_node import BACKENDS, Bench, Spawn

GO = ConsumedAction(
    "brain",
    "go",
    None,
    None,
    None,
    None,
    action_nodes.CancelResponse,
    action_nodes.Cancelled,
    action_nodes.Request,
)

COME = ExposedAction(
    "come",
    None,
    None,
    None,
    None,
    action_nodes.Request,
    action_nodes.Request,
    action_nodes.CancelResponse,
    action_nodes.Request,
)


@pytest.fixture(params=BACKENDS)
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


def test_a_service_that_only_happens_is_answered_and_called(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def pass_on() -> None:
            async def pull(request: service_nodes.BareRequest) -> None:
                assert await service_nodes.PULL.poll(runner, None, 1) is None

            await service_nodes.TRIGGER.handle_requests(runner, pull)

        spawn(pass_on)

    async def main() -> None:
        node = bench.rover(play)
        pull = ServiceMock[None, None](node.peers, service_nodes.PULL)
        trigger = ServiceProbe[None, None](node.peers, service_nodes.TRIGGER)
        pull.answer_with(None)
        async with node:
            await trigger.call(None)
        assert pull.requests == [None]

    bench.run(main)


def test_an_action_without_words_is_played_and_fired(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        server = await COME.expose(runner)

        async def serve() -> None:
            await server.handle_goal(lambda _: None)
            goal = await GO.fire(runner, None, 1)
            await goal.get_result(5)
            await server.handle_result(lambda _: None)

        spawn(serve)

    async def main() -> None:
        node = bench.rover(play)
        go = ActionMock[None, None, None, None](node.peers, GO)
        come = ActionProbe[None, None, None, None](node.peers, COME)
        async with node:
            fired = await come.fire(None)
            goal = await go.next_goal()
            with pytest.raises(GoalMisplayed, match="has no field 'accepted'"):
                await goal.reject()
            await goal.accept()
            await anyio.sleep(1)
            await goal.succeed(None)
            await fired.result(2)
            assert fired.data is None
            assert goal.data is None

    bench.run(main)
