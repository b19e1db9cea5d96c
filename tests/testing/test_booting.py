"""One node from its `setup` to its end, inside a test."""

import asyncio
import re
from functools import partial
from traceback import format_exception

import anyio
import pytest

from peppy.runtime import datastore
from peppy.runtime.runner import NodeRunner
from peppy.runtime.topics import ConsumedTopic
from peppy.schema.daemon_config import Lifecycle
from peppy.schema.datastore import Encoding, StoredValue
from peppy.schema.durations import HEARTBEAT
from peppy.schema.names import NotAName
from peppy.schema.parameters import ParameterError
from peppy.testing.booting import NodeEnded, WrongLoop
from peppy.testing.failures import NoSuchLink, NotRunning, NotSeen
from peppy.testing.mocks import TopicMock
from peppy.testing.virtual_time import run_virtually
from tests.testing.one_node import (
    BACKENDS,
    STEPS,
    Bench,
    Item,
    Parameters,
    Rover,
    Spawn,
    forever,
    idle,
    setup_of,
)


@pytest.fixture(params=BACKENDS)
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


def test_the_block_begins_when_setup_has_returned(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        await anyio.sleep(7)
        bench.happened.append("set up")

    async def main() -> None:
        async with bench.rover(play):
            assert bench.happened == ["set up"]
            assert anyio.current_time() == pytest.approx(7)

    bench.run(main)


def test_a_setup_that_needs_the_test_runs_beside_the_block(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        await anyio.sleep(3)

    async def main() -> None:
        node = bench.rover(play, wait_until_ready=False)
        async with node:
            assert anyio.current_time() == 0
            with pytest.raises(NotSeen, match="'setup' of node 'rover' has not returned within 2"):
                await node.ready(within=2)
            await node.ready()
            assert anyio.current_time() == pytest.approx(3)

    bench.run(main)


def test_setup_gets_parameters_as_the_document_has_them() -> None:
    got: list[Parameters] = []

    def setup(params: Parameters, runner: NodeRunner) -> None:
        got.append(params)

    async def main() -> None:
        for given in (None, {"rate": 5}, Parameters(rate=7)):
            async with Rover(setup, given):
                pass

    run_virtually("asyncio", main)
    assert got == [Parameters(30), Parameters(5), Parameters(7)]


def test_what_cannot_be_the_nodes_is_refused_before_it_runs() -> None:
    with pytest.raises(ParameterError, match="rate"):
        Rover(setup_of("trio", idle), {"rate": "fast"})
    with pytest.raises(NotAName):
        Rover(setup_of("trio", idle), instance_id="a/b")


def test_an_instance_for_what_the_node_does_not_consume_is_refused(bench: Bench) -> None:
    async def main() -> None:
        with pytest.raises(NoSuchLink, match="'frnt'; did you mean 'front'"):
            async with bench.rover(idle, bindings={"frnt": "left"}):
                pass
        async with bench.rover(idle, bindings={"front": "left"}):
            pass

    bench.run(main)


def test_the_exception_of_a_setup_comes_out_as_it_is(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        raise LookupError("no such device")

    async def main() -> None:
        with pytest.raises(LookupError, match="no such device"):
            async with bench.rover(play):
                bench.happened.append("the block")

    bench.run(main)
    assert bench.happened == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_setup_for_the_other_loop_is_refused_with_the_marker_to_use(backend: str) -> None:
    other = {"asyncio": "trio", "trio": "asyncio"}[backend]

    async def main() -> None:
        with pytest.raises(WrongLoop) as refused:
            async with Rover(setup_of(other, idle)):
                pass
        assert f'@pytest.mark.peppy(loop="{other}")' in (refused.value.hint or "")

    run_virtually(backend, main)


def test_the_end_of_the_block_is_the_nodes_real_end(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def work() -> None:
            try:
                await anyio.sleep_forever()
            finally:
                bench.happened.append("task torn down")

        async def clean_up() -> None:
            await anyio.sleep(1)
            bench.happened.append("second hook")

        spawn(work)
        runner.on_shutdown(bench.noted("first hook"))
        runner.on_shutdown(clean_up)

    async def main() -> None:
        node = bench.rover(play)
        async with node:
            await anyio.sleep(1)
            stage = node.peers.network
            assert stage.present("peppy/alive/**")
        assert stage.present("**") == []
        assert stage.samples.sinks == []
        bench.happened.append("after the block")

    bench.run(main)
    assert bench.happened == ["second hook", "first hook", "task torn down", "after the block"]


def test_probes_give_what_hooks_have_emitted_after_a_shutdown(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def park() -> None:
            for number in range(300):
                await STEPS.emit(runner, number)

        runner.on_shutdown(park)

    async def main() -> None:
        node = bench.rover(play)
        async with node:
            await node.shut_down()
            assert [(await node.steps.next()).number for _ in range(300)] == list(range(300))
            with pytest.raises(
                NodeEnded, match=r"no message on topic 'steps' before it ended; 300 came"
            ):
                await node.steps.next()

    bench.run(main)


def test_hooks_run_when_the_test_fails_and_its_failure_comes_out(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def clean_up() -> None:
            await anyio.sleep(1)
            bench.happened.append("hook")

        runner.on_shutdown(clean_up)

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            async with bench.rover(play):
                _ = 1 / 0

    bench.run(main)
    assert bench.happened == ["hook"]


def test_hooks_run_when_the_test_is_cancelled(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def clean_up() -> None:
            await anyio.sleep(1)
            bench.happened.append("hook")

        runner.on_shutdown(clean_up)

    async def main() -> None:
        with anyio.move_on_after(5) as scope:
            async with bench.rover(play):
                await anyio.sleep_forever()
        assert scope.cancelled_caught
        assert anyio.current_time() == pytest.approx(6)

    bench.run(main)
    assert bench.happened == ["hook"]


def test_a_task_that_fails_fails_the_test(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def work() -> None:
            await anyio.sleep(1)
            raise LookupError("the lens cap is on")

        spawn(work)

    async def main() -> None:
        with pytest.raises(NodeEnded, match="node 'rover' has ended by itself") as failed:
            async with bench.rover(play):
                await anyio.sleep(2)
        assert "the lens cap is on" in said_by(failed.value)

    bench.run(main)


def test_who_waits_for_a_node_that_fails_hears_of_it_at_once(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def work() -> None:
            await anyio.sleep(1)
            raise LookupError("the lens cap is on")

        spawn(work)

    async def main() -> None:
        node = bench.rover(play)
        with pytest.raises(
            NodeEnded, match="on topic 'steps' before it ended: LookupError: the lens cap is on"
        ):
            async with node:
                await node.steps.next(within=60)
        assert anyio.current_time() < 5

    bench.run(main)


def said_by(error: BaseException | None) -> str:
    """Return what an error and all that it comes from say."""
    return "" if error is None else "".join(format_exception(error))


def test_a_node_that_ends_itself_fails_the_test_unless_that_is_awaited(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def work() -> None:
            await anyio.sleep(1)
            runner.cancellation_token().cancel()

        spawn(work)

    async def main() -> None:
        with pytest.raises(NodeEnded, match=re.escape("node 'rover' has ended by itself")):
            async with bench.rover(play):
                await anyio.sleep(2)
        node = bench.rover(play)
        async with node:
            assert await node.ended(within=2) is None

    bench.run(main)


def test_the_end_tells_what_the_node_failed_with() -> None:
    bench = Bench("asyncio")

    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def work() -> None:
            raise LookupError("the lens cap is on")

        spawn(work)

    async def main() -> None:
        node = bench.rover(play)
        async with node:
            assert isinstance(await node.ended(), LookupError)

    bench.run(main)


def test_a_failure_on_the_way_out_fails_the_test(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def work() -> None:
            try:
                await anyio.sleep_forever()
            finally:
                raise LookupError("the log is full")

        spawn(work)

    async def main() -> None:
        with pytest.raises(NodeEnded, match="node 'rover' has failed while it shut down"):
            async with bench.rover(play):
                await anyio.sleep(1)

    bench.run(main)


def test_a_supervised_node_ends_when_its_daemon_falls_silent(bench: Bench) -> None:
    async def main() -> None:
        grace = 4 * HEARTBEAT
        node = bench.rover(idle, supervised=True, lifecycle=Lifecycle(daemon_grace_secs=grace))
        async with node:
            await anyio.sleep(100 * HEARTBEAT)
            assert await node.health()
            node.daemon_falls_silent()
            began = anyio.current_time()
            assert await node.ended(within=2 * grace) is None
            assert anyio.current_time() - began <= grace

    bench.run(main)


def test_a_node_on_its_own_misses_no_daemon(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(idle, lifecycle=Lifecycle(daemon_grace_secs=5))
        async with node:
            await anyio.sleep(3600)

    bench.run(main)


def test_a_node_that_is_asked_is_well_until_it_has_ended(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(idle)
        async with node:
            assert await node.health()
            await node.shut_down()
            assert not await node.health()

    bench.run(main)


def test_tasks_that_setup_has_not_returned_end_with_the_node_and_those_of_the_test_do_not() -> None:
    happened: list[str] = []

    async def wait(who: str) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            happened.append(who)

    kept: list[object] = []

    async def setup(params: Parameters, runner: NodeRunner) -> None:
        async def start_another() -> None:
            kept.append(asyncio.create_task(wait("the node's task's task")))
            await forever()

        kept.append(asyncio.create_task(start_another()))

    async def main() -> None:
        tests_own = asyncio.create_task(wait("the test's"))
        async with Rover(setup):
            await asyncio.sleep(1)
        assert happened == ["the node's task's task"]
        tests_own.cancel()

    run_virtually("asyncio", main)


def test_a_second_life_and_questions_before_the_first_are_refused(bench: Bench) -> None:
    async def main() -> None:
        node = bench.rover(idle)
        with pytest.raises(NotRunning, match="node 'rover' does not run yet"):
            await node.shut_down()
        with pytest.raises(NotRunning, match="publish"):
            await node.images.publish(Item(1))
        async with node:
            pass
        with pytest.raises(RuntimeError, match="boot another one"):
            async with node:
                pass

    bench.run(main)


def test_the_trace_has_the_life_of_the_node_and_what_it_has_said(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        await STEPS.emit(runner, 5)
        runner.on_shutdown(bench.noted("hook"))

    async def main() -> None:
        node = bench.rover(play)
        async with node:
            await anyio.sleep(1)
        seen = [(entry.at, entry.who, entry.name, entry.what) for entry in node.trace.entries]
        assert seen[:2] == [(0, "under_test", "steps", Item(5)), (0, "under_test", "started", "")]
        assert [name for _, _, name, _ in seen[2:]] == ["leaving", "leaving", "leaving", "stopped"]
        assert seen[2][0] == pytest.approx(1)

    bench.run(main)


def test_a_hook_that_fails_fails_the_test_and_the_others_run(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        def fail() -> None:
            raise LookupError("nothing to release")

        runner.on_shutdown(bench.noted("the other"))
        runner.on_shutdown(fail)

    async def main() -> None:
        with pytest.raises(NodeEnded, match=r"failed while it shut down.*nothing to release"):
            async with bench.rover(play):
                pass

    bench.run(main)
    assert bench.happened == ["the other"]


def test_a_hook_that_does_not_come_to_its_end_fails_the_test(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        runner.on_shutdown(bench.noted("too late"))
        runner.on_shutdown(anyio.sleep_forever)

    async def main() -> None:
        with pytest.raises(NodeEnded, match="sleep_forever' is abandoned"):
            async with bench.rover(play):
                pass

    bench.run(main)
    assert bench.happened == []


def test_the_node_and_the_test_share_the_datastore_of_the_daemon(bench: Bench) -> None:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        held = await datastore.get(runner, "lock")
        assert held is not None
        bench.happened.append(f"{held.value!r} of {held.last_modified_by}")
        await datastore.store(runner, "speed", b"5", Encoding.TEXT_PLAIN)
        bench.happened += [entry.key for entry in await datastore.list(runner)]

        async def release() -> None:
            assert await datastore.remove(runner, "lock")

        runner.on_shutdown(release)

    async def main() -> None:
        node = bench.rover(play)
        node.datastore["lock"] = StoredValue(b"mine", Encoding.TEXT_PLAIN, "arm")
        async with node:
            assert sorted(node.datastore) == ["lock", "speed"]
        spoken = StoredValue(b"5", Encoding.TEXT_PLAIN, "under_test")
        assert node.datastore == {"speed": spoken}

    bench.run(main)
    assert bench.happened == ["b'mine' of arm", "lock", "speed"]


def test_of_two_dependencies_on_one_node_each_means_its_own_stand_in(bench: Bench) -> None:
    left = ConsumedTopic("camera", "images", "standard", {"number": "u32"}, Item, link="left")
    right = ConsumedTopic("camera", "images", "standard", {"number": "u32"}, Item, link="right")

    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        async def hear(topic: ConsumedTopic[Item], name: str) -> None:
            while True:
                who, message = await topic.next_message(runner)
                bench.happened.append(f"{name}: {message.number} of {who}")

        spawn(partial(hear, left, "left"))
        spawn(partial(hear, right, "right"))

    async def main() -> None:
        node = bench.rover(play)
        images = [TopicMock(node.peers, topic) for topic in (left, right)]
        async with node:
            for number, mock in enumerate(images):
                await mock.publish(Item(number))
                await anyio.sleep(1)

    bench.run(main)
    assert bench.happened == ["left: 0 of left", "right: 1 of right"]
