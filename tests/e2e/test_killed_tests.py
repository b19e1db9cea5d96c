"""What is left of a real stack whose test is killed: nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from peppy.actors.host import shim_main
from peppy.schema import runtime_config
from peppy.testing.stack import janitor
from tests.e2e.harness import wait_until
from tests.e2e.test_real_stack import processes_at

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

NODE: Final = """
import asyncio, subprocess, sys
sys.path.insert(0, ".peppy/libs/peppygen")
from peppygen import NodeBuilder

async def setup(params, node_runner):
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
    node_runner.on_shutdown(lambda: open({parked!r}, "a").write("parked\\n"))
    return [asyncio.create_task(asyncio.sleep(1000))]

NodeBuilder().run(setup)
"""

DOCUMENT: Final = """{{
    peppy_schema: "node_v1",
    manifest: {{ name: "one", tag: "v1" }},
    execution: {{ language: "python", build_cmd: ["true"], run_cmd: ["{python}", "program.py"] }},
}}"""

LAUNCHER: Final = (
    '{ deployments: [{ source: { local: "." }, instances: [{ instance_id: "it" }] }] }'
)

TEST: Final = """
import os, pathlib, pytest, trio
from peppy.testing.stack import embedded_stack, real_stack

@pytest.mark.peppy(loop="trio", real_time=True)
async def test_that_is_killed():
    async with {stack} as stack:
        pathlib.Path("ready").touch()
        await trio.sleep(1000)
"""

STACKS: Final = {
    "real": 'real_stack("peppy_launcher.json5")',
    "mixed": 'embedded_stack("peppy_launcher.json5", processes={"it"})',
}


def lay_down(place: Path, stack: str) -> None:
    texts = {
        "program.py": NODE.format(parked=str(place / "parked")),
        "peppy.json5": DOCUMENT.format(python=sys.executable),
        "peppy_launcher.json5": LAUNCHER,
        "test_it.py": TEST.format(stack=STACKS[stack]),
    }
    for name, text in texts.items():
        (place / name).write_text(text)


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_whose_test_is_killed_is_taken_down_in_order(stack: str, tmp_path: Path) -> None:
    lay_down(tmp_path, stack)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    words = ("-m", "pytest", "-q", "-p", "peppy.testing.plugin", "-p", "no:peppy", "test_it.py")
    test = subprocess.Popen(
        (sys.executable, *words),
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(temporary)},
        start_new_session=True,
    )
    try:
        wait_until((tmp_path / "ready").exists, "the stack", 60)
        assert any("sleep" in command for command in processes_at(temporary))
    finally:
        os.killpg(test.pid, signal.SIGKILL)
        test.wait()
    wait_until(lambda: not processes_at(temporary), "the end of all of its processes", 60)
    wait_until(lambda: not list(temporary.iterdir()), "the end of its home", 20)
    assert (tmp_path / "parked").read_text() == "parked\n"


def test_the_janitor_knows_things_by_their_names() -> None:
    assert janitor.HOME_VARIABLE == runtime_config.HOME_VARIABLE
    assert janitor.TOKEN_VARIABLE == runtime_config.TOKEN_VARIABLE
    assert Path(shim_main.__file__).name.encode() == janitor.SHIM
