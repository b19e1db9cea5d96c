"""What a node offers, as a test sees and uses it."""

import anyio
import pytest

from peppy.runtime.action_errors import ActionFeedbackEnded, ActionUnreachable
from peppy.runtime.action_server import ActionServer
from peppy.runtime.runner import NodeRunner
from peppy.runtime.service_errors import ServiceError, ServiceUnreachable
from peppy.runtime.unfit import UnfitValue
from peppy.testing.failures import NodeEnded, NotSeen
from tests.runtime import action_nodes, service_nodes
from tests.runtime.action_nodes import Feedback, Goal, Result
from tests.runtime.service_nodes import RequestData, Response
from tests.testing.one_node import BACKENDS, MOVE, REPEAT, SPEED, STEPS, Bench, Item, Play, Spawn
from tests.testing.one_node import idle as does_nothing


@pytest.fixture(params=BACKENDS)
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


def emitting(numbers: int, every: float = 1.0) -> Play:
    """Return a play that emits so many messages on a topic."""

    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def emit() -> None:
            for number in range(numbers):
                await anyio.sleep(every)
                await STEPS.emit(runner, number)

        spawn(emit)

    return play


def test_messages_come_one_after_the_other_as_they_are_emitted(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(emitting(3))
        async with node:
            for number in range(3):
                assert await node.steps.next(within=1.5) == Item(number)
                assert anyio.current_time() == pytest.approx(number + 1)
        assert node.steps.received == [Item(0), Item(1), Item(2)]

    bench.run(main)


def test_a_flood_is_heard_to_its_last_message_in_order(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def flood() -> None:
            for number in range(3000):
                await STEPS.emit(runner, number)

        spawn(flood)

    async def main() -> None:
        node = bench.rover(play)
        async with node:
            await anyio.sleep(1)
            assert [item.number for item in node.steps.received] == list(range(3000))
            messages = [entry for entry in node.trace.entries if entry.name == "steps"]
            assert [entry.what.number for entry in messages] == list(range(3000))

    bench.run(main)


def test_a_chosen_message_is_waited_for_and_others_are_passed_over(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(emitting(9))
        async with node:
            assert await node.steps.next(9, where=lambda item: item.number == 3) == Item(3)
            assert await node.steps.next(9) == Item(4)
            await anyio.sleep(2.5)
            assert await node.steps.next(where=lambda item: item.number == 6) == Item(6)
            assert anyio.current_time() == pytest.approx(7.5)
            says = "no such message on topic 'steps' within 2.5 s; 2 others came, the last is"
            with pytest.raises(NotSeen, match=says):
                await node.steps.next(2.5, where=lambda item: item.number == 3)

    bench.run(main)


def test_a_message_that_does_not_come_fails_and_says_what_came_instead(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        await SPEED.emit(runner, 1)
        await SPEED.emit(runner, 2)

    async def main() -> None:
        node = bench.rover(play)
        async with node:
            says = r"no message on topic 'steps' within 1 s; it has emitted 'speed' \(2\)"
            with pytest.raises(NotSeen, match=says):
                await node.steps.next()
            await node.speed.next()
            await node.speed.next()
            with pytest.raises(NotSeen, match=r"2 came before, the last is Item\(number=2\)"):
                await node.speed.next()
        node = bench.rover(does_nothing)
        async with node:
            with pytest.raises(NotSeen, match="and none on any other"):
                await node.steps.next()

    bench.run(main)


def test_silence_is_checked_and_a_message_breaks_it(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(emitting(1, every=3))
        async with node:
            await node.steps.stays_silent(2.5)
            assert anyio.current_time() == pytest.approx(2.5)
            with pytest.raises(AssertionError, match=r"was to stay silent.*number=0"):
                await node.steps.stays_silent(2.5)

    bench.run(main)


def test_messages_can_be_iterated_over_until_the_node_ends(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def work() -> None:
            for number in range(3):
                await STEPS.emit(runner, number)
                await anyio.sleep(1)
            runner.cancellation_token().cancel()

        spawn(work)

    async def main() -> None:
        node = bench.rover(play)
        async with node:
            assert [item.number async for item in node.steps] == [0, 1, 2]
            await node.ended()

    bench.run(main)


def serving(runner: NodeRunner, spawn: Spawn) -> None:
    async def serve() -> None:
        await REPEAT.handle_requests(runner, service_nodes.repeat)

    spawn(serve)


def test_a_service_of_the_node_is_called_as_others_call_it(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        serving(runner, spawn)

    async def main() -> None:
        node = bench.rover(play)
        async with node:
            assert await node.repeat.call(RequestData("ho", 2)) == Response("hoho")
            assert await node.repeat.call(RequestData("ho", 3), timeout=2) == Response("hohoho")
            with pytest.raises(UnfitValue, match="times"):
                await node.repeat.call(RequestData("ho", -1))
            await node.shut_down()
            with pytest.raises(ServiceUnreachable):
                await node.repeat.call(RequestData("ho", 2))

    bench.run(main)


def test_a_service_that_fails_or_is_not_there_says_so(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(request: service_nodes.Request) -> Response:
        raise LookupError("no such word")

    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def serve() -> None:
            await anyio.sleep(3)
            await REPEAT.handle_requests(runner, fail)

        spawn(serve)

    async def main() -> None:
        node = bench.rover(play)
        async with node:
            with pytest.raises(ServiceUnreachable, match="'rover' is running and did not serve"):
                await node.repeat.call(RequestData("ho", 2), timeout=2)
            with pytest.raises(ServiceError, match="LookupError: no such word"):
                await node.repeat.call(RequestData("ho", 2), timeout=2)

    bench.run(main)
    assert "no such word" in capsys.readouterr().err


async def serve_goals(server: ActionServer, *, cancel: bool) -> None:
    while True:
        await action_nodes.accept(server)
        for position in range(3):
            await anyio.sleep(1)
            await server.emit_feedback(Feedback(position))
        if cancel:
            await action_nodes.let_cancel(server)
        else:
            await action_nodes.finish(server, final=2)


def moving(*, cancel: bool = False) -> Play:
    """Return a play that carries out goals, to their results or until they are cancelled."""

    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        server = await MOVE.expose(runner)

        async def serve() -> None:
            await serve_goals(server, cancel=cancel)

        spawn(serve)

    return play


def test_a_goal_is_followed_to_its_result(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(moving())
        async with node:
            goal = await node.move.fire(Goal(1))
            assert goal.data.accepted
            assert await goal.next_feedback(within=1.5) == Feedback(0)
            with pytest.raises(NotSeen, match=r"no feedback for the goal of 'move' within 0\.5 s"):
                await goal.next_feedback(within=0.5)
            assert await goal.result(timeout=3) == Result(2)
            assert [feedback.position async for feedback in goal.feedback()] == [1, 2]
            with pytest.raises(ActionFeedbackEnded):
                await goal.next_feedback()

    bench.run(main)


def test_a_goal_can_be_cancelled(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(moving(cancel=True))
        async with node:
            goal = await node.move.fire(Goal(1))
            answer = await goal.cancel(timeout=5)
            assert (answer.accepted, answer.error_message) == (True, "as you wish")

    bench.run(main)


def test_an_action_that_is_not_there_says_so(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(does_nothing)
        async with node:
            with pytest.raises(ActionUnreachable, match="'rover' is running and has not exposed"):
                await node.move.fire(Goal(1))

    bench.run(main)


def test_iterating_ends_with_a_node_that_fails_and_the_test_fails_by_it(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def work() -> None:
            await STEPS.emit(runner, 1)
            await anyio.sleep(1)
            raise LookupError("lost")

        spawn(work)

    async def main() -> None:
        node = bench.rover(play)
        with pytest.raises(NodeEnded, match="has ended by itself"):
            async with node:
                bench.happened += [str(item.number) async for item in node.steps]

    bench.run(main)
    assert bench.happened == ["1"]
