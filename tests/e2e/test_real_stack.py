"""What is left of a stack of real processes when its test fails, or it never comes up."""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from peppy.schema.errors import PeppyError
from peppy.testing.sentences import event, line
from peppy.testing.stack.launched import LaunchedStack
from peppy.testing.stack.real import real_stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

PROGRAM = """
import asyncio, subprocess, sys
sys.path.insert(0, ".peppy/libs/peppygen")
from peppygen import NodeBuilder

async def setup(params, node_runner):
    print("here", flush=True)
    {then}
    return [asyncio.create_task(asyncio.sleep(1000))]

NodeBuilder().run(setup)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory in which temporary ones are made during this test."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


Write = Callable[[str], Path]


@pytest.fixture
def launcher(tmp_path: Path) -> Write:
    """Return what writes a launch file with one node, whose setup ends with these statements."""

    def write(then: str) -> Path:
        (tmp_path / "program.py").write_text(PROGRAM.format(then=then))
        execution = {
            "language": "python",
            "build_cmd": ["true"],
            "run_cmd": [sys.executable, "program.py"],
        }
        document = {
            "peppy_schema": "node_v1",
            "manifest": {"name": "one", "tag": "v1"},
            "execution": execution,
        }
        (tmp_path / "peppy.json5").write_text(json.dumps(document))
        deployment = {"source": {"local": "."}, "instances": [{"instance_id": "the_one"}]}
        path = tmp_path / "peppy_launcher.json5"
        path.write_text(json.dumps({"deployments": [deployment]}))
        return path

    return write


def processes_at(directory: Path) -> list[str]:
    """Return the commands of all processes in whose environment this directory is named."""
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if bytes(directory) in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text())
        except OSError:
            continue
    return found


async def test_a_test_that_fails_comes_out_as_it_is_and_its_stack_is_taken_down(
    temporary: Path, launcher: Write
) -> None:
    stacks: list[LaunchedStack] = []

    async def fail(patience: trio.CancelScope) -> None:
        async with real_stack(launcher('subprocess.Popen(["sleep", "1000"])')) as stack:
            stacks.append(stack)
            assert processes_at(temporary)
            await stack.faults.hang("the_one")
            patience.cancel()
            raise ZeroDivisionError

    with trio.move_on_after(60) as patience:
        with pytest.raises(ZeroDivisionError):
            await fail(patience)
        assert processes_at(temporary) == []
    assert list(temporary.iterdir()) == []
    trace = stacks[0].trace
    trace.shows(line("here", "the_one")).then(event("started", "the_one"))
    trace.shows(event("stopped", "the_one"))


async def test_a_launch_that_fails_says_why_and_leaves_nothing(
    temporary: Path, launcher: Write
) -> None:
    with pytest.raises(PeppyError, match="there is no arm"):
        async with real_stack(launcher('raise OSError("there is no arm")')):
            pytest.fail("it was launched")
    assert processes_at(temporary) == []
    assert list(temporary.iterdir()) == []
