"""What a node consumes, played by a test."""

import re

import anyio
import pytest

from peppy.runtime.action_errors import ActionError, ActionResultUnreachable, ActionUnreachable
from peppy.runtime.action_fired import FiredGoal
from peppy.runtime.qos import QoSProfile
from peppy.runtime.runner import NodeRunner
from peppy.runtime.service_errors import ServiceError, ServiceTimeout, ServiceUnreachable
from peppy.runtime.topics import ConsumedTopic
from peppy.runtime.unfit import UnfitValue
from peppy.testing.failures import HandlerFailure, NotSeen
from peppy.testing.mocks import PlayedGoal
from peppy.testing.played_goal import GoalMisplayed
from tests.runtime.action_nodes import Feedback, Goal, Result
from tests.runtime.action_nodes import Response as GoalResponse
from tests.runtime.service_nodes import RequestData, Response
from tests.testing.one_node import (
    BACKENDS,
    CALL,
    DRIVE,
    IMAGES,
    ORDERS,
    STEPS,
    WEATHER,
    Bench,
    Item,
    Play,
    Rover,
    Spawn,
    idle,
)

PAUSE = 0.25
"""Seconds before each call, so that the test has time to say what it comes to."""

GoalOfRover = PlayedGoal[Goal, GoalResponse, Feedback, Result]


@pytest.fixture(params=BACKENDS)
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


def hearing(bench: Bench, topic: ConsumedTopic[Item] = IMAGES, after: float = 0.0) -> Play:
    """Return a play that notes what comes on a topic, from some seconds after its start on."""

    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def hear() -> None:
            await anyio.sleep(after)
            while True:
                who, message = await topic.next_message(runner)
                bench.happened.append(f"{message.number} of {who}")

        spawn(hear)

    return play


@pytest.mark.parametrize(
    ("topic", "name", "who"),
    [(IMAGES, "images", "front"), (ORDERS, "orders", "pilot"), (WEATHER, "weather", "outside")],
)
def test_what_is_published_has_been_heard_by_the_node(
    bench: Bench, topic: ConsumedTopic[Item], name: str, who: str
) -> None:
    async def main() -> None:
        node = bench.rover(hearing(bench, topic))
        async with node:
            for number in range(3):
                await getattr(node, name).publish(Item(number))
            await anyio.sleep(1)

    bench.run(main)
    assert bench.happened == [f"{number} of {who}" for number in range(3)]


def test_publishing_waits_for_a_node_that_subscribes_later(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(hearing(bench, ORDERS, after=5))
        async with node:
            assert not node.orders.matched()
            await node.orders.publish(Item(1), within=6)
            assert anyio.current_time() == pytest.approx(5)
            assert node.orders.matched()
            await anyio.sleep(1)

    bench.run(main)
    assert bench.happened == ["1 of pilot"]


def test_publishing_to_a_node_that_never_subscribes_fails_and_says_so(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(idle)
        async with node:
            says = "node 'rover' has not subscribed to topic 'images' of 'front' within 2 s"
            with pytest.raises(NotSeen, match=says):
                await node.images.publish(Item(1), within=2)
            assert anyio.current_time() == pytest.approx(2)

    bench.run(main)


def test_several_instances_may_publish_where_the_dependency_means_none(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(hearing(bench))
        async with node:
            await node.images.publish(Item(1))
            await node.images.publish(Item(2), instance_id="rear")
            await anyio.sleep(1)

    bench.run(main)
    assert bench.happened == ["1 of front", "2 of rear"]


def test_only_the_bound_instance_is_heard_where_the_dependency_means_one(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(hearing(bench), bindings={"front": "cam-7"})
        async with node:
            await node.images.publish(Item(1))
            with pytest.raises(NotSeen, match="of 'rear'"):
                await node.images.publish(Item(2), instance_id="rear")

    bench.run(main)
    assert bench.happened == ["1 of cam-7"]


def test_a_message_that_does_not_fit_is_refused_in_the_test(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(hearing(bench))
        async with node:
            with pytest.raises(UnfitValue, match="topic 'images': field 'number'"):
                await node.images.publish(Item(-1))
            with pytest.raises(UnfitValue, match="topic 'images': must be a Item, not 3"):
                await node.images.publish(3)  # type: ignore[arg-type]  # pyright: ignore

    bench.run(main)


def calling(bench: Bench, timeout: float = 1.0, times: int = 1) -> Play:
    """Return a play that calls the service, and notes what comes of it."""

    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def call() -> None:
            for _ in range(times):
                await anyio.sleep(PAUSE)
                try:
                    answer = await CALL.poll(runner, RequestData("ho", 2), timeout)
                    bench.happened.append(f"{answer.data.text} of {answer.instance_id}")
                except (ServiceError, ServiceTimeout, ServiceUnreachable) as error:
                    bench.happened.append(f"{type(error).__name__} at {anyio.current_time():.2f}")

        spawn(call)

    return play


def test_a_service_answers_as_it_was_told_before_the_node_started(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(calling(bench))
        node.call.answer_with(Response("yes"))
        async with node:
            assert await node.call.next_request() == RequestData("ho", 2)
        assert node.call.requests == [RequestData("ho", 2)]

    bench.run(main)
    assert bench.happened == ["yes of front"]


def test_a_handler_answers_each_request_plain_or_async(bench: Bench) -> None:
    async def slowly(request: RequestData) -> Response:
        await anyio.sleep(0.5)
        return Response(request.text.upper())

    async def main() -> None:
        node = bench.rover(calling(bench, times=2))
        node.call.answer(lambda request: Response(request.text * request.times))
        async with node:
            await node.call.next_request()
            node.call.answer(slowly)
            await node.call.next_request()
            await anyio.sleep(1)

    bench.run(main)
    assert bench.happened == ["hoho of front", "HO of front"]


def test_nobody_serves_what_the_test_has_not_spoken_of(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(calling(bench, timeout=5))
        async with node:
            await anyio.sleep(6)
            with pytest.raises(NotSeen, match="node 'rover' has not called service 'repeat'"):
                await node.call.next_request(within=1)

    bench.run(main)
    assert bench.happened == ["ServiceUnreachable at 0.75"]


def test_a_service_that_fails_keeps_silent_or_goes_away_does_so(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        node = bench.rover(calling(bench, times=3))
        node.call.fail_with("the lens is dirty")
        async with node:
            await node.call.next_request()
            node.call.leave_unanswered()
            await node.call.next_request()
            node.call.be_unreachable()
            await anyio.sleep(3)

    bench.run(main)
    assert "the lens is dirty" in capsys.readouterr().err
    assert [each.split()[0] for each in bench.happened] == [
        "ServiceError",
        "ServiceUnreachable",
        "ServiceUnreachable",
    ]


def test_an_unanswered_call_times_out(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(calling(bench, timeout=3, times=2))
        node.call.leave_unanswered()
        async with node:
            await anyio.sleep(10)

    bench.run(main)
    assert bench.happened == ["ServiceTimeout at 3.25", "ServiceTimeout at 6.50"]


def test_an_answer_that_does_not_fit_is_refused_in_the_test(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(idle)
        with pytest.raises(UnfitValue, match="response of service 'repeat': field 'text'"):
            node.call.answer_with(Response(5))  # type: ignore[arg-type]  # pyright: ignore
        with pytest.raises(UnfitValue, match="must be a Response, not None"):
            node.call.answer_with(None)  # type: ignore[arg-type]  # pyright: ignore

    bench.run(main)


@pytest.mark.parametrize("waits", [True, False])
def test_a_handler_that_answers_what_does_not_fit_fails_the_test(bench: Bench, waits: bool) -> None:
    async def main() -> None:
        node = bench.rover(calling(bench))
        node.call.answer(lambda _: Response(5))  # type: ignore[arg-type]  # pyright: ignore
        with pytest.raises(UnfitValue, match="response of service 'repeat': field 'text'"):
            async with node:
                await (node.steps.next(within=60) if waits else anyio.sleep(1))
        assert anyio.current_time() <= 1

    bench.run(main)
    assert [each.split()[0] for each in bench.happened] == ["ServiceError"]


def driving(bench: Bench, goals: int = 1) -> Play:
    """Return a play that fires goals, follows each to its end, and notes what it hears."""

    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def drive(number: int) -> None:
            goal = await DRIVE.fire(runner, Goal(number), 5, QoSProfile.Standard)
            bench.happened.append(f"accepted {goal.data.accepted}")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(follow, goal)
                result = await goal.get_result(5)
                bench.happened.append(f"result {result.data.final} of {result.instance_id}")

        async def follow(goal: FiredGoal) -> None:
            async for feedback in goal.feedback():
                bench.happened.append(f"at {feedback.position}")

        async def drive_all() -> None:
            for number in range(goals):
                try:
                    await drive(number)
                except* (ActionError, ActionUnreachable, ActionResultUnreachable) as errors:
                    bench.happened.append(type(errors.exceptions[0]).__name__)

        spawn(drive_all)

    return play


def test_a_goal_is_played_from_its_acceptance_to_its_result(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(driving(bench, goals=2))
        async with node:
            for number in range(2):
                goal = await node.drive.next_goal()
                assert goal.data == Goal(number)
                await goal.accept()
                await goal.feedback(Feedback(1))
                await goal.feedback(Feedback(2))
                await goal.succeed(Result(3))
                await anyio.sleep(1)
                assert goal.ended_by == "its result was given"

    bench.run(main)
    assert bench.happened == ["accepted True", "at 1", "at 2", "result 3 of brain"] * 2


def test_a_goal_may_be_rejected_or_failed(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        node = bench.rover(driving(bench, goals=3))
        async with node:
            await (await node.drive.next_goal()).reject()
            await (await node.drive.next_goal()).fail_with("no fuel")
            late = await node.drive.next_goal()
            await late.accept(GoalResponse(accepted=True))
            await late.fail_with("a wheel is off")
            await anyio.sleep(1)

    bench.run(main)
    assert bench.happened == [
        "accepted False",
        "ActionResultUnreachable",
        "ActionError",
        "accepted True",
        "ActionError",
    ]
    said = capsys.readouterr().err
    assert "no fuel" in said
    assert "a wheel is off" in said


def cancelling(bench: Bench) -> Play:
    """Return a play that fires a goal, and wants it cancelled until it is."""

    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def drive() -> None:
            goal = await DRIVE.fire(runner, Goal(1), 5)
            await anyio.sleep(2)
            accepted = False
            while not accepted:
                answer = (await goal.cancel_goal(5)).data
                accepted = answer.accepted
                bench.happened.append(f"{accepted}: {answer.error_message}")

        spawn(drive)

    return play


def test_a_cancel_is_refused_or_accepted_by_the_test(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(cancelling(bench))
        async with node:
            goal = await node.drive.next_goal()
            await goal.accept()
            with pytest.raises(NotSeen, match="has not asked to cancel its goal of 'move'"):
                await goal.cancel_requested(within=1)
            with pytest.raises(GoalMisplayed, match="no cancel waits for an answer"):
                await goal.accept_cancel()
            await goal.cancel_requested(within=2)
            await goal.refuse_cancel("not on the bridge")
            await goal.cancel_requested()
            await goal.accept_cancel("stopped")
            with pytest.raises(GoalMisplayed, match="no feedback any more: it was cancelled"):
                await goal.feedback(Feedback(1))

    bench.run(main)
    assert bench.happened == ["False: not on the bridge", "True: stopped"]


def test_a_script_plays_every_goal(bench: Bench) -> None:
    async def script(goal: GoalOfRover) -> None:
        if goal.data.arm == 1:
            raise HandlerFailure("not that one")
        await goal.accept()
        await anyio.sleep(1)
        await goal.succeed(Result(goal.data.arm))

    async def main() -> None:
        node = bench.rover(driving(bench, goals=3))
        node.drive.play(script)
        async with node:
            await anyio.sleep(10)
        assert [goal.data.arm for goal in node.drive.goals] == [0, 1, 2]

    bench.run(main)
    assert bench.happened == [
        "accepted True",
        "result 0 of brain",
        "ActionError",
        "accepted True",
        "result 2 of brain",
    ]


def test_a_script_that_fails_fails_the_test(bench: Bench) -> None:
    async def script(goal: GoalOfRover) -> None:
        assert goal.data.arm == 7

    async def main() -> None:
        node = bench.rover(driving(bench))
        node.drive.play(script)
        with pytest.raises(AssertionError, match="arm"):
            async with node:
                await node.steps.next(within=60)
        assert anyio.current_time() == 0

    bench.run(main)


def test_an_action_may_be_unreachable(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(driving(bench))
        node.drive.be_unreachable()
        async with node:
            await anyio.sleep(10)

    bench.run(main)
    assert bench.happened == ["ActionUnreachable"]


def test_what_a_goal_cannot_do_now_is_refused_with_the_reason(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(driving(bench))
        async with node:
            goal = await node.drive.next_goal()
            with pytest.raises(GoalMisplayed, match="is not accepted yet"):
                await goal.feedback(Feedback(1))
            with pytest.raises(UnfitValue, match="goal response"):
                await goal.accept(Result(1))  # type: ignore[arg-type]  # pyright: ignore
            await goal.accept()
            with pytest.raises(GoalMisplayed, match="accepted or rejected before"):
                await goal.reject()
            with pytest.raises(UnfitValue, match="action 'move', result: field 'final'"):
                await goal.succeed(Result("far"))  # type: ignore[arg-type]  # pyright: ignore
            await goal.succeed(Result(1))
            with pytest.raises(GoalMisplayed, match=r"result (already|any more)"):
                await goal.succeed(Result(2))

    bench.run(main)


def test_a_goal_that_the_node_gave_up_cannot_be_accepted(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def drive() -> None:
            with anyio.move_on_after(1):
                await DRIVE.fire(runner, Goal(1), 5)
            await STEPS.emit(runner, 1)

        spawn(drive)

    async def main() -> None:
        node = bench.rover(play)
        async with node:
            goal = await node.drive.next_goal()
            await node.steps.next(within=2)
            with pytest.raises(GoalMisplayed, match="the node has given it up"):
                await goal.accept()
            with pytest.raises(
                NotSeen, match=re.escape("has not fired a goal of 'move' again; 1 before")
            ):
                await node.drive.next_goal()

    bench.run(main)


def test_a_goal_ends_when_the_node_fires_another_that_is_accepted(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def fire() -> None:
            for number in range(2):
                bench.kept.append(await DRIVE.fire(runner, Goal(number), 5))

        spawn(fire)

    async def main() -> None:
        node = bench.rover(play)
        async with node:
            first, second = [await accepted(node) for _ in range(2)]
            with pytest.raises(GoalMisplayed, match="the next goal was accepted"):
                await first.feedback(Feedback(1))
            await second.feedback(Feedback(2))

    bench.run(main)


async def accepted(node: Rover) -> GoalOfRover:
    """Return the next goal, accepted."""
    goal = await node.drive.next_goal()
    await goal.accept()
    return goal
