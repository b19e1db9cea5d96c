"""`node run` and `node stop`: instances come to run or leave nothing, and end in time."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.stack.attending import ASK_SHUTDOWN
from peppy.actors.stack.errors import StartFailed
from peppy.schema import control
from peppy.schema.durations import force_kill_after
from peppy.schema.errors import PeppyError
from peppy.schema.names import InstanceId, parse_node_id
from tests.actors.stack.embedded import Embedded, Machine, Player, embedded

HELLO = parse_node_id("hello:v1")
FRONT = InstanceId("front")
RUN = control.RunNode(node=HELLO, instance_id=FRONT)
MUTE = Player(ready=False)
DEAF = Player(leaves_in=None, obeys_terminate=False)


async def nothing_runs(robot: Embedded) -> bool:
    return await robot.states() == {} and nothing_left(robot)


def nothing_left(robot: Machine) -> bool:
    return not robot.living and not robot.instance_directories


async def test_a_node_that_is_not_built_cannot_be_run() -> None:
    async with embedded() as robot:
        await robot.add()
        error = await robot.refused(RUN)
        assert (error.kind, "the Added stage" in error.sentence) == ("not_built", True)
        await robot.build()
        await robot.run()


@pytest.mark.parametrize("arguments", [(), ("rate=fast",), ("rat=3",), ("rate=70000",), ("rate",)])
async def test_wrong_and_missing_arguments_are_refused_and_take_no_id(
    arguments: tuple[str, ...],
) -> None:
    async with embedded() as robot:
        await robot.ready(parameters='rate: "u16"')
        request = control.RunNode(node=HELLO, instance_id=FRONT, arguments=arguments)
        error = await robot.refused(request)
        assert "rat" in str(error)
        assert await nothing_runs(robot)
        right = control.RunNode(node=HELLO, instance_id=FRONT, arguments=("rate=3",))
        assert (await robot.ask(right)).instance_id == FRONT


async def test_a_process_that_ends_before_it_is_ready_fails_the_run(
    autojump_clock: MockClock,
) -> None:
    dying = Player(prints=("oh", "no"), ready=False, lasts=1.0, code=4)
    async with embedded({"player": dying}) as robot:
        await robot.ready()
        error = await robot.refused(RUN)
        assert isinstance(error, StartFailed)
        assert "it ended with exit code 4" in error.sentence
        assert error.sentence.splitlines()[-2:] == ["  oh", "  no"]
        assert "[stdout] no" in robot.text(error.log)
        assert await nothing_runs(robot)


async def test_a_program_that_is_not_there_fails_the_run() -> None:
    async with embedded() as robot:
        await robot.ready(run="absent")
        assert "'absent'" in (await robot.refused(RUN)).sentence
        assert await nothing_runs(robot)


async def test_a_start_that_falls_silent_is_given_up(autojump_clock: MockClock) -> None:
    async with embedded({"player": Player(prints=("a", "b"), every=10.0, ready=False)}) as robot:
        await robot.ready()
        begun = trio.current_time()
        error = await robot.refused(RUN)
        assert "no output received for 600 s" in error.sentence
        assert trio.current_time() - begun == pytest.approx(20 + control.IDLE_TIMEOUT)
        assert await nothing_runs(robot)


async def test_a_start_that_takes_too_long_is_given_up_whatever_it_prints(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": Player(prints=("wait",) * 100, every=60.0)}) as robot:
        await robot.ready()
        begun = trio.current_time()
        error = await robot.refused(RUN)
        assert "it took over 3600 s" in error.sentence
        elapsed = trio.current_time() - begun
        # It does not hear the request to end before its last line, so it is terminated or killed.
        assert control.MAX_TIMEOUT <= elapsed <= control.MAX_TIMEOUT + force_kill_after()
        assert await nothing_runs(robot)


async def test_a_running_instance_may_be_silent_for_ever(autojump_clock: MockClock) -> None:
    async with embedded() as robot:
        await robot.ready()
        await robot.run()
        await trio.sleep(10 * control.MAX_TIMEOUT)
        assert await robot.states() == {"front": "running"}


async def test_an_instance_ends_with_the_request_that_waits_for_its_start(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": MUTE}) as robot:
        await robot.ready()
        with trio.move_on_after(5):
            await robot.run()
        await wait_all_tasks_blocked()
        assert await nothing_runs(robot)


@pytest.mark.parametrize("turns", range(24))
async def test_a_start_whose_asker_leaves_runs_or_leaves_nothing(turns: int) -> None:
    async with embedded() as robot:
        await robot.ready()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(robot.run)
            for _ in range(turns):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        await wait_all_tasks_blocked()
        running = await robot.states() == {"front": "running"}
        assert running or nothing_left(robot)
        if not running:
            await robot.run()
    assert robot.failures == []


@pytest.mark.parametrize("turns", range(24))
async def test_an_instance_can_be_stopped_at_any_moment_of_its_start(
    autojump_clock: MockClock, turns: int
) -> None:
    async with embedded() as robot:
        await robot.ready()

        refusals: list[str] = []

        async def run() -> None:
            try:
                await robot.run()
            except PeppyError as error:
                refusals.append(error.kind)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            for _ in range(turns + 2):
                await trio.lowlevel.checkpoint()
            await robot.stop()
        assert refusals in ([], ["start_failed"])
        assert await nothing_runs(robot)
    assert robot.failures == []


async def test_an_instance_id_is_given_once() -> None:
    async with embedded() as robot:
        await robot.ready()
        await robot.run()
        assert (await robot.refused(RUN)).kind == "instance_exists"
        await robot.stop()
        await wait_all_tasks_blocked()
        await robot.run()


async def test_the_nearest_instance_is_named_when_one_is_not_there() -> None:
    async with embedded() as robot:
        await robot.ready()
        await robot.run()
        error = await robot.refused(control.StopInstance(instance_id=InstanceId("fron")))
        assert (error.kind, error.hint) == ("unknown_instance", "did you mean 'front'?")


async def test_a_stop_lasts_as_long_as_the_node_takes_to_leave(autojump_clock: MockClock) -> None:
    async with embedded({"player": Player(leaves_in=3.0, code=2)}) as robot:
        await robot.ready()
        await robot.run()
        stopped = await robot.stop()
        assert (stopped.forced, stopped.ended) == (False, "exit code 2")
        assert stopped.seconds == pytest.approx(3.0)
        assert await nothing_runs(robot)


async def test_a_node_that_does_not_hear_the_request_is_terminated(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": Player(leaves_in=None)}) as robot:
        await robot.ready()
        await robot.run()
        stopped = await robot.stop()
        assert (stopped.forced, stopped.ended) == (False, "signal SIGTERM")
        assert stopped.seconds == pytest.approx(ASK_SHUTDOWN)


async def test_a_node_that_obeys_nothing_is_killed_when_its_time_is_over(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": DEAF}) as robot:
        await robot.ready()
        await robot.run()
        begun = trio.current_time()
        stopped = await robot.stop()
        assert (stopped.forced, stopped.ended) == (True, "signal SIGKILL")
        assert stopped.seconds == pytest.approx(force_kill_after())
        assert trio.current_time() - begun == pytest.approx(force_kill_after())
        assert await nothing_runs(robot)


async def test_everybody_who_asks_to_stop_an_instance_is_answered(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": DEAF}) as robot:
        await robot.ready()
        await robot.run()
        answers: list[control.StopView] = []

        async def stop(after: float) -> None:
            await trio.sleep(after)
            answers.append(await robot.stop())

        async with trio.open_nursery() as nursery:
            for after in (0, 0, 4):
                nursery.start_soon(stop, after)
        assert len(answers) == 3
        assert len(set(map(repr, answers))) == 1


@pytest.mark.parametrize(("code", "state"), [(0, "finished"), (3, "failed")])
async def test_an_instance_that_ends_by_itself_stays_listed_until_it_is_stopped(
    autojump_clock: MockClock, code: int, state: str
) -> None:
    async with embedded({"player": Player(lasts=5.0, code=code)}) as robot:
        await robot.ready()
        await robot.run()
        await trio.sleep(10)
        (instance,) = (await robot.row()).instances
        assert (instance.state.value, instance.ended) == (state, f"exit code {code}")
        assert (await robot.refused(RUN)).kind == "instance_exists"
        stopped = await robot.stop()
        assert (stopped.forced, stopped.ended) == (False, f"exit code {code}")
        assert stopped.seconds == pytest.approx(0.0)
        assert await nothing_runs(robot)
