"""A daemon that is killed at every durable step of a launch: one whole stack is left."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock

from peppy.schema import launch as orders
from peppy.schema.control import InstanceState
from peppy.schema.events import EventKind
from tests.actors.stack.embedded import DAEMON_INSTANCE, HOME, Player
from tests.actors.stack.launches import deployment, launch, write_launcher
from tests.actors.stack.mortal import MortalRobot

Work = Callable[[MortalRobot], Awaitable[object]]

OLD = {"front": "old:v1", "rear": "old:v1"}
NEW = {"front": "camera:v1", "screen": "viewer:v1"}
"""Instances and their nodes; one has the same name in both stacks."""


async def old_stack(robot: MortalRobot) -> None:
    await robot.ready("old:v1")
    for instance in OLD:
        await robot.run(instance, "old:v1")


def new_stack(robot: MortalRobot, run: str = "player") -> str:
    camera = robot.source("camera:v1")
    viewer = robot.source("viewer:v1", needs="camera:v1", run=run)
    return write_launcher(robot, [deployment(viewer, "screen"), deployment(camera, "front")])


async def running(robot: MortalRobot) -> dict[str, str]:
    """Return whose instances run; fail if anything else is listed, lives or lies about."""
    # What a daemon starts again after an interrupted launch takes its time.
    await trio.sleep(60.0)
    view = await robot.listed()
    found: dict[str, str] = {}
    for row in view.nodes[1:]:
        for each in row.instances:
            assert each.state is InstanceState.RUNNING, each
            found[each.instance_id] = str(each.node)
    assert robot.living == {f"{DAEMON_INSTANCE}/{name}" for name in found}
    assert robot.workspaces == set()
    assert robot.names(HOME.instances) == set(found)
    assert len(robot.names(HOME.built_nodes)) == 2 * len(view.nodes[1:])
    nodes = {str(row.node) for row in view.nodes[1:]}
    assert nodes == set(found.values())
    return found


async def killed_at(step: int | None, work: Work, *, after: bool) -> tuple[MortalRobot, bool]:
    """Return a robot whose daemon was killed at this step of `work`, and whether it had ended."""
    robot = MortalRobot()
    done = False

    async def live() -> None:
        nonlocal done
        await work(robot)
        done = True

    await robot.live_until(None, lambda: old_stack(robot), after=False)
    await robot.live_until(step, live, after=after)
    return robot, done


async def steps_of(work: Work) -> int:
    """Return how many durable steps a daemon takes that finds the old stack and does `work`."""
    robot, done = await killed_at(None, work, after=False)
    assert done
    return robot.life.steps


async def running_now(robot: MortalRobot) -> dict[str, str]:
    view = await robot.listed()
    return {i.instance_id: i.state.value for row in view.nodes[1:] for i in row.instances}


async def launch_new(robot: MortalRobot) -> None:
    await robot.ask(launch(new_stack(robot)))


async def restart(robot: MortalRobot) -> None:
    await robot.ask(orders.RestartStack(clear_stack=True))


async def fail(robot: MortalRobot) -> None:
    error = await robot.refused(launch(new_stack(robot, run="nothing")))
    assert error.kind == "launch_failed"
    assert "brought back" in error.sentence


PARTS_OF_ALL = 6
"""So many tests share the steps; the first of a launch goes with the fast ones."""

waits = pytest.mark.e2e
shared = pytest.mark.parametrize("part", range(PARTS_OF_ALL))


async def ends(
    work: Work, part: int, *, after_too: bool = False
) -> AsyncIterator[tuple[int, bool, dict[str, str]]]:
    """Yield for each step before which the daemon may die whether `work` was done, and what runs.

    `after_too` has it die after each step as well, which is nearly before the next one.
    """
    steps = await steps_of(work)
    ways = 2 if after_too else 1
    for number in range(part, ways * steps, PARTS_OF_ALL):
        step, after = number // ways + 1, bool(number % ways)
        robot, done = await killed_at(step, work, after=after)
        found: dict[str, str] = {}
        async with robot.daemon():
            found = await running(robot)
        assert robot.failures == []
        assert "undertaking" not in await robot.journal.load()
        yield step, done, found


@pytest.mark.parametrize(
    "part", [0, *(pytest.param(n, marks=waits) for n in range(1, PARTS_OF_ALL))]
)
async def test_a_killed_launch_leaves_one_stack_or_the_other(
    part: int, autojump_clock: MockClock
) -> None:
    seen: list[str] = []
    async for step, done, found in ends(launch_new, part, after_too=True):
        assert found == NEW if done else found in (OLD, NEW), f"step {step}: {found}"
        seen.append("new" if found == NEW else "old")
    # Once the new one is written down, it is never the old one again.
    assert seen == sorted(seen, reverse=True)
    assert set(seen) == {"old", "new"}


@waits
@shared
async def test_a_killed_restart_ends_with_all_that_ran(
    part: int, autojump_clock: MockClock
) -> None:
    async for step, _, found in ends(restart, part):
        assert found == OLD, f"step {step}: {found}"


@waits
@shared
async def test_a_daemon_that_is_killed_on_the_way_back_goes_all_the_way(
    part: int, autojump_clock: MockClock
) -> None:
    async for step, _, found in ends(fail, part):
        assert found == OLD, f"step {step}: {found}"


async def test_what_was_interrupted_long_ago_is_not_started_by_surprise(
    autojump_clock: MockClock,
) -> None:
    robot = MortalRobot({"late": Player(prints=("p",), every=50.0)})

    async def work() -> None:
        await old_stack(robot)
        with trio.move_on_after(10):
            path = write_launcher(robot, [deployment(robot.source("new:v1", run="late"), "new")])
            async with trio.open_nursery() as nursery:
                nursery.start_soon(robot.ask, launch(path))
                await trio.sleep(5)
                robot.life.kill()

    await robot.live_until(None, work, after=False)
    await trio.sleep(3600)
    async with robot.daemon():
        assert await running_now(robot) == {}
        assert [str(row.node) for row in (await robot.listed()).nodes[1:]] == ["old:v1"]
        (event,) = [each for each in robot.journal.log if each.kind is EventKind.BROUGHT_BACK]
        assert "its instances 'front', 'rear' are not started" in event.text
