"""Which nodes of a launch file are processes, and what is refused for their sake."""

from collections.abc import Collection
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from peppy.actors.host.ports import CommandLine
from peppy.schema.runtime_config import (
    NODE_NAME_VARIABLE,
    NODE_TAG_VARIABLE,
    RUNTIME_CONFIG_VARIABLE,
)
from peppy.testing.stack.chosen import Chosen, NoSuchProcess, choose
from peppy.testing.stack.conditions import Conditions
from peppy.testing.stack.embedded import embedded_stack
from peppy.testing.stack.launched import RealNetwork
from peppy.testing.stack.mixed_machine import LaunchFiles
from peppy.testing.stack.real import VirtualTime
from tests.testing.stack.made_tenants import DOCUMENT, LAUNCHER


@pytest.fixture
def launcher(tmp_path: Path) -> Path:
    """Return a launch file that has not been written, beside the node that is in it."""
    (tmp_path / "talker").mkdir()
    (tmp_path / "talker" / "peppy.json5").write_text(DOCUMENT)
    return tmp_path / "peppy_launcher.json5"


async def chosen(wanted: Collection[str], launcher: Path) -> Chosen:
    text = LAUNCHER.encode()
    return await choose(wanted, launcher, text, LaunchFiles(launcher, text))


def command(instance_id: str | None = None, node: str = "talker") -> CommandLine:
    """Return what starts an instance of a node; what builds it, without an id."""
    environment = {NODE_NAME_VARIABLE: node, NODE_TAG_VARIABLE: "v1"}
    if instance_id is not None:
        environment[RUNTIME_CONFIG_VARIABLE] = "/runtime_config"
    return CommandLine(
        argv=("run",),
        directory=Path("/"),
        environment=environment,
        log=Path("/log"),
        token=f"the_daemon/{instance_id or f'build/{node}:v1'}",
    )


@pytest.mark.parametrize("name", ["talker", "talker:v1"])
async def test_a_node_is_built_and_all_its_instances_are_processes(
    name: str, launcher: Path
) -> None:
    found = await chosen({name}, launcher)
    assert found.has(command())
    assert found.has(command("first"))
    assert found.has(command("one_that_is_started_later"))
    assert not found.has(command(node="another"))
    assert not found.has(command("first", node="another"))


async def test_an_instance_is_a_process_whose_node_is_built_and_others_of_it_are_not(
    launcher: Path,
) -> None:
    found = await chosen({"second"}, launcher)
    assert found.has(command())
    assert found.has(command("second"))
    assert not found.has(command("first"))


async def test_a_name_that_the_launch_file_does_not_have_is_refused_with_those_that_it_has(
    launcher: Path,
) -> None:
    with pytest.raises(NoSuchProcess, match="did you mean 'talker'") as caught:
        await chosen({"walker"}, launcher)
    assert caught.value.hint == "it has 'talker', 'talker:v1', 'first', 'second'"


async def test_processes_are_refused_where_the_clock_jumps(
    launcher: Path, autojump_clock: MockClock
) -> None:
    with pytest.raises(VirtualTime, match="a stack with processes"):
        async with embedded_stack(LAUNCHER, directory=launcher.parent, processes={"talker"}):
            pass


async def test_processes_are_refused_conditions_of_a_network_that_is_not_the_tests(
    launcher: Path,
) -> None:
    await trio.lowlevel.checkpoint()
    lossy = Conditions(loss=0.1)
    with pytest.raises(RealNetwork, match="between real processes"):
        async with embedded_stack(
            LAUNCHER, directory=launcher.parent, processes={"talker"}, conditions=lossy
        ):
            pass
