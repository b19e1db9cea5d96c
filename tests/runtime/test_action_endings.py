"""What ends a goal before its result: the server goes on, or goes away; nothing reaches another."""

from collections.abc import Callable

import anyio
import pytest

from peppy.runtime.action_errors import ActionFeedbackEnded, ActionResultUnreachable
from peppy.runtime.action_fired import FiredGoal
from peppy.runtime.action_server import ActionServer
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from tests.runtime.action_nodes import (
    SOON,
    Arena,
    CancelResponse,
    Client,
    Feedback,
    Request,
    Result,
    Scene,
    accept,
    begun,
    collect,
    consumed,
    exposed,
    finish,
    let_cancel,
    runner_of,
)
from tests.runtime.transport.wires import LOOPS, WORLDS, Wire, World, until

GONE_ON = "the server has gone on to its next goal"


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> World:
    found: World = request.param
    return found


def play(world: World, scene: Scene) -> None:
    async def scenario(wire: Wire) -> None:
        await scene(Arena(wire))

    world.run(scenario)


def asked(server: ActionServer, count: int) -> bool:
    """Say whether so many requests about its goals wait for an answer."""
    return server.traffic().more["unanswered"] == count


async def refused(goal: FiredGoal) -> None:
    with pytest.raises(ActionResultUnreachable, match=GONE_ON):
        await goal.get_result(SOON)


async def denied(goal: FiredGoal) -> None:
    answer = (await goal.cancel_goal(SOON)).data
    assert answer == CancelResponse(False, f"the goal has ended: {GONE_ON}")


def test_a_goal_that_is_superseded_has_ended_and_its_handlers_are_for_the_next(
    world: World,
) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        first, second = await begun(server, client), await begun(server, client)
        with pytest.raises(ActionFeedbackEnded, match=GONE_ON):
            await first.next_feedback()
        await refused(first)
        await denied(first)
        await server.emit_feedback(Feedback(4))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(let_cancel_not, server)
            assert not (await second.cancel_goal(SOON)).data.accepted
            tasks.start_soon(finish, server, 2)
            assert (await second.get_result(SOON)).data == Result(2)
        assert await collect(second) == [4]
        await refused(first)
        assert (server.statistics.results, server.statistics.cancels) == (1, 1)

    play(world, scene)


async def let_cancel_not(server: ActionServer) -> None:
    await let_cancel(server, accepted=False)


def test_whoever_waits_for_a_goal_that_is_superseded_hears_it_then(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        first = await begun(server, client)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(refused, first)
            tasks.start_soon(denied, first)
            await until(lambda: asked(server, 2))
            await begun(server, client)
        assert asked(server, 0)

    play(world, scene)


def test_an_answer_that_is_under_way_when_the_next_goal_is_accepted_counts(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        running, go_on = anyio.Event(), anyio.Event()

        async def slow(_: Request) -> Result:
            running.set()
            await go_on.wait()
            return Result(1)

        async def expect(goal: FiredGoal, final: int) -> None:
            assert (await goal.get_result(SOON)).data == Result(final)

        first = await begun(server, client)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.handle_result, slow)
            tasks.start_soon(expect, first, 1)
            await running.wait()
            second = await begun(server, client)
            await denied(first)
            tasks.start_soon(finish, server, 2)
            await expect(second, 2)
            go_on.set()
        await expect(first, 1)

    play(world, scene)


def test_a_result_handler_that_is_interrupted_after_that_is_not_called_again(
    world: World,
) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        running, interrupt = anyio.Event(), anyio.CancelScope()

        async def endless(_: Request) -> Result:
            running.set()
            await anyio.sleep_forever()
            raise AssertionError

        async def serve() -> None:
            with interrupt:
                await server.handle_result(endless)

        first = await begun(server, client)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            tasks.start_soon(refused, first)
            await running.wait()
            await begun(server, client)
            interrupt.cancel()
        assert server.statistics.results == 0

    play(world, scene)


Ends = Callable[[ActionServer, Client], None]


def server_goes(server: ActionServer, client: Client) -> None:
    server.close()


def client_shuts_down(server: ActionServer, client: Client) -> None:
    client.runner.close()


@pytest.mark.parametrize("backend", LOOPS)
@pytest.mark.parametrize(
    ("end", "why"), [(server_goes, "its server has gone"), (client_shuts_down, "has shut down")]
)
def test_what_ends_a_goal_between_its_acceptance_and_its_client_ends_its_feedback(
    backend: str, end: Ends, why: str
) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        server = await exposed().expose(runner_of(MemoryTransport(network), "left", "brain"))
        client = Client(consumed(), runner_of(MemoryTransport(network), "pilot", "controller"))

        async def serve() -> None:
            await accept(server)
            end(server, client)

        goals: list[FiredGoal] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            goals.append(await client.fire())
        with anyio.fail_after(SOON), pytest.raises(ActionFeedbackEnded, match=why):
            await goals[0].next_feedback()

    anyio.run(main, backend=backend)
