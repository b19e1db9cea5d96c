"""An instance keeps to the instances that it is bound to: launched, restarted, brought back."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from peppy.actors.host.memory_files import File
from peppy.schema import launch as orders
from peppy.schema.control import InstanceState, InstanceView, RunNode
from peppy.schema.errors import DocumentError
from peppy.schema.names import InstanceId, parse_node_id
from peppy.schema.restart import RestartMode, RestartPolicy
from peppy.schema.runtime_config import RuntimeConfig
from tests.actors.stack.embedded import HOME, Embedded, Player, embedded
from tests.actors.stack.launches import deployment, launch, write_launcher
from tests.actors.stack.mortal import MortalRobot

FRONT, REAR = InstanceId("front"), InstanceId("rear")
VIEWER = parse_node_id("viewer:v1")


def two_viewers(robot: Embedded, bindings: dict[str, str] | None = None, **more: Any) -> str:
    """Write a launch of two cameras and two viewers, of which the first is bound to one of them."""
    camera = robot.source("camera:v1")
    viewer = robot.source("viewer:v1", needs="camera:v1")
    viewers = deployment(viewer, "bound", bindings=bindings or {"camera": FRONT}, **more)
    viewers["instances"] += deployment(viewer, "free")["instances"]
    return write_launcher(robot, [deployment(camera, FRONT, REAR), viewers])


def config_of(instance_id: str) -> Path:
    return HOME.runtime / f"runtime_config_{instance_id}.json5"


def told(robot: Embedded, instance_id: str) -> dict[str, InstanceId]:
    """Return what the process of an instance is told of its bindings; tell nobody else."""
    item = robot.files.items.pop(config_of(instance_id))
    assert isinstance(item, File)
    return msgspec.json.decode(item.data, type=RuntimeConfig).bindings


async def shown(robot: Embedded, instance_id: str) -> InstanceView:
    row = await robot.row("viewer:v1")
    return next(each for each in row.instances if each.instance_id == instance_id)


async def test_an_instance_is_told_what_its_launch_file_binds(autojump_clock: MockClock) -> None:
    async with embedded() as robot:
        await robot.ask(launch(two_viewers(robot)))
        assert told(robot, "bound") == {"camera": FRONT}
        assert told(robot, "free") == {}
        assert (await shown(robot, "bound")).bindings == {"camera": FRONT}
        assert (await shown(robot, "free")).bindings == {}


async def test_a_plan_shows_what_would_be_bound(autojump_clock: MockClock) -> None:
    async with embedded() as robot:
        plan = await robot.ask(orders.PlanLaunch(launcher=two_viewers(robot)))
        viewers = next(each for each in plan.nodes if each.node == VIEWER)
        assert [each.bindings for each in viewers.instances] == [{"camera": FRONT}, {}]


async def test_a_restart_of_the_stack_keeps_what_is_bound(autojump_clock: MockClock) -> None:
    async with embedded() as robot:
        await robot.ask(launch(two_viewers(robot)))
        assert told(robot, "bound") == {"camera": FRONT}
        await robot.ask(orders.RestartStack(clear_stack=True))
        assert told(robot, "bound") == {"camera": FRONT}
        assert (await shown(robot, "bound")).bindings == {"camera": FRONT}


async def test_an_instance_that_is_started_again_keeps_what_is_bound(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"brief": Player(lasts=30.0, code=1)}) as robot:
        await robot.ready("camera:v1")
        await robot.run(FRONT, "camera:v1")
        await robot.ready("viewer:v1", needs="camera:v1", run="brief")
        policy = RestartPolicy(mode=RestartMode.ON_FAILURE)
        request = RunNode(node=VIEWER, instance_id=REAR, bindings={"camera": FRONT}, restart=policy)
        await robot.ask(request)
        assert told(robot, REAR) == {"camera": FRONT}
        await trio.sleep(35.0)
        assert told(robot, REAR) == {"camera": FRONT}


async def test_a_launch_that_fails_brings_back_what_was_bound(autojump_clock: MockClock) -> None:
    parts = {"quitter": Player(prints=("no camera",), ready=False, lasts=1.0, code=4)}
    async with embedded(parts) as robot:
        await robot.ask(launch(two_viewers(robot)))
        assert told(robot, "bound") == {"camera": FRONT}
        bad = robot.source("bad:v1", run="quitter")
        error = await robot.refused(launch(write_launcher(robot, [deployment(bad, "bad")])))
        assert "was brought back" in error.sentence
        assert told(robot, "bound") == {"camera": FRONT}


async def test_a_daemon_that_comes_later_knows_what_is_bound(autojump_clock: MockClock) -> None:
    robot = MortalRobot()

    async def launch_it() -> None:
        await robot.ask(launch(two_viewers(robot)))

    async def restart_it() -> None:
        found = await shown(robot, "bound")
        assert (found.state, found.bindings) == (InstanceState.RUNNING, {"camera": FRONT})
        await robot.ask(orders.RestartStack(clear_stack=True))

    await robot.live_until(None, launch_it, after=False)
    assert told(robot, "bound") == {"camera": FRONT}
    await robot.live_until(None, restart_it, after=False)
    assert told(robot, "bound") == {"camera": FRONT}


@pytest.mark.parametrize(
    ("bindings", "sentence"),
    [
        ({"camra": FRONT}, "'camra' is no dependency of node 'viewer:v1'; did you mean 'camera'?"),
        ({"camera": "free"}, "'camera' needs an instance of node 'camera:v1', and 'free' is none"),
        ({"camera": "other"}, "no instance 'other' stands in this file"),
    ],
)
async def test_a_launch_file_that_binds_what_cannot_be_is_refused(
    bindings: dict[str, str], sentence: str, autojump_clock: MockClock
) -> None:
    async with embedded() as robot:
        error = await robot.refused(launch(two_viewers(robot, bindings)))
        assert isinstance(error, DocumentError)
        assert sentence in str(error)
        assert await robot.nodes() == []


async def test_a_single_start_may_be_bound_to_what_is_still_to_come(
    autojump_clock: MockClock,
) -> None:
    async with embedded() as robot:
        await robot.ready("camera:v1")
        await robot.run(REAR, "camera:v1")
        await robot.ready("viewer:v1", needs="camera:v1")
        request = RunNode(node=VIEWER, instance_id=InstanceId("bound"), bindings={"camera": FRONT})
        await robot.ask(request)
        (warning,) = [note.text for note in robot.notes if note.stream == "warning"]
        assert "'camera' is bound to 'front', which is not there yet" in warning
        assert told(robot, "bound") == {"camera": FRONT}


async def test_a_single_start_with_a_label_that_is_none_starts_nothing_and_takes_no_name(
    autojump_clock: MockClock,
) -> None:
    async with embedded() as robot:
        await robot.ready("camera:v1")
        await robot.ready("viewer:v1", needs="camera:v1")
        name = InstanceId("bound")
        error = await robot.refused(
            RunNode(node=VIEWER, instance_id=name, bindings={"camra": FRONT})
        )
        assert error.kind == "bad_bindings"
        assert "did you mean 'camera'?" in error.sentence
        assert await robot.states("viewer:v1") == {}
        await robot.run(name, "viewer:v1")
        assert told(robot, name) == {}
