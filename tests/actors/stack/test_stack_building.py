"""`node build`: what it makes, and that nothing half-built is left however it ends."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.stack.errors import BuildFailed
from peppy.schema import control
from peppy.schema.control import Stage
from peppy.schema.names import parse_node_id
from tests.actors.stack.embedded import HOME, Builder, Embedded, Machine, embedded

HELLO = parse_node_id("hello:v1")
HANGING = {"hanging": Builder(hangs=True)}


async def stage(robot: Embedded) -> Stage:
    return (await robot.row()).stage


def nothing_built(robot: Machine) -> bool:
    return (
        not robot.living and not robot.workspaces and HOME.artifact(HELLO) not in robot.files.items
    )


async def test_a_second_build_is_refused_while_one_is_under_way(autojump_clock: MockClock) -> None:
    async with embedded({"slow": Builder(every=5.0)}) as robot:
        await robot.add(build="slow")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(robot.build)
            await trio.sleep(1)
            assert await stage(robot) is Stage.BUILDING
            error = await robot.refused(control.BuildNode(node=HELLO))
            assert (error.kind, "'--force'" in (error.hint or "")) == ("in_progress", True)
        assert await stage(robot) is Stage.READY


async def test_a_forced_build_ends_the_one_that_is_under_way(autojump_clock: MockClock) -> None:
    async with embedded({"slow": Builder(every=5.0)}) as robot:
        await robot.add(build="slow")
        refusals: list[str] = []

        async def first() -> None:
            refusals.append((await robot.refused(control.BuildNode(node=HELLO))).kind)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(first)
            await trio.sleep(1)
            built = await robot.ask(control.BuildNode(node=HELLO, force=True))
        assert refusals == ["build_given_up"]
        assert built.seconds == pytest.approx(5.0)
        assert await stage(robot) is Stage.READY
        assert (robot.living, robot.workspaces) == (set(), set())


async def test_a_built_node_is_built_again_only_by_force() -> None:
    async with embedded() as robot:
        await robot.ready()
        assert (await robot.refused(control.BuildNode(node=HELLO))).kind == "already_built"
        await robot.ask(control.BuildNode(node=HELLO, force=True))
        assert await stage(robot) is Stage.READY


async def test_a_failed_build_leaves_the_node_added_and_shows_its_last_lines() -> None:
    lines = tuple(f"line {number}" for number in range(30))
    async with embedded({"broken": Builder(prints=lines, code=3)}) as robot:
        await robot.add(build="broken")
        error = await robot.refused(control.BuildNode(node=HELLO))
        assert isinstance(error, BuildFailed)
        assert "exit code 3" in error.sentence
        assert error.sentence.splitlines()[1:] == [f"  line {n}" for n in range(10, 30)]
        assert error.hint == f"log file: {error.log}"
        assert "[stdout] line 0" in robot.text(error.log)
        assert await stage(robot) is Stage.ADDED
        assert nothing_built(robot)


async def test_a_program_that_is_not_there_fails_the_build() -> None:
    async with embedded() as robot:
        await robot.add(build="absent")
        error = await robot.refused(control.BuildNode(node=HELLO))
        assert "'absent'" in error.sentence
        assert await stage(robot) is Stage.ADDED
        assert nothing_built(robot)


async def test_a_build_that_falls_silent_is_given_up(autojump_clock: MockClock) -> None:
    async with embedded({"hanging": Builder(prints=("a", "b"), every=10.0, hangs=True)}) as robot:
        await robot.add(build="hanging")
        begun = trio.current_time()
        error = await robot.refused(control.BuildNode(node=HELLO))
        assert "no output received for 600 s" in error.sentence
        assert trio.current_time() - begun == pytest.approx(20.0 + control.IDLE_TIMEOUT)
        assert await stage(robot) is Stage.ADDED
        assert nothing_built(robot)


async def test_a_build_that_takes_too_long_is_given_up_whatever_it_prints(
    autojump_clock: MockClock,
) -> None:
    chatty = Builder(prints=("still here",) * 100, every=60.0)
    async with embedded({"chatty": chatty}) as robot:
        await robot.add(build="chatty")
        begun = trio.current_time()
        error = await robot.refused(control.BuildNode(node=HELLO))
        assert "it took over 3600 s" in error.sentence
        assert trio.current_time() - begun == pytest.approx(control.MAX_TIMEOUT)
        assert nothing_built(robot)


async def test_a_failed_rebuild_keeps_the_artifact_that_was_there(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"slow": Builder(every=5.0)}) as robot:
        await robot.ready(build="slow")
        request = control.BuildNode(node=HELLO, force=True, idle_timeout=1.0)
        assert (await robot.refused(request)).kind == "build_failed"
        assert await stage(robot) is Stage.READY
        await robot.run()


@pytest.mark.parametrize("turns", range(30))
async def test_a_build_whose_asker_leaves_is_done_or_leaves_nothing(turns: int) -> None:
    async with embedded() as robot:
        await robot.add()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(robot.build)
            for _ in range(turns):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        await wait_all_tasks_blocked()
        built = await stage(robot) is Stage.READY
        assert built or nothing_built(robot)
        assert (robot.living, robot.workspaces) == (set(), set())
        if not built:
            await robot.build()
        await robot.run()
    assert robot.failures == []


async def test_a_hanging_build_ends_with_its_asker(autojump_clock: MockClock) -> None:
    async with embedded(HANGING) as robot:
        await robot.add(build="hanging")
        with trio.move_on_after(5):
            await robot.build()
        await wait_all_tasks_blocked()
        assert nothing_built(robot)
        assert await stage(robot) is Stage.ADDED


async def test_removing_a_node_ends_its_build(autojump_clock: MockClock) -> None:
    async with embedded(HANGING) as robot:
        await robot.add(build="hanging")
        refusals: list[str] = []

        async def build() -> None:
            refusals.append((await robot.refused(control.BuildNode(node=HELLO))).kind)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(build)
            await trio.sleep(1)
            await robot.ask(control.RemoveNode(node=HELLO))
        assert refusals == ["build_given_up"]
        assert nothing_built(robot)
