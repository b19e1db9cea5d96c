"""One test, two worlds: the example robot embedded in this process, and as real processes."""

import re
import tempfile
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import pytest
from trio.testing import MockClock

from peppy.runtime.action_errors import ActionResultUnreachable
from peppy.schema.control import InstanceState
from peppy.testing.sentences import event, fault, line, message
from peppy.testing.stack.embedded import embedded_stack
from peppy.testing.stack.launched import LaunchedStack
from peppy.testing.stack.real import real_stack
from tests.e2e.example_nodes import EXAMPLES

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ROBOT: Final = EXAMPLES / "robot" / "peppy_launcher.json5"

Open = Callable[[Path], AbstractAsyncContextManager[LaunchedStack]]

WORLDS: Final[dict[str, Open]] = {"embedded": embedded_stack, "real": real_stack}


@pytest.fixture
def clock(world: str) -> MockClock | None:
    """Return what pytest-trio runs the test on; None is its own."""
    return MockClock(autojump_threshold=0) if world == "embedded" else None


@pytest.mark.parametrize("world", WORLDS)
async def test_the_robot_is_the_same_in_both_worlds(
    world: str, clock: MockClock | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with WORLDS[world](ROBOT) as stack:
        await see_it_work(stack)
        await use_it(stack)
        await disturb_it(stack)
        await stack.instance("the_arm").stop()
        assert await stack.instance("the_arm").state() is None
        assert stack.instance("the_arm").lines()[-1] == "parked at [0.0, 0.0, 0.0]"
        await stack.instance("the_memory").stop()
        saved = stack.instance("the_memory").lines()[-1]
    stack.trace.shows(event("stopped", "the_arm")).then(event("stopped", "camera_front"))
    check_video(saved)
    stack.trace.never_shows(line("Traceback"))


async def see_it_work(stack: LaunchedStack) -> None:
    """The arm follows what the camera sees."""
    assert set(await stack.instances()) == {
        "camera_front", "the_arm", "the_brain", "the_memory", "the_nervous_system",
    }  # fmt: skip
    state = await stack.topic("joint_states").next(within=2.0)
    assert (state.sender, state.node, len(state.message["positions"])) == (
        "the_arm",
        "robot_arm",
        3,
    )
    await stack.until(message("joint_commands", sender="the_nervous_system"), within=20)
    await stack.until(
        message("joint_states", where=lambda m: abs(m["positions"][0]) > 0.3), within=20
    )
    stack.trace.shows(event("started", "the_arm")).then(line("takes over", "the_arm"))
    for aim in ("-0.49", "+0.00"):
        await stack.until(line(f"pointing at {aim}: the arm is at ", "the_brain"), within=20)
        _, there = stack.trace.first(line(f"pointing at {aim}", "the_brain")).what.rsplit(" ", 1)
        assert abs(float(there) - float(aim)) < 0.03
    await stack.until(line("gone from +0.48 already", "the_brain"), within=20)
    await stack.until(line("the_brain wants it no more", "the_nervous_system"))


def check_video(saved: str) -> None:
    """Whether what `saved` names is a video of a lamp that was here and there."""
    found = re.fullmatch(r"Video of (\d+) frames saved to: (.+)", saved)
    assert found is not None, saved
    head, *images = Path(found[2]).read_bytes().split(b"FRAME\n")
    assert head == b"YUV4MPEG2 W96 H64 F20:1 Ip A1:1 Cmono\n"
    assert len(images) == int(found[1])
    assert 20 <= len(images) <= 200
    assert {len(image) for image in images} == {96 * 64}
    assert len({image.index(max(image)) for image in images}) == 3


async def use_it(stack: LaunchedStack) -> None:
    """Whatever a node can do, the test can."""
    info = await stack.service("video_stream_info").call()
    assert (info["width"], info["frame_rate"]) == (96, 20)
    goal = await stack.action("move_arm").send({"desired_position": [2.0, 0.0, 0.0]})
    assert not goal.accepted
    with pytest.raises(ActionResultUnreachable):
        await goal.result()
    command = {"target_positions": [0.0, 1.0, 0.0], "max_velocity": 1.0}
    async with stack.topic("joint_states").subscribe() as states:
        for _ in range(5):  # the controller may have the last word before the arm's next step
            await stack.topic("joint_commands").publish(command, sender="the_test")
            await stack.sleep(0.05)
        await states.next(within=5.0, where=lambda m: m["velocities"][1] > 0)


async def disturb_it(stack: LaunchedStack) -> None:
    """What dies is started again; what hangs is not well until it goes on; no daemon is needed."""
    await stack.faults.crash("camera_front")
    await stack.until(event("restarting", "camera_front"))
    await stack.until(event("started", "camera_front"), anew=True)
    await stack.faults.hang("the_brain")
    assert not await stack.instance("the_brain").healthy(within=0.5)
    await stack.faults.resume("the_brain")
    assert await stack.instance("the_brain").healthy()
    await stack.faults.kill_daemon()
    assert await stack.instance("the_arm").state() is InstanceState.RUNNING
    await stack.until(event("adopted", "the_arm"))
    stack.trace.shows(fault("kill_daemon")).then(event("adopted", "the_arm"))
    stack.trace.shows(event("launched")).times(1)  # the next daemon tells it as well
