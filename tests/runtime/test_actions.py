"""Goals from a client to a server and back: on each wire, under each loop."""

from functools import partial

import anyio
import pytest

from peppy.runtime.action_errors import (
    ActionError,
    ActionFeedbackEnded,
    ActionResultTimeout,
    ActionResultUnreachable,
    ActionTimeout,
    ActionUnreachable,
)
from peppy.runtime.action_server import ActionServer
from tests.runtime.action_nodes import (
    CORE,
    SOON,
    Arena,
    Cancelled,
    CancelResponse,
    Feedback,
    Finished,
    Goal,
    GoalRequest,
    Request,
    Response,
    Result,
    Scene,
    accept,
    begun,
    collect,
    exposed,
    finish,
    let_cancel,
)
from tests.runtime.transport.wires import WORLDS, Wire, World, until


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> World:
    found: World = request.param
    return found


def play(world: World, scene: Scene) -> None:
    async def scenario(wire: Wire) -> None:
        await scene(Arena(wire))

    world.run(scenario)


def waits(server: ActionServer, count: int) -> bool:
    """Say whether so many goals wait for the server."""
    return server.traffic().waiting == count


def asking(server: ActionServer) -> int:
    """Return how many requests about its goals the server has not answered."""
    return server.traffic().more["unanswered"]


def test_a_goal_is_accepted_reports_progress_and_gives_its_result(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        seen: list[GoalRequest] = []

        async def serve() -> None:
            await accept(server, seen)
            for position in range(3):
                await server.emit_feedback(Feedback(position))
            await finish(server, 9)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            goal = await client.fire(arm=7)
            assert goal.data == Response(accepted=True)
            assert [(await goal.next_feedback()).position for _ in range(3)] == [0, 1, 2]
            assert await goal.get_result(SOON) == Finished(CORE, "left", Result(9))
            with pytest.raises(ActionFeedbackEnded, match="its result was given"):
                await goal.next_feedback()
        assert seen == [GoalRequest("pilot", CORE, Goal(7))]

    play(world, scene)


def test_a_rejected_goal_ends_at_once_and_holds_nobody_up(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()

        async def serve() -> None:
            await server.handle_goal(lambda _: Response(accepted=False))
            await finish(server)  # as a program does that serves whatever comes
            await accept(server)
            await finish(server, 2)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            rejected = await client.fire()
            assert rejected.data == Response(accepted=False)
            assert await collect(rejected) == []
            with pytest.raises(ActionResultUnreachable, match="the goal was rejected"):
                await rejected.get_result(SOON)
            assert (await (await client.fire()).get_result(SOON)).data == Result(2)
        assert (server.statistics.rejected, server.statistics.results) == (1, 1)

    play(world, scene)


def test_a_goal_handler_that_fails_rejects_the_goal_with_its_error(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: GoalRequest) -> Response:
        raise LookupError("no such arm")

    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.handle_goal, broken)
            with pytest.raises(ActionError, match="action 'move' returned error: LookupError: no"):
                await client.fire()

    play(world, scene)
    assert "in broken" in capsys.readouterr().err


def test_a_second_goal_waits_and_its_client_sees_that(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, first = await arena.pair()
        second, third = await arena.client("second"), await arena.client("third")
        queued: list[int] = []
        seen: list[GoalRequest] = []
        await begun(server, first)
        async with anyio.create_task_group() as tasks:
            with pytest.raises(ActionTimeout, match="waiting behind 1 other goal") as late:
                await second.fire(timeout=0.1, on_queued=queued.append)
            assert late.value.ahead == 1
            assert queued == [1]
            tasks.start_soon(lambda: third.fire(arm=3))
            tasks.start_soon(accept, server, seen)
        assert [request.data for request in seen] == [Goal(3)]

    play(world, scene)


def test_a_queue_that_moves_is_told_to_those_who_wait(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server = await arena.server()
        queued: dict[str, list[int]] = {name: [] for name in "abc"}
        clients = {name: await arena.client(name) for name in queued}

        async def fire(name: str) -> None:
            goal = await clients[name].fire(on_queued=queued[name].append)
            await goal.get_result(SOON)

        async with anyio.create_task_group() as tasks:
            for waiting, name in enumerate(queued):
                tasks.start_soon(fire, name)
                await until(partial(waits, server, waiting + 1))
            for _ in queued:
                await accept(server)
                await finish(server)
        assert queued["a"] == []
        assert queued["b"][0] == 1
        assert queued["c"][0] == 2
        assert (queued["b"][-1], queued["c"][-1]) == (0, 0)

    play(world, scene)


def test_an_accepted_cancel_fails_those_who_wait_for_the_result(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        goal = await begun(server, client)
        async with anyio.create_task_group() as tasks:

            async def wait_for_result() -> None:
                with pytest.raises(ActionResultUnreachable, match="the goal was cancelled"):
                    await goal.get_result(SOON)

            tasks.start_soon(wait_for_result)
            await until(lambda: asking(server) == 1)
            tasks.start_soon(let_cancel, server)
            assert await goal.cancel_goal(SOON) == Cancelled(
                CORE, "left", CancelResponse(True, "as you wish")
            )
        assert await collect(goal) == []
        with pytest.raises(ActionResultUnreachable, match="the goal was cancelled"):
            await goal.get_result(SOON)
        await finish(server)  # it has been cancelled: there is nothing to give
        assert server.statistics.results == 0

    play(world, scene)


def test_a_cancel_that_is_declined_changes_nothing(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()

        async def serve() -> None:
            await accept(server)
            await let_cancel(server, accepted=False)
            await server.emit_feedback(Feedback(5))
            await finish(server, 6)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            goal = await client.fire()
            assert not (await goal.cancel_goal(SOON)).data.accepted
            assert (await goal.get_result(SOON)).data == Result(6)
            assert await collect(goal) == [5]

    play(world, scene)


def test_a_cancel_after_the_end_is_answered_without_the_server(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        goal = await begun(server, client)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(finish, server)
            await goal.get_result(SOON)
        answer = (await goal.cancel_goal(SOON)).data
        assert answer == CancelResponse(False, "the goal has ended: its result was given")

    play(world, scene)


def test_of_a_result_and_a_cancel_that_race_the_first_wins(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        looking, finished = anyio.Event(), anyio.Event()

        async def slow_cancel(_: Request) -> CancelResponse:
            looking.set()
            await finished.wait()
            return CancelResponse(True)

        goal = await begun(server, client)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.handle_cancel, slow_cancel)

            async def cancel() -> None:
                assert not (await goal.cancel_goal(SOON)).data.accepted

            tasks.start_soon(cancel)
            await looking.wait()
            tasks.start_soon(finish, server)
            assert (await goal.get_result(SOON)).data == Result(7)
            finished.set()
        assert (await goal.get_result(SOON)).data == Result(7)
        assert server.statistics.cancelled == 0

    play(world, scene)


def test_a_result_is_kept_for_who_asks_late_and_its_handler_runs_once(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        go_on = anyio.Event()

        async def slow(_: Request) -> Result:
            await go_on.wait()
            return Result(3)

        goal = await begun(server, client)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.handle_result, slow)
            with pytest.raises(ActionResultTimeout, match="has timed out waiting for result"):
                await goal.get_result(0.1)
            go_on.set()
        assert (await goal.get_result(SOON)).data == Result(3)
        assert (await goal.get_result(SOON)).data == Result(3)
        assert server.statistics.results == 1

    play(world, scene)


def test_a_result_that_the_server_does_not_come_to_is_unreachable(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        goal = await begun(server, client)
        with pytest.raises(ActionResultUnreachable, match="is unreachable for result: the server"):
            await goal.get_result(0.05)

    play(world, scene)


def test_a_result_handler_that_fails_settles_the_goal_with_its_error(world: World) -> None:
    def broken(_: Request) -> Result:
        raise ValueError("bent")

    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        goal = await begun(server, client)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.handle_result, broken)
            for _ in range(2):
                with pytest.raises(ActionError, match="returned error: ValueError: bent"):
                    await goal.get_result(SOON)

    play(world, scene)


def test_two_clients_hear_of_their_own_goals_only(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server = await arena.server()
        clients = [await arena.client(f"client-{n}") for n in range(3)]
        heard: dict[int, tuple[list[int], Result]] = {}

        async def serve() -> None:
            for _ in range(9):
                seen: list[GoalRequest] = []
                await accept(server, seen)
                arm = seen[0].data.arm
                for step in range(4):
                    await server.emit_feedback(Feedback(10 * arm + step))
                await finish(server, arm)

        async def use(client_number: int) -> None:
            for turn in range(3):
                arm = 10 * client_number + turn
                goal = await clients[client_number].fire(arm)
                result = await goal.get_result(SOON)
                heard[arm] = await collect(goal), result.data

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            for number in range(3):
                tasks.start_soon(use, number)
        assert len(heard) == 9
        for arm, (feedback, result) in heard.items():
            assert feedback == [10 * arm + step for step in range(4)]
            assert result == Result(arm)

    play(world, scene)


def test_a_client_that_dies_holds_no_server_up(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        await begun(server, client)
        client.runner.close()
        await client.runner.transport.close()
        callers: list[Request] = []

        def give(request: Request) -> Result:
            callers.append(request)
            return Result(1)

        await server.handle_result(give)
        assert callers == [Request("pilot", CORE)]

    play(world, scene)


def test_a_client_that_leaves_while_its_goal_is_decided_interrupts_that(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        interrupted: list[bool] = []

        async def slow(_: GoalRequest) -> Response:
            try:
                await anyio.sleep_forever()
            finally:
                interrupted.append(True)
            raise AssertionError

        async def serve() -> None:
            await server.handle_goal(slow)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            with pytest.raises(ActionTimeout, match="its goal handler has not decided"):
                await client.fire(timeout=0.1)
            await until(lambda: bool(interrupted))
            tasks.cancel_scope.cancel()

    play(world, scene)


def test_a_cancelled_wait_for_a_goal_leaves_it_to_the_next_call(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        goals: list[int] = []

        async def fire() -> None:
            for arm in range(5):
                goal = await client.fire(arm)
                goals.append((await goal.get_result(SOON)).data.final)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fire)
            for _ in range(5):
                seen: list[GoalRequest] = []

                async def interrupted(request: GoalRequest) -> Response:
                    await anyio.sleep(0.02)
                    return Response(accepted=True)

                with anyio.move_on_after(0.001):
                    await server.handle_goal(interrupted)
                with anyio.move_on_after(0.01):
                    await server.handle_goal(interrupted)
                await accept(server, seen)

                async def slow(request: Request) -> Result:
                    await anyio.sleep_forever()
                    raise AssertionError

                for patience in (0, 0.01):
                    with anyio.move_on_after(patience):
                        await server.handle_result(slow)
                await finish(server, seen[0].data.arm)
        assert goals == list(range(5))

    play(world, scene)


def test_a_cancelled_wait_for_a_cancel_leaves_it_to_the_next_call(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()

        async def slow(_: Request) -> CancelResponse:
            await anyio.sleep_forever()
            raise AssertionError

        goal = await begun(server, client)
        async with anyio.create_task_group() as tasks:

            async def serve() -> None:
                for patience in (0, 0.01, 0.05):
                    with anyio.move_on_after(patience):
                        await server.handle_cancel(slow)
                await let_cancel(server)

            tasks.start_soon(serve)
            assert (await goal.cancel_goal(SOON)).data.accepted

    play(world, scene)


def test_a_server_that_dies_ends_the_feedback_and_the_wait_for_the_result(world: World) -> None:
    async def scene(arena: Arena) -> None:
        runner = await arena.node("left", "brain")
        server = await exposed().expose(runner)
        client = await arena.client()
        goal = await begun(server, client)
        async with anyio.create_task_group() as tasks:

            async def wait_for_result() -> None:
                with pytest.raises(ActionResultUnreachable, match="its server has gone"):
                    await goal.get_result(SOON)

            async def wait_for_feedback() -> None:
                with pytest.raises(ActionFeedbackEnded):
                    await goal.next_feedback()

            tasks.start_soon(wait_for_result)
            tasks.start_soon(wait_for_feedback)
            await until(lambda: asking(server) == 1)
            await runner.transport.close()
        with pytest.raises(ActionUnreachable):
            await goal.cancel_goal(SOON)

    play(world, scene)


def test_an_action_that_nobody_serves_is_unreachable_at_once(world: World) -> None:
    async def scene(arena: Arena) -> None:
        client = await arena.client()
        began = anyio.current_time()
        with pytest.raises(ActionUnreachable, match="action 'move' is unreachable"):
            await client.fire(timeout=10)
        assert anyio.current_time() - began < 5
        with pytest.raises(ActionUnreachable, match="'move' for instance 'right' is unreachable"):
            await client.fire(timeout=10, instance_id="right")

    play(world, scene)


def test_an_untargeted_goal_is_run_by_one_server_and_a_targeted_one_by_that(world: World) -> None:
    async def scene(arena: Arena) -> None:
        client = await arena.client()
        servers = {name: await arena.server(name) for name in ("left", "right")}
        ran: list[str] = []

        async def serve(name: str) -> None:
            while True:
                await accept(servers[name])
                ran.append(name)
                await finish(servers[name])

        async with anyio.create_task_group() as tasks:
            for name in servers:
                tasks.start_soon(serve, name)
            for _ in range(10):
                goal = await client.fire()
                finished = await goal.get_result(SOON)
                assert ran.pop() == finished.instance_id == goal.server.instance_id
                assert ran == []
            for name in servers:
                goal = await client.fire(instance_id=name)
                assert (await goal.get_result(SOON)).instance_id == name
            tasks.cancel_scope.cancel()
        assert sum(server.statistics.accepted for server in servers.values()) == 12

    play(world, scene)


def test_an_untargeted_goal_goes_to_the_server_that_is_free(world: World) -> None:
    async def scene(arena: Arena) -> None:
        client = await arena.client()
        left, right = await arena.server("left"), await arena.server("right")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(accept, left)
            busy = await client.fire(instance_id="left")
            tasks.start_soon(accept, right)
            free = await client.fire()
            assert (busy.server.instance_id, free.server.instance_id) == ("left", "right")
        await until(lambda: left.traffic().waiting == 0)

    play(world, scene)
