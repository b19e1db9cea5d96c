"""Launches that are disturbed: by a full disk, by what people do meanwhile, by the end of all."""

from collections.abc import Callable, Mapping, Sequence

import pytest
import trio
from trio.testing import MockClock

from peppy.actors.host.memory_journal import MemoryJournal
from peppy.actors.host.ports import HostError
from peppy.actors.kernel import ActorEnded
from peppy.actors.stack.errors import GoingDown
from peppy.actors.stack.ledger import UNDERTAKING
from peppy.schema import control
from peppy.schema import launch as orders
from peppy.schema.errors import PeppyError
from peppy.schema.events import Event, EventKind
from peppy.schema.names import InstanceId, parse_node_id
from tests.actors.stack.embedded import HOME, PARTS, Builder, Embedded, Part, Player, embedded
from tests.actors.stack.launches import deployment, launch, write_launcher
from tests.actors.stack.mortal import MortalRobot

QUITS: Mapping[str, Part] = {
    "slow_builder": Builder(prints=("b",), every=10.0),
    "quitter": Player(prints=("no camera",), every=5.0, ready=False, lasts=6.0, code=4),
}
"""A build of 10 s, and a program that gives up 6 s after it was started."""


class Watched(MemoryJournal):
    """A journal of which a test is told before something of the whole stack is written."""

    before: Callable[[bool], None] | None = None
    """Called with whether there will be such a record afterwards; what it raises is raised."""

    async def commit(
        self, records: Mapping[str, bytes | None], events: Sequence[Event] = ()
    ) -> tuple[Event, ...]:
        if self.before is not None and UNDERTAKING in records:
            self.before(records[UNDERTAKING] is not None)
        return await super().commit(records, events)


class Watching(Embedded):
    """A machine with such a journal."""

    def __init__(self, parts: Mapping[str, Part] | None = None) -> None:
        super().__init__({**PARTS, **QUITS, **(parts or {})})
        self.watched = Watched()
        self.host = type(self.host)(
            clock=self.host.clock,
            processes=self.host.processes,
            files=self.host.files,
            sources=self.host.sources,
            journal=self.watched,
        )


async def states(robot: Embedded) -> dict[str, str]:
    view = await robot.listed()
    return {each.instance_id: each.state.value for row in view.nodes[1:] for each in row.instances}


def failing(robot: Embedded, *, build: str = "builder") -> str:
    """Write a launch whose instance does not come up; return its file."""
    source = robot.source("new:v1", build=build, run="quitter")
    return write_launcher(robot, [deployment(source, "new")])


async def found_after(robot: Embedded) -> dict[str, str]:
    """Return what runs under the next daemon, a while after it came up."""
    async with embedded(machine=robot):
        await trio.sleep(60.0)
        return await states(robot)


async def test_an_end_that_comes_just_before_the_way_back_starts_nothing_under_the_next_daemon(
    autojump_clock: MockClock,
) -> None:
    robot = Watching()
    async with embedded(machine=robot), trio.open_nursery() as nursery:
        await robot.ready()
        await robot.run()
        path = failing(robot)

        def note(item: object) -> None:
            if getattr(item, "state", None) == "failed":
                nursery.start_soon(robot.take_down)

        with pytest.raises(PeppyError, match="nothing is started again"):
            await robot.stack.ask(launch(path), note=note)
    assert robot.failures == []
    assert await found_after(robot) == {}


async def test_an_end_that_comes_just_before_a_restart_stops_anything_starts_nothing_later(
    autojump_clock: MockClock,
) -> None:
    robot = Watching()
    async with embedded(machine=robot), trio.open_nursery() as nursery:
        await robot.ready()
        await robot.run()
        began: list[None] = []

        def end(there: bool) -> None:
            if there and not began:
                began.append(None)
                nursery.start_soon(robot.take_down)

        robot.watched.before = end
        await robot.refused(orders.RestartStack(clear_stack=True))
    assert robot.failures == []
    assert await found_after(robot) == {}


async def test_a_way_back_that_cannot_be_written_down_leaves_a_stack_that_answers(
    autojump_clock: MockClock,
) -> None:
    robot = Watching()
    async with embedded(machine=robot):
        await robot.ready()
        await robot.run()
        writes: list[bool] = []

        def fill(there: bool) -> None:
            writes.append(there)
            if len(writes) == 3:  # stopping, starting, going back
                raise HostError("cannot write the journal: no space left on device")

        robot.watched.before = fill
        error = await robot.refused(launch(failing(robot)))
        assert "could not be brought back" in error.sentence
        robot.watched.before = None
        for name in ("front", "new"):
            error = await robot.refused(control.StopInstance(instance_id=InstanceId(name)))
            assert error.sentence == f"there is no instance '{name}'"
        await robot.listed()
    assert robot.failures == []
    assert await found_after(robot) == {"front": "running"}


async def test_a_disk_that_is_full_for_a_moment_once_all_is_stopped_brings_the_stack_back(
    autojump_clock: MockClock,
) -> None:
    robot = Watching()
    async with embedded(machine=robot):
        await robot.ready()
        await robot.run()
        writes: list[bool] = []

        def fill(there: bool) -> None:
            writes.append(there)
            if len(writes) in (2, 3):  # starting, going back
                raise HostError("cannot write the journal: no space left on device")

        robot.watched.before = fill
        error = await robot.refused(launch(failing(robot)))
        assert "no space left on device" in error.sentence
        assert "1 instance of it run" in error.sentence
        assert await states(robot) == {"front": "running"}
        assert UNDERTAKING not in robot.watched.records
    assert robot.failures == []


async def test_what_somebody_stops_during_a_launch_stays_stopped_when_it_fails(
    autojump_clock: MockClock,
) -> None:
    robot = Watching()
    async with embedded(machine=robot), trio.open_nursery() as nursery:
        await robot.ready()
        await robot.run("front")
        await robot.run("rear")
        nursery.start_soon(robot.refused, launch(failing(robot, build="slow_builder")))
        await trio.sleep(5.0)
        await robot.stop("front")
        await trio.sleep(60.0)
        assert await states(robot) == {"rear": "running"}


async def test_what_is_being_stopped_when_a_launch_begins_is_not_started_again(
    autojump_clock: MockClock,
) -> None:
    robot = Watching({"slow": Player(leaves_in=8.0)})
    async with embedded(machine=robot), trio.open_nursery() as nursery:
        await robot.ready(run="slow")
        await robot.run("front")
        await robot.run("rear")
        nursery.start_soon(robot.stop, "front")
        await trio.sleep(1.0)
        error = await robot.refused(launch(failing(robot)))
        assert "1 instance of it run" in error.sentence
        assert await states(robot) == {"rear": "running"}


async def test_a_build_that_is_under_way_when_a_launch_begins_takes_nothing_from_the_way_back(
    autojump_clock: MockClock,
) -> None:
    robot = Watching()
    async with embedded(machine=robot), trio.open_nursery() as nursery:
        await robot.ready(build="slow_builder")
        await robot.run()

        async def build_again() -> None:
            node = parse_node_id("hello:v1")
            try:
                await robot.ask(control.BuildNode(node=node, force=True))
            except PeppyError:
                return

        nursery.start_soon(build_again)
        await trio.sleep(1.0)
        error = await robot.refused(launch(failing(robot)))
        assert "1 instance of it run" in error.sentence, error
        assert await states(robot) == {"front": "running"}


@pytest.mark.parametrize("seconds", [1.0, 5.0])
async def test_a_daemon_that_is_renewed_during_a_restart_starts_what_was_stopped(
    seconds: float, autojump_clock: MockClock
) -> None:
    # Each of the two starts takes 3 s, one after the other.
    robot = Watching({"late": Player(prints=("p",), every=3.0)})

    async def restart() -> None:
        with pytest.raises((ActorEnded, GoingDown)):
            await robot.ask(orders.RestartStack(clear_stack=True))

    async with trio.open_nursery() as nursery, embedded(machine=robot):
        await robot.ready("camera:v1", run="late")
        await robot.ready("viewer:v1", run="late", needs="camera:v1")
        await robot.run("eye", "camera:v1")
        await robot.run("screen", "viewer:v1")
        nursery.start_soon(restart)
        await trio.sleep(seconds)
    assert all(isinstance(error, GoingDown) for error in robot.failures)
    assert await found_after(robot) == {"eye": "running", "screen": "running"}


@pytest.mark.parametrize("rollback", [True, False])
async def test_a_daemon_that_is_renewed_while_a_launch_starts_has_the_former_stack(
    rollback: bool, autojump_clock: MockClock
) -> None:
    robot = Watching({"late": Player(prints=("p",), every=30.0)})

    async def begin(path: str) -> None:
        with pytest.raises((ActorEnded, GoingDown)):
            await robot.ask(launch(path, rollback=rollback))

    async with trio.open_nursery() as nursery, embedded(machine=robot):
        await robot.ready()
        await robot.run()
        camera = robot.source("camera:v1")
        viewer = robot.source("viewer:v1", needs="camera:v1", run="late")
        path = write_launcher(robot, [deployment(camera, "eye"), deployment(viewer, "screen")])
        nursery.start_soon(begin, path)
        await trio.sleep(5.0)
    assert all(isinstance(error, ActorEnded) for error in robot.failures), robot.failures
    assert await found_after(robot) == {"front": "running"}


async def test_an_artifact_that_is_gone_is_built_again(autojump_clock: MockClock) -> None:
    robot = Watching()
    async with embedded(machine=robot):
        path = write_launcher(robot, [deployment(robot.source(), "front")])
        await robot.ask(launch(path))
        (artifact,) = [each for each in robot.files.items if each.name.endswith(".tar.zst")]
        await robot.host.files.remove(artifact)
        plan = await robot.ask(orders.PlanLaunch(launcher=path))
        assert [node.reused for node in plan.nodes] == [False]
        await robot.ask(launch(path))
        assert await states(robot) == {"front": "running"}


async def test_a_daemon_that_is_killed_while_it_ends_a_launch_leaves_nothing_of_it(
    autojump_clock: MockClock,
) -> None:
    parts = {"slow": Player(leaves_in=5.0), "late": Player(prints=("p",), every=60.0)}
    robot = MortalRobot(parts)

    async def work() -> None:
        await robot.ready("camera:v1")
        await robot.run("front", "camera:v1")
        camera = robot.source("camera:v1", run="slow")
        viewer = robot.source("viewer:v1", needs="camera:v1", run="late")
        path = write_launcher(robot, [deployment(camera, "rear"), deployment(viewer, "screen")])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(robot.refused, launch(path))
            await trio.sleep(5.0)
            assert await states(robot) == {"rear": "running", "screen": "starting"}
            nursery.start_soon(robot.take_down)
            await trio.sleep(2.0)
            robot.life.kill()

    await robot.live_until(None, work, after=False)
    async with robot.daemon():
        await trio.sleep(60.0)
        assert await states(robot) == {}
        assert await robot.nodes() == [parse_node_id("camera:v1")]
        assert robot.living == set()
        await robot.run("front", "camera:v1")


async def test_an_end_that_meets_the_return_of_a_stack_says_so_and_starts_nothing_later(
    autojump_clock: MockClock,
) -> None:
    robot = MortalRobot({"late": Player(prints=("p",), every=30.0)})

    async def work() -> None:
        await robot.ready("camera:v1", run="late")
        await robot.run("front", "camera:v1")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(robot.ask, orders.RestartStack(clear_stack=True))
            await trio.sleep(5.0)
            robot.life.kill()

    await robot.live_until(None, work, after=False)
    async with robot.daemon():
        await trio.sleep(5.0)
        assert await states(robot) == {"front": "starting"}
        await robot.take_down()
    async with robot.daemon():
        await trio.sleep(60.0)
        assert await states(robot) == {}
    (said,) = [each.text for each in robot.journal.log if each.kind is EventKind.BROUGHT_BACK]
    assert "not started again" in said


async def test_a_stack_that_was_not_replaced_keeps_its_files_also_without_rollback(
    autojump_clock: MockClock,
) -> None:
    robot = Watching()
    async with embedded(machine=robot):
        await robot.ready()
        await robot.run()
        before = robot.names(HOME.built_nodes)
        writes: list[bool] = []

        def fill(there: bool) -> None:
            writes.append(there)
            if len(writes) == 2:  # starting
                raise HostError("cannot write the journal: no space left on device")

        robot.watched.before = fill
        path = write_launcher(robot, [deployment(robot.source("new:v1"), "new")])
        await robot.refused(launch(path, rollback=False))
        assert await robot.nodes() == [parse_node_id("hello:v1")]
        assert robot.names(HOME.built_nodes) == before
        await robot.run("rear")


async def test_a_launch_of_which_something_has_failed_meanwhile_has_failed(
    autojump_clock: MockClock,
) -> None:
    parts: dict[str, Part] = {
        "dies": Player(lasts=1.0, code=3),
        "late": Player(prints=("p",), every=10.0),
    }
    async with embedded(parts) as robot:
        await robot.ready()
        await robot.run()
        camera = robot.source("camera:v1", run="dies")
        viewer = robot.source("viewer:v1", needs="camera:v1", run="late")
        path = write_launcher(robot, [deployment(camera, "cam"), deployment(viewer, "screen")])
        error = await robot.refused(launch(path))
        assert "instance 'cam' did not start: it ended with exit code 3" in error.sentence
        assert "the stack before was brought back" in error.sentence


async def test_what_ends_well_while_others_start_is_no_failure(
    autojump_clock: MockClock,
) -> None:
    parts: dict[str, Part] = {
        "done": Player(lasts=1.0),
        "late": Player(prints=("p",), every=10.0),
    }
    async with embedded(parts) as robot:
        first = robot.source("first:v1", run="done")
        second = robot.source("second:v1", needs="first:v1", run="late")
        path = write_launcher(robot, [deployment(first, "a"), deployment(second, "b")])
        assert len((await robot.ask(launch(path))).started) == 2


async def test_a_change_that_was_acknowledged_counts_more_than_a_way_back_that_failed(
    autojump_clock: MockClock,
) -> None:
    robot = MortalRobot({"quitter": Player(ready=False, lasts=1.0, code=4)})

    async def work() -> None:
        await robot.ready()
        await robot.run()
        path = write_launcher(robot, [deployment(robot.source("bad:v1", run="quitter"), "bad")])

        async def fill() -> None:
            await trio.sleep(0.5)
            robot.journal.full = True

        async with trio.open_nursery() as nursery:
            nursery.start_soon(fill)
            error = await robot.refused(launch(path))
            assert "could not be brought back" in error.sentence
        robot.journal.full = False
        await robot.ready("later:v1")
        await robot.run("kept", "later:v1")
        robot.life.kill()

    await robot.live_until(None, work, after=False)
    async with robot.daemon():
        await trio.sleep(30)
        view = await robot.listed()
        assert {i.instance_id for row in view.nodes[1:] for i in row.instances} == {"kept"}


async def test_a_node_whose_fetching_stands_still_is_given_up(
    autojump_clock: MockClock,
) -> None:
    async with embedded() as robot:
        path = write_launcher(robot, [deployment(robot.source("slow:v1"), "slow")])
        robot.sources.stands_still = True
        begun = trio.current_time()
        error = await robot.refused(launch(path, add_idle_timeout=7.0))
        assert "fetching node 'slow:v1' has shown no progress for 7 s" in error.sentence
        assert trio.current_time() - begun < 8.0
