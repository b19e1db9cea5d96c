"""Actions of bytes: goals, feedback, cancels and results, and nothing that decides about them."""

import anyio
import anyio.lowlevel
import pytest

from peppy.runtime.action_errors import (
    ActionError,
    ActionResultTimeout,
    ActionResultUnreachable,
    ActionTimeout,
    ActionUnreachable,
)
from peppy.runtime.messenger_actions import (
    ActionCreation,
    ActionGoalHandle,
    ActionMessenger,
    TopicPublisher,
)
from peppy.runtime.messenger_services import Handler, ServiceEndpoint, ServiceRequestContext
from peppy.runtime.qos import QoSProfile
from peppy.runtime.runner import NodeRunner
from peppy.runtime.transport.memory import MemoryNetwork
from tests.runtime.memory_nodes import runner_on
from tests.runtime.messenger_nodes import WORLDS, Robot, World, messenger_of
from tests.runtime.service_nodes import CORE
from tests.runtime.transport.wires import until


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> World:
    found: World = request.param
    return found


async def expose(runner: NodeRunner, action: str = "move") -> ActionCreation:
    return await ActionMessenger.expose(*messenger_of(runner), runner.node_name(), action)


async def send(
    runner: NodeRunner,
    payload: bytes = b"",
    timeout: float = 10,
    instance_id: str | None = None,
    qos: QoSProfile = QoSProfile.Reliable,
) -> ActionGoalHandle:
    return await ActionMessenger.send_goal(
        *messenger_of(runner), "arm", "move", None, instance_id, payload, qos, timeout
    )


async def cancel(runner: NodeRunner, goal: ActionGoalHandle, timeout: float = 10) -> bytes:
    return (await ActionMessenger.cancel_goal(runner.messenger(), goal, timeout)).payload


async def result(runner: NodeRunner, goal: ActionGoalHandle, timeout: float = 10) -> bytes:
    return (await ActionMessenger.request_result(runner.messenger(), goal, timeout)).payload


async def told(goal: ActionGoalHandle) -> bytes:
    message = await goal.on_next_feedback()
    assert message is not None
    return message.payload


async def handle(service: ServiceEndpoint, handler: Handler) -> None:
    """Answer whatever is asked: a request whose client has just given up is one as well."""
    while await service.handle_next_request(handler):
        pass


async def serve(service: ServiceEndpoint, payload: bytes) -> None:
    """Answer with `payload`, what is asked, and who asks."""

    def handler(context: ServiceRequestContext) -> bytes:
        return payload + context.payload + context.instance_id.encode()

    await handle(service, handler)


async def never(_: ServiceRequestContext) -> bytes:
    await anyio.sleep_forever()
    raise AssertionError


def test_a_goal_is_answered_followed_cancelled_and_asked_for_its_result(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        arm, pilot = await robot.node("left", "arm"), await robot.node("ada", "pilot")
        action = await expose(arm)
        robot.go_on(serve, action.goal_service, b"go:")
        robot.go_on(serve, action.cancel_service, b"no:")
        robot.go_on(serve, action.result_service, b"at:")
        goal = await send(pilot, b"5,")
        assert goal.goal_response.payload == b"go:5,ada"
        assert (goal.goal_response.core_node, goal.goal_response.instance_id) == (CORE, "left")
        for step in range(3):
            await action.feedback_publisher.publish(str(step).encode())
        assert [await told(goal) for _ in range(3)] == [b"0", b"1", b"2"]
        assert await cancel(pilot, goal) == b"no:ada"
        for _ in range(2):
            assert await result(pilot, goal) == b"at:ada"

    world.run(scenario)


def test_feedback_right_after_the_answer_is_not_missed(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        arm, pilot = await robot.node("left", "arm"), await robot.node("ada", "pilot")
        action = await expose(arm)

        async def answer_and_tell() -> None:
            for number in range(20):
                await action.goal_service.handle_next_request(lambda _: b"")
                await action.feedback_publisher.publish(str(number).encode())

        robot.go_on(answer_and_tell)
        for number in range(20):
            assert await told(await send(pilot)) == str(number).encode()

    world.run(scenario)


def test_a_goal_for_anybody_is_one_servers_and_so_is_the_rest_of_it(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        arms = [await robot.node(name, "arm") for name in ("left", "right")]
        pilot = await robot.node("ada", "pilot")
        asked = (*messenger_of(pilot), "arm", "move", CORE)
        actions: list[ActionCreation] = []
        taken: list[str] = []
        for arm in arms:
            who = arm.bound_instance_id()
            action = await expose(arm)
            actions.append(action)

            async def goals(action: ActionCreation = action, who: str = who) -> None:
                def handler(_: ServiceRequestContext) -> bytes:
                    taken.append(who)
                    return who.encode()

                while await action.goal_service.handle_next_request(handler):
                    pass

            robot.go_on(goals)
            robot.go_on(serve, action.result_service, who.encode())
            while not await ActionMessenger.is_reachable(*asked, who):
                await anyio.lowlevel.checkpoint()
        goal = await send(pilot)
        (server,) = taken
        assert goal.goal_response.payload.decode() == server
        for action, name in zip(actions, (b"left", b"right"), strict=True):
            await action.feedback_publisher.publish(name)
        assert (await told(goal)).decode() == server
        assert (await result(pilot, goal)).decode() == f"{server}ada"
        assert (await send(pilot, instance_id="right")).goal_response.payload == b"right"

    world.run(scenario)


def test_a_goal_waits_for_its_server_and_hears_of_no_other(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        left, right = [await robot.node(name, "arm") for name in ("left", "right")]
        pilot = await robot.node("ada", "pilot")
        goals: list[ActionGoalHandle] = []

        async def early() -> None:
            goals.append(await send(pilot))

        robot.go_on(early)
        await anyio.wait_all_tasks_blocked()
        action, other = await expose(left), TopicPublisher(right, "move.feedback")
        robot.go_on(serve, action.goal_service, b"")
        await until(lambda: len(goals) == 1)
        for publisher, payload in ((other, b"right"), (action.feedback_publisher, b"left")):
            await publisher.publish(payload)
        assert await told(goals[0]) == b"left"

    world.run(scenario)


def test_a_client_that_does_not_read_holds_no_server_back(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        arm, pilot = await robot.node("left", "arm"), await robot.node("ada", "pilot")
        action = await expose(arm)
        robot.go_on(serve, action.goal_service, b"")
        goal = await send(pilot)
        for _ in range(3000):  # more than a window
            await action.feedback_publisher.publish(b"step")
        assert await told(goal) == b"step"

    world.run(scenario)


def test_an_action_is_unreachable_where_nobody_exposes_it_or_takes_goals(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        pilot = await robot.node("ada", "pilot")
        asked = (*messenger_of(pilot), "arm", "move")
        with pytest.raises(ActionUnreachable, match="action 'move' is unreachable: no instance"):
            await send(pilot, timeout=1000)
        assert not await ActionMessenger.is_reachable(*asked)
        arm = await robot.node("left", "arm")
        with pytest.raises(ConnectionError, match="action 'move' for instance 'right' is unreach"):
            await send(pilot, timeout=1000, instance_id="right")
        action = await expose(arm)
        while not await ActionMessenger.is_reachable(*asked):
            await anyio.lowlevel.checkpoint()
        with pytest.raises(ActionUnreachable, match="nobody took the request up"):
            await send(pilot, timeout=0.2)
        robot.go_on(handle, action.goal_service, never)
        with pytest.raises(ActionTimeout, match="its goal handler has not answered"):
            await send(pilot, timeout=0.2)

    world.run(scenario)


def test_cancels_and_results_fail_each_in_its_own_way(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        arm, pilot = await robot.node("left", "arm"), await robot.node("ada", "pilot")
        action = await expose(arm)
        robot.go_on(serve, action.goal_service, b"")
        goal = await send(pilot)
        with pytest.raises(ActionResultUnreachable, match="'move' for instance 'left' is unreach"):
            await result(pilot, goal, 0.2)
        with pytest.raises(ActionUnreachable, match="nobody took the request up"):
            await cancel(pilot, goal, 0.2)
        robot.go_on(handle, action.result_service, never)
        with pytest.raises(ActionResultTimeout, match="timed out waiting for result"):
            await result(pilot, goal, 0.2)
        robot.go_on(handle, action.cancel_service, never)
        with pytest.raises(ActionTimeout, match="its cancel handler has not answered"):
            await cancel(pilot, goal, 0.2)

    world.run(scenario)


def test_a_handler_that_fails_is_the_clients_error(world: World) -> None:
    def fails(_: ServiceRequestContext) -> bytes:
        raise ValueError("stuck")

    async def scenario(robot: Robot) -> None:
        arm, pilot = await robot.node("left", "arm"), await robot.node("ada", "pilot")
        action = await expose(arm)
        robot.go_on(action.goal_service.handle_next_request, fails)
        with pytest.raises(ActionError, match="action 'move' returned error: ValueError: stuck"):
            await send(pilot)
        robot.go_on(serve, action.goal_service, b"")
        goal = await send(pilot)
        robot.go_on(action.result_service.handle_next_request, fails)
        robot.go_on(action.cancel_service.handle_next_request, fails)
        with pytest.raises(ActionError, match="for instance 'left' returned error: ValueError"):
            await result(pilot, goal)
        with pytest.raises(ActionError, match="for instance 'left' returned error: ValueError"):
            await cancel(pilot, goal)

    world.run(scenario)


def test_feedback_ends_with_the_node(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        arm, pilot = await robot.node("left", "arm"), await robot.node("ada", "pilot")
        action = await expose(arm)
        robot.go_on(serve, action.goal_service, b"")
        goal = await send(pilot)
        pilot.close()
        assert await goal.on_next_feedback() is None

    world.run(scenario)


async def test_what_is_no_name_and_what_is_no_bytes_is_refused() -> None:
    runner = runner_on(MemoryNetwork())
    with pytest.raises(ValueError, match=r"'mo\.ve' cannot be a name"):
        await expose(runner, "mo.ve")
    with pytest.raises(ValueError, match="cannot be a name"):
        await send(runner, instance_id="*")
    with pytest.raises(TypeError, match="bytes, not str"):
        await send(runner, "text")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="bytes, not int"):
        await (await expose(runner)).feedback_publisher.publish(7)  # type: ignore[arg-type]
