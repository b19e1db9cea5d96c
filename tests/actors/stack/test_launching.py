"""Launches on a machine in memory: what comes up, in which order, and what stays."""

import json
from pathlib import Path

import pytest
import trio

from peppy.actors.host.memory_files import File
from peppy.actors.stack.planning import one_line
from peppy.schema import launch as orders
from peppy.schema.errors import DocumentError, PeppyError
from peppy.schema.names import parse_node_id
from peppy.schema.reader import MOST_PROBLEMS
from tests.actors.stack.embedded import HOME, SOURCES, Builder, Embedded, Part, Player, embedded
from tests.actors.stack.launches import deployment, launch, write_launcher

CAMERA = "https://example.org/cam.git"
LOCKED, MOVED = "a" * 40, "b" * 40
"""Commits of that repository."""

EMITS = '{ name: "image", message_format: { width: "u32" } }'


def camera_and_viewer(robot: Embedded, **more: str) -> str:
    """A camera with two instances, and a viewer that needs it and stands before it in the file."""
    camera = robot.source("camera:v1", emits=EMITS, **more)  # type: ignore[arg-type]
    viewer = robot.source(
        "viewer:v1", needs="camera:v1", consumes='{ local_node_id: "camera", name: "image" }'
    )
    return write_launcher(
        robot, [deployment(viewer, "screen"), deployment(camera, "front", "rear")]
    )


def progress(robot: Embedded) -> list[tuple[str, str]]:
    return [(note.node or "", note.state or "") for note in robot.notes if note.stream == "node"]


async def states(robot: Embedded) -> dict[str, str]:
    view = await robot.listed()
    return {each.instance_id: each.state.value for row in view.nodes[1:] for each in row.instances}


async def test_a_launch_brings_up_what_its_file_names(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with embedded() as robot:
        view = await robot.ask(launch(camera_and_viewer(robot)))
        assert view.nodes == (parse_node_id("camera:v1"), parse_node_id("viewer:v1"))
        assert view.built == view.nodes
        assert {each.instance_id for each in view.started} == {"front", "rear", "screen"}
        assert await states(robot) == dict.fromkeys(("front", "rear", "screen"), "running")


async def test_instances_start_after_those_that_they_need(
    autojump_clock: trio.testing.MockClock,
) -> None:
    parts = {"player": Player(prints=("a",), every=3.0)}
    async with embedded(parts) as robot:
        view = await robot.ask(launch(camera_and_viewer(robot)))
        assert [each.instance_id for each in view.started][-1] == "screen"
        starting = [node for node, state in progress(robot) if state == "starting"]
        running = [node for node, state in progress(robot) if state == "running"]
        assert starting == ["camera:v1", "camera:v1", "viewer:v1"]
        assert running == starting
        # The cameras start together, the viewer when both run.
        assert 6.0 <= view.seconds < 9.0


async def test_builds_go_on_at_the_same_time(autojump_clock: trio.testing.MockClock) -> None:
    parts = {"builder": Builder(prints=("a",), every=10.0)}
    async with embedded(parts) as robot:
        view = await robot.ask(launch(camera_and_viewer(robot)))
        assert 10.0 <= view.seconds < 20.0


async def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_touched(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with embedded() as robot:
        await robot.ready()
        await robot.run()
        needy = robot.source("needy:v1", needs="camera:v1")
        strict = robot.source("strict:v1", parameters='rate: "u16"')
        twin = robot.source("strict:v1", parameters='rate: "u16"', at=SOURCES / "twin")
        broken = SOURCES / "broken"
        robot.files.put(broken / "peppy.json5", File(b"{ peppy_schema: 'node_v1' }"))
        path = write_launcher(
            robot,
            [
                deployment(needy, "a"),
                deployment(strict, "b", arguments={"rate": -1}),
                deployment(twin, "c", arguments={"rate": 1}),
            ],
        )
        error = await robot.refused(launch(path))
        assert isinstance(error, DocumentError)
        text = str(error)
        assert "`needy:v1` depends on `camera:v1`, but it does not exist in the stack" in text
        assert "'rate' must be" in text
        assert "launched by deployments[1] already" in text
        unreadable = write_launcher(
            robot,
            [
                deployment(broken, "a"),
                deployment(SOURCES / "nowhere", "b"),
                deployment(strict, "c", arguments={"rate": -1}),
                deployment(needy, "d"),
            ],
        )
        error = await robot.refused(launch(unreadable))
        assert "'rate' must be" in str(error)
        # What it needs may be what could not be read.
        assert "does not exist" not in str(error)
        assert "broken/peppy.json5" in str(error)
        assert "'manifest' is missing" in str(error)
        assert "nowhere" in str(error)
        assert await states(robot) == {"front": "running"}
        assert robot.workspaces == set()


async def test_the_same_instance_twice_is_refused(autojump_clock: trio.testing.MockClock) -> None:
    async with embedded() as robot:
        one, other = robot.source("one:v1"), robot.source("other:v1")
        path = write_launcher(robot, [deployment(one, "a"), deployment(other, "a")])
        assert "'a'" in str(await robot.refused(launch(path)))


async def test_the_stack_before_is_cleared_with_consent_only(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with embedded() as robot:
        await robot.ready("old:v1")
        await robot.run(node="old:v1", instance_id="gone")
        path = camera_and_viewer(robot)
        error = await robot.refused(launch(path, consent=False))
        assert error.needs == "clear_stack"
        assert "'gone'" in error.sentence
        assert await states(robot) == {"gone": "running"}
        view = await robot.ask(launch(path))
        assert view.stopped == ("gone",)
        assert view.removed == (parse_node_id("old:v1"),)
        assert await robot.nodes() == [parse_node_id("viewer:v1"), parse_node_id("camera:v1")]
        assert not [name for name in robot.names(HOME.built_nodes) if name.startswith("old")]


async def test_a_build_that_fails_leaves_the_stack_as_it_is(
    autojump_clock: trio.testing.MockClock,
) -> None:
    parts = {"breaker": Builder(prints=("no such compiler",), code=3)}
    async with embedded(parts) as robot:
        await robot.ready()
        await robot.run()
        before = robot.names(HOME.built_nodes)
        bad = robot.source("bad:v1", build="breaker")
        error = await robot.refused(launch(write_launcher(robot, [deployment(bad, "b")])))
        assert "build of 'bad:v1' failed" in error.sentence
        assert "no such compiler" in error.sentence
        assert "the stack is as it was" in error.sentence
        assert await states(robot) == {"front": "running"}
        assert robot.names(HOME.built_nodes) == before
        # Nothing holds the stack any more.
        await robot.run("rear")


async def test_an_instance_that_does_not_start_brings_the_stack_before_back(
    autojump_clock: trio.testing.MockClock,
) -> None:
    parts = {"quitter": Player(prints=("no camera",), ready=False, lasts=1.0, code=4)}
    async with embedded(parts) as robot:
        await robot.ready()
        before = robot.names(HOME.built_nodes)
        await robot.run("front")
        await robot.run("rear")
        path = camera_and_viewer(robot, run="quitter")
        error = await robot.refused(launch(path))
        assert error.kind == "launch_failed"
        assert "no camera" in error.sentence
        assert "the stack before was brought back, 2 instances of it run" in error.sentence
        assert await states(robot) == {"front": "running", "rear": "running"}
        assert await robot.nodes() == [parse_node_id("hello:v1")]
        assert robot.names(HOME.built_nodes) == before


async def test_without_rollback_what_came_up_stays(autojump_clock: trio.testing.MockClock) -> None:
    parts = {"quitter": Player(ready=False, lasts=1.0, code=4)}
    async with embedded(parts) as robot:
        await robot.ready()
        await robot.run()
        camera = robot.source("camera:v1", emits=EMITS)
        viewer = robot.source("viewer:v1", needs="camera:v1", run="quitter")
        last = robot.source("last:v1", needs="viewer:v1")
        path = write_launcher(
            robot,
            [deployment(viewer, "screen"), deployment(camera, "cam"), deployment(last, "end")],
        )
        error = await robot.refused(launch(path, rollback=False))
        assert "left as it is" in error.sentence
        assert await states(robot) == {"cam": "running"}
        # The names of those that were not started are free.
        await robot.run("screen", node="camera:v1")
        await robot.run("end", node="camera:v1")


async def test_what_has_not_changed_is_not_built_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with embedded() as robot:
        path = camera_and_viewer(robot)
        await robot.ask(launch(path))
        again = await robot.ask(launch(path))
        assert again.built == ()
        assert set(again.stopped) == {"front", "rear", "screen"}
        robot.files.put(SOURCES / "camera_v1" / "driver.py", File(b"new"))
        plan = await robot.ask(orders.PlanLaunch(launcher=path))
        assert {str(node.node): node.reused for node in plan.nodes} == {
            "camera:v1": False,
            "viewer:v1": True,
        }
        third = await robot.ask(launch(path))
        assert third.built == (parse_node_id("camera:v1"),)
        fourth = await robot.ask(launch(path, rebuild=True))
        assert len(fourth.built) == 2
        assert await states(robot) == dict.fromkeys(("front", "rear", "screen"), "running")
        # One snapshot and one artifact of each node, whatever was launched before.
        assert len(robot.names(HOME.built_nodes)) == 4


@pytest.mark.parametrize("seconds", [0.5, 5.5, 10.5])
async def test_a_launch_that_is_cancelled_undoes_what_it_did(
    seconds: float, autojump_clock: trio.testing.MockClock
) -> None:
    # Building takes until 5 s, the first wave until 10 s, the second until 15 s.
    parts: dict[str, Part] = {
        "builder": Builder(prints=("b",), every=5.0),
        "late": Player(prints=("p",), every=5.0),
    }
    async with embedded(parts) as robot:
        await robot.ready()
        await robot.run()
        before = robot.names(HOME.built_nodes)
        camera = robot.source("camera:v1", emits=EMITS, run="late")
        viewer = robot.source("viewer:v1", needs="camera:v1", run="late")
        path = write_launcher(robot, [deployment(viewer, "screen"), deployment(camera, "cam")])
        refusals: list[str] = []

        async def begin() -> None:
            refusals.append((await robot.refused(launch(path, token="mine"))).sentence)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(begin)
            await trio.sleep(seconds)
            assert not (await robot.ask(orders.CancelLaunch(token="another"))).cancelled
            assert (await robot.ask(orders.CancelLaunch(token="mine"))).cancelled
        (sentence,) = refusals
        assert "the launch was cancelled" in sentence
        assert await states(robot) == {"front": "running"}
        assert robot.names(HOME.built_nodes) == before
        assert robot.workspaces == set()
        assert not (await robot.ask(orders.CancelLaunch())).cancelled


async def test_whoever_goes_away_cancels_the_launch(autojump_clock: trio.testing.MockClock) -> None:
    async with embedded({"late": Player(prints=("p",), every=5.0)}) as robot:
        await robot.ready()
        await robot.run()
        path = write_launcher(robot, [deployment(robot.source("new:v1", run="late"), "new")])
        with trio.move_on_after(2.0):
            await robot.ask(launch(path))
        await trio.sleep(1.0)
        assert await states(robot) == {"front": "running"}


async def test_nothing_else_changes_the_stack_meanwhile(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with embedded({"builder": Builder(prints=("b",), every=5.0)}) as robot:
        path = camera_and_viewer(robot)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(robot.ask, launch(path))
            await trio.sleep(1.0)
            other = write_launcher(robot, [], name="other")
            for error in (
                await robot.refused(launch(other)),
                await robot.refused(orders.ClearStack()),
            ):
                assert "the whole stack is being changed" in error.sentence
        assert len(await states(robot)) == 3


async def test_a_plan_says_what_would_happen_and_does_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with embedded() as robot:
        await robot.ready()
        await robot.run()
        plan = await robot.ask(orders.PlanLaunch(launcher=camera_and_viewer(robot)))
        assert plan.stops == ("front",)
        assert plan.removes == (parse_node_id("hello:v1"),)
        assert [(str(node.node), node.wave) for node in plan.nodes] == [
            ("camera:v1", 0),
            ("viewer:v1", 1),
        ]
        assert await states(robot) == {"front": "running"}


async def test_arguments_environment_and_policy_reach_the_instance(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with embedded() as robot:
        source = robot.source("cam:v1", parameters='video: { rate: "u16" }')
        path = write_launcher(
            robot,
            [
                deployment(
                    source,
                    "front",
                    arguments={"video": {"rate": 30}},
                    env_vars={"DEVICE": "/dev/video0"},
                    restart="on_failure",
                )
            ],
        )
        await robot.ask(launch(path, environment={"PATH": "/bin", "DEVICE": "none"}))
        record = next(
            item for key, item in (await robot.host.journal.load()).items() if "front" in key
        )
        assert b"/dev/video0" in record
        config = json.loads(robot.text(str(HOME.runtime / "runtime_config_front.json5")))
        assert config["node_instance"]["arguments"] == {"video": {"rate": 30}}
        row = await robot.row("cam:v1")
        assert row.instances[0].restart.mode.value == "on_failure"


async def test_down_stops_dependents_first_and_empties_the_stack(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with embedded() as robot:
        await robot.ask(launch(camera_and_viewer(robot)))
        error = await robot.refused(orders.ClearStack())
        assert error.needs == "clear_stack"
        view = await robot.ask(orders.ClearStack(clear_stack=True))
        assert view.stopped[0] == "screen"
        assert set(view.stopped) == {"front", "rear", "screen"}
        assert await robot.nodes() == []
        assert robot.names(HOME.built_nodes) == set()


async def test_down_may_keep_the_nodes(autojump_clock: trio.testing.MockClock) -> None:
    async with embedded() as robot:
        await robot.ask(launch(camera_and_viewer(robot)))
        await robot.ask(orders.ClearStack(clear_stack=True, keep_nodes=True))
        assert await states(robot) == {}
        assert len(await robot.nodes()) == 2
        await robot.run("again", node="camera:v1")


async def test_a_restart_starts_the_same_instances(autojump_clock: trio.testing.MockClock) -> None:
    async with embedded() as robot:
        await robot.ask(launch(camera_and_viewer(robot)))
        pids = {each.pid for row in (await robot.listed()).nodes[1:] for each in row.instances}
        view = await robot.ask(orders.RestartStack(clear_stack=True))
        assert {each.instance_id for each in view.started} == {"front", "rear", "screen"}
        assert pids.isdisjoint(each.pid for each in view.started)


async def test_the_end_of_the_daemon_ends_a_launch_and_starts_nothing_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with embedded({"late": Player(prints=("p",), every=50.0)}) as robot:
        await robot.ready()
        await robot.run()
        path = write_launcher(robot, [deployment(robot.source("new:v1", run="late"), "new")])

        async def begin() -> None:
            error = await robot.refused(launch(path))
            assert "nothing is started again" in error.sentence

        async with trio.open_nursery() as nursery:
            nursery.start_soon(begin)
            await trio.sleep(5.0)
            await robot.take_down()
        assert robot.living == set()
        records = await robot.host.journal.load()
    assert not [key for key in records if key.startswith(("undertaking", "instance/"))]
    assert [key for key in records if key.startswith("node/")] == ["node/hello:v1"]
    async with embedded(machine=robot):
        assert await robot.nodes() == [parse_node_id("hello:v1")]
        assert await states(robot) == {}


async def locked_robot(robot: Embedded) -> str:
    """A launch file with a node from a repository and one of this machine, locked."""
    robot.sources.elsewhere[CAMERA] = robot.source("camera:v1", emits=EMITS)
    robot.sources.commits[CAMERA] = LOCKED
    viewer = robot.source("viewer:v1", needs="camera:v1")
    repository = {"repo": CAMERA, "path": ".", "ref": "main"}
    path = write_launcher(
        robot,
        [deployment(viewer, "screen"), {"source": repository, "instances": [{}]}],
    )
    view = await robot.ask(orders.LockLaunch(launcher=path))
    assert view.lock == "/launchers/robot.lock.json5"
    assert view.changed == ()
    return path


async def test_a_locked_launch_is_what_was_locked(autojump_clock: trio.testing.MockClock) -> None:
    async with embedded() as robot:
        path = await locked_robot(robot)
        assert f'commit: "{LOCKED}"' in robot.text("/launchers/robot.lock.json5")
        await robot.ask(launch(path, locked=True))
        assert len(await states(robot)) == 2


async def test_drift_is_shown_and_refused(autojump_clock: trio.testing.MockClock) -> None:
    async with embedded() as robot:
        path = await locked_robot(robot)
        robot.source(
            "viewer:v1", needs="camera:v1", parameters='gain: { $type: "u8", $default: 1 }'
        )
        robot.sources.commits[CAMERA] = MOVED
        error = await robot.refused(launch(path, locked=True))
        assert error.kind == "lock_drift"
        assert (
            f"the commit of 'camera:v1': locked is '{LOCKED}', there is '{MOVED}'" in error.sentence
        )
        assert "the document of 'viewer:v1'" in error.sentence
        assert error.hint is not None
        assert "'--frozen' launches what was locked" in error.hint
        robot.sources.older[LOCKED] = robot.sources.elsewhere[CAMERA]
        error = await robot.refused(launch(path, frozen=True))
        assert error.kind == "lock_drift"
        assert error.hint == "'peppy stack lock' locks what there is now"
        view = await robot.ask(orders.LockLaunch(launcher=path))
        assert len(view.changed) == 2
        await robot.ask(launch(path, locked=True))


@pytest.mark.parametrize(
    ("sentence", "hint", "line"),
    [
        ("there is no 'a'", "it has 'b'", "there is no 'a'; it has 'b'"),
        ("no 'a'; did you mean 'b'?", "it has 'b'", "no 'a'; did you mean 'b'? it has 'b'"),
        ("no 'a':\n  none", None, "no 'a': none"),
    ],
)
def test_an_error_and_its_hint_are_one_line_of_a_table(
    sentence: str, hint: str | None, line: str
) -> None:
    assert one_line(PeppyError(sentence, hint=hint)) == line


async def test_a_lock_file_takes_the_place_of_a_damaged_one_but_of_nothing_else(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with embedded() as robot:
        path = await locked_robot(robot)
        robot.files.put(Path("/launchers/notes.txt"), File(b"for the meeting"))
        for there in (path, "/launchers/notes.txt"):
            before = robot.text(there)
            error = await robot.refused(orders.LockLaunch(launcher=path, lock_file=there))
            assert (error.kind, robot.text(there)) == ("not_a_lock", before)
        robot.files.put(Path("/launchers/robot.lock.json5"), File(b"<<<<<<< HEAD"))
        view = await robot.ask(orders.LockLaunch(launcher=path))
        assert view.changed == ("'/launchers/robot.lock.json5' was no lock file that can be read",)
        assert LOCKED in robot.text("/launchers/robot.lock.json5")


async def test_a_frozen_launch_takes_the_commit_that_was_locked(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with embedded() as robot:
        path = await locked_robot(robot)
        robot.sources.commits[CAMERA] = MOVED
        robot.sources.older[LOCKED] = robot.sources.elsewhere[CAMERA]
        await robot.ask(launch(path, frozen=True))
        assert (await robot.row("camera:v1")).origin.endswith(f"@{LOCKED}")


async def test_without_a_lock_file_the_way_to_one_is_told(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with embedded() as robot:
        error = await robot.refused(launch(camera_and_viewer(robot), locked=True))
        assert error.hint == "write it with: peppy stack lock /launchers/robot.json5"


async def test_what_has_no_effect_is_said(autojump_clock: trio.testing.MockClock) -> None:
    async with embedded() as robot:
        path = write_launcher(robot, [deployment(robot.source("cam:v1"), "cam")])
        text = robot.text(path).replace(
            "{", '{"peppy_schema": "launcher_v1", "framework": {"use_sim_time": true}, ', 1
        )
        robot.files.put(Path(path), File(text.encode()))
        view = await robot.ask(launch(path))
        assert any("use_sim_time" in warning for warning in view.warnings)


async def test_of_very_many_problems_the_first_are_told(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with embedded() as robot:
        path = write_launcher(
            robot, [deployment(SOURCES / f"none{n}", f"i{n}") for n in range(MOST_PROBLEMS + 100)]
        )
        error = await robot.refused(launch(path))
        assert isinstance(error, DocumentError)
        assert len(error.problems) == MOST_PROBLEMS
        assert error.hint == "and 100 more"
