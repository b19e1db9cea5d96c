"""The example robot, embedded: its real nodes, its real daemon, on virtual time."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import trio
from trio.testing import MockClock

from peppy.schema.control import InstanceState
from peppy.testing.sentences import event, fault, line, message
from peppy.testing.stack.embedded import EmbeddedStack, embedded_stack
from peppy.testing.stack.network import Conditions

ROBOT: Final = Path(__file__).parents[3] / "examples" / "robot" / "peppy_launcher.json5"


@asynccontextmanager
async def robot(video: Path, **how: Any) -> AsyncGenerator[EmbeddedStack, None]:
    arguments = {"the_memory": {"directory": str(video)}}
    async with embedded_stack(ROBOT, arguments=arguments, **how) as stack:
        yield stack


async def test_the_arm_goes_where_the_brain_points(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with robot(tmp_path) as stack:
        await stack.until(line("pointing at -0.49: the arm is at -0.48", who="the_brain"), within=5)
        moved = message("joint_states", where=lambda m: m["positions"][0] < -0.4)
        stack.trace.shows(line("takes over", who="the_arm")).then(moved, within=2.0)
        assert (await stack.topic("joint_states").next()).sender == "the_arm"
    stack.trace.shows(event("stopped", "the_memory")).then(line("parked at", who="the_arm"))
    assert (tmp_path / "reconstructed_video.y4m").stat().st_size > 0


async def test_a_camera_that_crashes_comes_back_and_the_brain_sees_on(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with robot(tmp_path) as stack:
        await stack.sleep(3)
        await stack.faults.crash("camera_front")
        await stack.until(event("started", "camera_front"), anew=True, within=5)
        await stack.until(line("pointing at", who="the_brain"), anew=True, within=10)
        crash = stack.trace.shows(fault("crash", "camera_front"))
        crash.then(event("failed", "camera_front")).then(message("video_stream"))
        stack.trace.never_shows(event("failed", "the_brain"))


async def test_a_brain_that_hangs_is_found_unhealthy_and_goes_on_where_it_was(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with robot(tmp_path) as stack:
        await stack.sleep(3)
        await stack.faults.hang("the_brain", 30.0)
        await stack.until(event("unhealthy", "the_brain"), within=30)
        hangs = fault("hang", "the_brain")
        await stack.until(event("recovered", "the_brain"), within=30)
        stack.trace.never_shows(
            line("", who="the_brain"), after=hangs, before=fault("resume", "the_brain")
        )
        await stack.until(line("pointing at", who="the_brain"), anew=True, within=10)


async def test_a_daemon_killed_while_it_stops_an_arm_is_followed_by_one_that_does(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with robot(tmp_path) as stack:
        await stack.faults.kill_daemon(at_step=1, after=True, away=2.0)
        with pytest.raises(Exception, match="went away"):
            await stack.instance("the_brain").stop()
        await stack.sleep(5)
        states = {name: view.state for name, view in (await stack.instances()).items()}
        assert "the_brain" not in states
        assert set(states.values()) == {InstanceState.RUNNING}
        stack.trace.shows(fault("kill_daemon")).then(event("adopted", "the_arm"))


@pytest.mark.parametrize("conditions", [Conditions(), Conditions(latency=(0.001, 0.02), loss=0.05)])
def test_the_same_seed_gives_the_same_trace(tmp_path: Path, conditions: Conditions) -> None:
    async def live() -> str:
        async with robot(tmp_path, seed=11, conditions=conditions) as stack:
            await stack.sleep(4)
            await stack.faults.crash("camera_front")
            await stack.faults.kill_daemon(away=0.5)
            await stack.sleep(4)
            await stack.faults.hang("the_nervous_system", 2.0)
            await stack.sleep(4)
        return stack.trace.text()

    first, second = (trio.run(live, clock=MockClock(autojump_threshold=0)) for _ in range(2))
    assert first == second
