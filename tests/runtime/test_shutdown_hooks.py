"""Shutdown hooks: in which order, beside what, for how long, and what is said about them."""

import functools
from collections.abc import Awaitable

import anyio
import pytest

from peppy.runtime.hooks import hook_name
from peppy.runtime.lifecycle import Occupancy
from peppy.runtime.runner import NodeRunner
from peppy.runtime.transport.memory import MemoryTransport
from peppy.schema import keys
from peppy.schema.daemon_config import Lifecycle
from peppy.schema.leaving import LeavingStep
from tests.runtime.leaving_nodes import Spawn, World, forever
from tests.runtime.memory_nodes import BACKENDS, Parameters

SHORT = Lifecycle(shutdown_grace_secs=2.0)


@pytest.fixture(params=BACKENDS)
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param)


def test_hooks_run_one_after_the_other_and_the_last_one_first(world: World) -> None:
    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        token = runner.cancellation_token()

        async def disable_motors() -> None:
            assert token.is_cancelled()
            await token.cancelled()
            world.events.append("disabling motors")
            await anyio.sleep(1)
            world.events.append("motors disabled")

        runner.on_shutdown(world.note("lock released"))
        runner.on_shutdown(disable_motors)

    world.live(setup)
    assert world.events == ["disabling motors", "motors disabled", "lock released"]


def test_tasks_and_services_go_on_until_the_last_hook_has_ended(world: World) -> None:
    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        counted: list[int] = []

        async def count() -> None:
            try:
                while True:
                    await anyio.sleep(0.1)
                    counted.append(len(counted))
            finally:
                world.events.append("task torn down")

        async def look() -> None:
            before = len(counted)
            await anyio.sleep(1.05)
            world.events.append(f"counted {len(counted) - before}")
            assert await world.ask(keys.HEALTH_SERVICE) == b""
            world.events.append("healthy")

        spawn(count)
        runner.on_shutdown(look)

    world.live(setup)
    assert world.events == ["counted 10", "healthy", "task torn down"]


def test_a_hook_can_send_what_others_receive(world: World) -> None:
    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        listener = MemoryTransport(world.network)
        heard = listener.subscribe("peppy/last")

        async def say() -> None:
            await runner.transport.publisher("peppy/last").send(b"words")
            world.events.append((await heard.receive()).payload.decode())
            await listener.close()

        runner.on_shutdown(say)

    world.live(setup)
    assert world.events == ["words"]


def test_what_a_plain_hook_returns_is_awaited(world: World) -> None:
    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        async def release(what: str) -> None:
            await anyio.sleep(1)
            world.events.append(f"{what} released")

        runner.on_shutdown(lambda: release("lock"))

    world.live(setup)
    assert world.events == ["lock released"]
    assert [(told.name, told.is_async) for told in world.told if told.step == "hook"] == [
        ("<lambda>", False),
        ("<lambda>", True),
    ]


@pytest.mark.parametrize("failure", [ValueError, SystemExit])
def test_what_a_hook_raises_is_printed_under_its_name_and_the_others_run(
    world: World, failure: type[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        async def release_lock() -> None:
            raise failure("the lock is lost")

        def park_arm() -> None:
            raise failure("the arm is stuck")

        runner.on_shutdown(world.note("first"))
        runner.on_shutdown(release_lock)
        runner.on_shutdown(park_arm)

    world.live(setup)
    assert world.events == ["first"]
    said = capsys.readouterr().err
    assert "error: shutdown hook 'park_arm' failed\nTraceback" in said
    assert f"{failure.__name__}: the arm is stuck" in said
    assert "error: shutdown hook 'release_lock' failed\nTraceback" in said
    assert f"{failure.__name__}: the lock is lost" in said


def test_a_hook_that_waits_forever_is_abandoned_when_the_grace_ends(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    times: list[float] = []

    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        async def park_arm() -> None:
            times.append(anyio.current_time())
            try:
                await forever()
            finally:
                times.append(anyio.current_time())

        runner.on_shutdown(world.note("never"))
        runner.on_shutdown(world.note("never"))
        runner.on_shutdown(park_arm)

    world.live(setup, lifecycle=SHORT)
    assert world.events == []
    assert times[1] - times[0] == pytest.approx(2.0)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("warning: shutdown hook 'park_arm' is abandoned")
    assert "after the 2 s that all hooks have together" in first
    assert second.startswith("warning: not run for want of time: shutdown hook 'noted', 'noted';")


def test_all_hooks_share_one_grace(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        async def slow(name: str) -> None:
            world.events.append(f"{name} begun")
            await anyio.sleep(1.5)
            world.events.append(f"{name} ended")

        runner.on_shutdown(functools.partial(slow, "second"))
        runner.on_shutdown(functools.partial(slow, "first"))

    world.live(setup, lifecycle=SHORT)
    assert world.events == ["first begun", "first ended", "second begun"]
    assert "shutdown hook 'slow' is abandoned" in capsys.readouterr().err
    budgets = [told.budget for told in world.told if told.step is LeavingStep.HOOK]
    assert budgets == pytest.approx([2.0, 0.5])


def test_a_hook_that_is_registered_too_late_is_refused_aloud(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        async def register_one_more() -> None:
            runner.on_shutdown(release_camera)

        def release_camera() -> None:
            world.events.append("ran")

        runner.on_shutdown(register_one_more)

    world.live(setup)
    assert world.events == []
    said = capsys.readouterr().err
    assert said.startswith("warning: shutdown hook 'release_camera' is refused")
    assert said.count("\n") == 1


def test_a_hook_that_is_registered_by_a_task_before_shutdown_runs(world: World) -> None:
    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        async def acquire() -> None:
            await anyio.sleep(1)
            runner.on_shutdown(world.note("released"))
            runner.cancellation_token().cancel()

        spawn(acquire)

    async def beside(occupancy: Occupancy) -> None:
        await occupancy.token.cancelled()

    world.live(setup, beside)
    assert world.events == ["released"]


def test_what_cannot_be_called_is_no_hook(world: World) -> None:
    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        runner.on_shutdown("release_lock")  # type: ignore[arg-type]

    with pytest.raises(TypeError, match="a shutdown hook is a function, not a value of type 'str'"):
        world.live(setup)


def test_the_hooks_of_a_plain_setup_run_as_well(world: World) -> None:
    async def release() -> None:
        await anyio.sleep(1)
        world.events.append("released")

    def on_asyncio(params: Parameters, runner: NodeRunner) -> None:
        runner.on_shutdown(release)
        runner.on_shutdown(world.note("parked"))

    def on_trio(params: Parameters, runner: NodeRunner, nursery: object) -> None:
        on_asyncio(params, runner)

    world.live_with(on_trio if world.backend == "trio" else on_asyncio)
    assert world.events == ["parked", "released"]


def test_each_step_is_told_before_it_begins(world: World) -> None:
    async def setup(runner: NodeRunner, spawn: Spawn) -> None:
        def park_arm() -> None:
            world.events.append(f"told of {world.told[-1].name}")

        async def release_lock() -> None:
            world.events.append(f"told of {world.told[-1].name}")

        runner.on_shutdown(park_arm)
        runner.on_shutdown(release_lock)

    world.live(setup)
    assert world.events == ["told of release_lock", "told of park_arm"]
    assert [(told.step.value, told.name, told.is_async) for told in world.told] == [
        ("hook", "release_lock", True),
        ("hook", "park_arm", False),
        ("tasks", "", True),
        ("exit", "", True),
    ]


class Arm:
    async def park(self) -> None: ...

    def __call__(self) -> Awaitable[None]:
        return self.park()


def test_a_hook_is_called_what_its_author_calls_it() -> None:
    def local() -> None: ...

    assert hook_name(local) == "local"
    assert hook_name(functools.partial(local)) == "local"
    assert hook_name(Arm().park) == "Arm.park"
    assert hook_name(Arm()) == "Arm"
