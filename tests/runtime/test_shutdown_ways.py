"""Every way in which a node is asked to end leads through the same steps."""

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import pytest
import trio

from peppy.runtime.asyncio_life import run_on_asyncio
from peppy.runtime.lifecycle import Occupancy, run_node
from peppy.runtime.runner import NodeRunner
from peppy.runtime.transport.memory import MemoryTransport
from peppy.schema import keys
from peppy.schema.daemon_config import Lifecycle
from peppy.schema.durations import TASK_TEARDOWN
from peppy.testing.virtual_time import run_virtually
from tests.runtime.leaving_nodes import Spawn, World, forever
from tests.runtime.memory_nodes import (
    BACKENDS,
    BINDING,
    Parameters,
    live,
    settings,
    until_ready,
)

IN_ORDER = ["token", "hook begun", "hook ended", "task torn down"]


@pytest.fixture(params=BACKENDS)
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param)


async def well_behaved(world: World, runner: NodeRunner, spawn: Spawn) -> None:
    """Set up a task and a hook, and note when what happens to them."""

    async def work() -> None:
        try:
            await runner.cancellation_token().cancelled()
            world.events.append("token")
            await forever()
        finally:
            world.events.append("task torn down")

    async def clean_up() -> None:
        await anyio.sleep(0.5)
        world.events.append("hook begun")
        await anyio.sleep(1)
        world.events.append("hook ended")

    spawn(work)
    runner.on_shutdown(clean_up)


def the_well_behaved(world: World) -> Callable[[NodeRunner, Spawn], Awaitable[None]]:
    return lambda runner, spawn: well_behaved(world, runner, spawn)


def test_an_in_band_request_leads_through_all_steps(world: World) -> None:
    async def beside(occupancy: Occupancy) -> None:
        await until_ready(world.network)
        await world.ask(keys.SHUTDOWN_SERVICE)
        await forever()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(beside, Occupancy())
            await live(world.setup_of(the_well_behaved(world)), None, world.network)
            tasks.cancel_scope.cancel()

    run_virtually(world.backend, main)
    assert world.events == IN_ORDER


def test_cancelling_its_token_from_inside_leads_through_all_steps(world: World) -> None:
    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        await well_behaved(world, runner, spawn)

        async def finish() -> None:
            await anyio.sleep(3)
            runner.cancellation_token().cancel()

        spawn(finish)

    world.live(setup, lambda occupancy: occupancy.token.cancelled())
    assert world.events == IN_ORDER


def test_an_error_of_setup_leads_through_all_steps_and_comes_out(world: World) -> None:
    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        await well_behaved(world, runner, spawn)
        await anyio.sleep(1)
        runner.on_shutdown(world.note("what was acquired last is released first"))
        raise LookupError("no camera")

    with pytest.raises(LookupError, match="no camera"):
        world.live(setup)
    steps = [event for event in world.events if event != "task torn down"]
    assert sorted(steps[:2]) == ["token", "what was acquired last is released first"]
    assert steps[2:] == ["hook begun", "hook ended"]
    if world.backend == "trio":  # asyncio knows of no task that `setup` did not return
        assert world.events[-1] == "task torn down"


def test_the_silence_of_the_daemon_leads_through_all_steps(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    times: list[float] = []

    async def beside(occupancy: Occupancy) -> None:
        await until_ready(world.network)
        times.append(anyio.current_time())
        await occupancy.token.cancelled()
        times.append(anyio.current_time())

    lifecycle = Lifecycle(daemon_grace_secs=30.0)
    world.live(the_well_behaved(world), beside, supervised=True, lifecycle=lifecycle)
    assert world.events == IN_ORDER
    assert times[1] - times[0] == pytest.approx(30)
    assert "no sign of life of the daemon for 30 s" in capsys.readouterr().err


def test_cancelling_run_node_leads_through_all_steps(world: World) -> None:
    async def main() -> None:
        transport = MemoryTransport(world.network)
        setup = world.setup_of(the_well_behaved(world))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_node, BINDING, setup, settings(), transport)
            await until_ready(world.network)
            tasks.cancel_scope.cancel()

    run_virtually(world.backend, main)
    assert world.events == IN_ORDER


def test_cancelling_the_task_of_run_node_leads_through_all_steps() -> None:
    world = World("asyncio")

    async def main() -> None:
        transport = MemoryTransport(world.network)
        setup = world.setup_of(the_well_behaved(world))
        node = asyncio.ensure_future(run_node(BINDING, setup, settings(), transport))
        await until_ready(world.network)
        node.cancel()
        with pytest.raises(asyncio.CancelledError):
            await node

    run_virtually("asyncio", main)
    assert world.events == IN_ORDER


def test_the_failure_of_an_asyncio_task_leads_through_all_steps() -> None:
    world = World("asyncio")

    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        await well_behaved(world, runner, spawn)

        async def fail() -> None:
            await anyio.sleep(1)
            raise ValueError("the motor is hot")

        spawn(fail)

    world.live(setup, lambda occupancy: occupancy.token.cancelled())
    assert world.events == IN_ORDER


def test_the_failure_of_a_trio_task_cancels_the_others_and_then_the_hooks_run() -> None:
    world = World("trio")

    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        await well_behaved(world, runner, spawn)

        async def fail() -> None:
            await anyio.sleep(1)
            raise ValueError("the motor is hot")

        spawn(fail)

    with pytest.raises(ExceptionGroup) as caught:
        world.live(setup, lambda occupancy: occupancy.token.cancelled())
    assert [str(error) for error in caught.value.exceptions] == ["the motor is hot"]
    assert world.events == ["task torn down", "hook begun", "hook ended"]


def test_an_in_band_request_breaks_off_a_setup_that_waits(world: World) -> None:
    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        runner.on_shutdown(world.note("hook"))
        try:
            await forever()
        finally:
            world.events.append("broken off")

    async def beside(occupancy: Occupancy) -> None:
        await anyio.sleep(1)
        await world.ask(keys.SHUTDOWN_SERVICE)
        await forever()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(beside, Occupancy())
            await live(world.setup_of(setup), None, world.network)
            tasks.cancel_scope.cancel()

    run_virtually(world.backend, main)
    assert world.events == ["broken off", "hook"]


def test_a_setup_that_refuses_to_be_broken_off_leaves_the_hooks_half_of_the_grace(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    times: list[float] = []

    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        async def clean_up() -> None:
            times.append(anyio.current_time())
            await forever()

        runner.on_shutdown(clean_up)
        with anyio.CancelScope(shield=True):
            # On asyncio such a scope keeps nothing off that is not anyio's.
            for _ in range(20):
                try:
                    await anyio.sleep(1)
                except asyncio.CancelledError:
                    continue

    async def beside(occupancy: Occupancy) -> None:
        await anyio.sleep(1)
        times.append(anyio.current_time())
        occupancy.end()
        await forever()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            occupancy = Occupancy(on_stuck=lambda: times.append(-1))
            transport = MemoryTransport(world.network)
            tasks.start_soon(beside, occupancy)
            await run_node(BINDING, world.setup_of(setup), settings(), transport, occupancy)
            tasks.cancel_scope.cancel()

    run_virtually(world.backend, main)
    asked, cleaning, *stuck = times
    assert cleaning - asked == pytest.approx(2.5)
    said = capsys.readouterr().err
    assert "warning: setup did not end within 2.5 s of being cancelled" in said
    assert "shutdown hook 'clean_up' is abandoned" in said
    assert f"within {TASK_TEARDOWN:g} s" in said
    assert stuck == ([-1] if world.backend == "trio" else [])


def test_a_breaking_off_is_told(world: World) -> None:
    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        await forever()

    async def beside(occupancy: Occupancy) -> None:
        await anyio.sleep(1)
        occupancy.end()

    world.live(setup, beside)
    assert [told.step.value for told in world.told] == ["setup", "tasks", "exit"]


def test_a_hook_may_cancel_a_task_and_wait_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    world = World("asyncio")

    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        task = asyncio.ensure_future(forever())

        async def stop_task() -> None:
            task.cancel()
            await task

        runner.on_shutdown(world.note("the next hook"))
        runner.on_shutdown(stop_task)

    world.live(setup)
    assert world.events == ["the next hook"]
    assert "shutdown hook 'stop_task' was cancelled" in capsys.readouterr().err


def test_a_hook_that_cancels_every_task_keeps_no_other_from_running() -> None:
    world = World("asyncio")

    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        async def cancel_all() -> None:
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()
            await asyncio.sleep(0)

        async def release() -> None:
            await asyncio.sleep(0)
            world.events.append("released")

        runner.on_shutdown(release)
        runner.on_shutdown(cancel_all)
        runner.cancellation_token().cancel()

    run_on_asyncio(
        lambda: run_node(BINDING, world.setup_of(setup), settings(), MemoryTransport(world.network))
    )
    assert world.events == ["released"]


def test_a_trio_node_may_end_itself_by_its_nursery() -> None:
    events: list[str] = []

    async def setup(params: Parameters, runner: NodeRunner, nursery: trio.Nursery) -> None:
        async def finish() -> None:
            nursery.cancel_scope.cancel()

        runner.on_shutdown(lambda: events.append("hook"))
        nursery.start_soon(finish)

    World("trio").live_with(setup, lambda occupancy: occupancy.token.cancelled())
    assert events == ["hook"]
