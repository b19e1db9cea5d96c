"""Stacks of which a part are real processes, and everybody else lives in this one."""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest

from peppy.schema.control import InstanceState
from peppy.testing.sentences import event, fault, line, message
from peppy.testing.stack.embedded import EmbeddedStack, embedded_stack
from peppy.testing.stack.mixed_faults import OnlyEmbedded
from tests.e2e.example_nodes import EXAMPLES
from tests.e2e.test_real_stack import processes_at

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ROBOT: Final = EXAMPLES / "robot" / "peppy_launcher.json5"

PROGRAM: Final = """
import os, subprocess
import trio
from peppygen import NodeBuilder

async def setup(params, node_runner, nursery):
    print(f"in {os.getpid()}", flush=True)
    if "PYTHONPATH" in os.environ:
        subprocess.Popen(["sleep", "1000"])
    nursery.start_soon(trio.sleep_forever)

NodeBuilder().run(setup)
"""

TWINS: Final = {
    "deployments": [
        {
            "source": {"local": "."},
            "instances": [
                {"instance_id": "outside", "env_vars": {"PYTHONPATH": ".peppy/libs/peppygen"}},
                {"instance_id": "inside"},
            ],
        }
    ]
}

TWIN: Final = {
    "peppy_schema": "node_v1",
    "manifest": {"name": "twin", "tag": "v1"},
    "execution": {
        "language": "python",
        "build_cmd": ["true"],
        "run_cmd": [sys.executable, "program.py"],
    },
}


async def test_a_brain_in_this_process_sees_what_a_real_camera_films(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    arguments = {"the_memory": {"directory": str(tmp_path)}}
    async with embedded_stack(ROBOT, processes={"uvc_camera"}, arguments=arguments) as stack:
        pid = (await stack.instances())["camera_front"].pid
        assert pid is not None
        assert stack.living == {"the_arm", "the_brain", "the_memory", "the_nervous_system"}
        await see_it_work(stack)
        await lose_the_camera(stack, pid)
        await disturb_it(stack)
        await stack.instance("the_arm").stop()
        assert stack.instance("the_arm").lines()[-1] == "parked at [0.0, 0.0, 0.0]"
    stack.trace.shows(event("stopped", "the_arm")).then(event("stopped", "camera_front"))
    stack.trace.never_shows(line("Traceback"))
    assert not list(tmp_path.glob("peppy-stack-*"))


async def see_it_work(stack: EmbeddedStack) -> None:
    """The arm follows what the camera sees."""
    await stack.until(message("video_stream", sender="camera_front"), within=10)
    await stack.until(message("joint_commands", sender="the_nervous_system"), within=20)
    await stack.until(
        message("joint_states", where=lambda m: abs(m["positions"][0]) > 0.3), within=20
    )


async def lose_the_camera(stack: EmbeddedStack, pid: int) -> None:
    """Its process is killed by a signal, and its policy brings another one."""
    os.kill(pid, signal.SIGKILL)
    await stack.until(event("restarting", "camera_front"), within=10)
    await stack.until(event("started", "camera_front"), within=20, anew=True)
    await stack.until(message("joint_commands"), within=20, anew=True)
    assert (await stack.instances())["camera_front"].pid not in (pid, None)


async def disturb_it(stack: EmbeddedStack) -> None:
    """What hangs is not well until it goes on; no daemon is needed."""
    for name in ("the_brain", "camera_front"):
        await stack.faults.hang(name)
        assert not await stack.instance(name).healthy(within=0.5)
        await stack.faults.resume(name)
        assert await stack.instance(name).healthy()
    await stack.faults.kill_daemon()
    await stack.until(event("adopted", "the_arm"))
    await stack.until(event("adopted", "camera_front"))
    for name in ("the_arm", "camera_front"):
        assert await stack.instance(name).state() is InstanceState.RUNNING
    stack.trace.shows(fault("kill_daemon")).then(event("adopted", "the_arm"))
    with pytest.raises(OnlyEmbedded, match="at a step"):
        await stack.faults.kill_daemon(3)


async def test_a_test_that_fails_leaves_neither_a_process_nor_anybody_in_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "peppy.json5").write_text(json.dumps(TWIN))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    launcher = json.dumps(TWINS)
    stacks: list[EmbeddedStack] = []

    async def fail() -> None:
        async with embedded_stack(launcher, directory=tmp_path, processes={"outside"}) as stack:
            stacks.append(stack)
            assert len(processes_at(tmp_path)) == 2
            await stack.until(line(f"in {os.getpid()}", "inside"))
            stack.trace.never_shows(line(f"in {os.getpid()}", "outside"))
            with pytest.raises(OnlyEmbedded, match="'inside' cannot stand still"):
                await stack.faults.hang("inside")
            await stack.faults.hang("outside")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert stacks[0].living == set()
    assert processes_at(tmp_path) == []
    assert not list(tmp_path.glob("peppy-stack-*"))
    for name in ("inside", "outside"):
        stacks[0].trace.shows(event("stopped", name))
