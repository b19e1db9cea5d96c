"""The embedded world with inhabitants that are no nodes: its machine, its daemons, its faults."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from peppy.runtime.control_client import DaemonVanished, NoDaemon
from peppy.schema.control import InstanceState, ListStack, RunNode, StopInstance
from peppy.schema.errors import PeppyError
from peppy.schema.names import InstanceId, parse_node_id
from peppy.testing.sentences import event, fault, line
from peppy.testing.stack.embedded_disk import LocalOnly
from peppy.testing.stack.embedded_launcher import NotLaunched
from peppy.testing.stack.embedded_world import EmbeddedWorld, embedded_world
from peppy.testing.stack.machine import Inhabit
from peppy.testing.stack.world import LeftBehind, NotLiving, StackEnded
from peppy.testing.trace import Trace
from tests.testing.stack.made_tenants import DOCUMENT, LAUNCHER, Made


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a directory with the source of a node in it."""
    directory = tmp_path / "talker"
    (directory / ".venv").mkdir(parents=True)
    (directory / "peppy.json5").write_text(DOCUMENT)
    (directory / "code.py").write_text("pass")
    (directory / ".venv" / "big").write_text("of no use to anybody")
    return tmp_path


@asynccontextmanager
async def made(
    place: Path, inhabit: Inhabit = Made, **how: Any
) -> AsyncGenerator[EmbeddedWorld, None]:
    async with embedded_world(LAUNCHER, directory=place, inhabit=inhabit, **how) as world:
        yield world


async def states(world: EmbeddedWorld) -> dict[str, InstanceState]:
    view = await world.ask(ListStack(), patience=1.0)
    return {i.instance_id: i.state for node in view.nodes[1:] for i in node.instances}


async def test_instances_get_the_arguments_of_the_launch_file_and_of_the_test(
    autojump_clock: MockClock, place: Path
) -> None:
    async with made(place, arguments={"second": {"greeting": "good day"}}) as world:
        world.trace.shows(line("hello, {'every': 1.0}", who="first"))
        world.trace.shows(line("good day, {'every': 2.0}", who="second"))


async def test_what_snapshots_leave_out_is_not_on_the_disk_in_memory(
    autojump_clock: MockClock, place: Path
) -> None:
    async with made(place) as world:
        files = world.machine.files
        assert {path.name for path in files.items} >= {"code.py"}
        assert "big" not in {path.name for path in files.items}
        assert not (place / "talker" / ".peppy").exists()


async def test_a_crashed_instance_is_restarted_as_its_policy_says(
    autojump_clock: MockClock, place: Path
) -> None:
    async with made(place) as world:
        await world.faults.crash("first")
        await world.trace.until(event("started", who="first"), anew=True, within=5.0)
        shown = world.trace.shows(fault("crash", who="first"))
        shown.then(event("failed", who="first")).then(event("restarting", who="first"))
        await world.faults.crash("second")
        await trio.sleep(60)
        assert await states(world) == {
            "first": InstanceState.RUNNING,
            "second": InstanceState.FAILED,
        }


async def test_a_fault_of_what_does_not_run_names_what_does(
    autojump_clock: MockClock, place: Path
) -> None:
    async with made(place) as world:
        with pytest.raises(NotLiving, match="did you mean 'second'") as refused:
            await world.faults.crash("secnd")
        assert "'first', 'second'" in str(refused.value)


async def test_the_daemon_sees_an_instance_that_hangs_and_one_that_goes_on(
    autojump_clock: MockClock, place: Path
) -> None:
    async with made(place) as world:
        await world.faults.hang("second", 60.0)
        await world.trace.until(event("unhealthy", who="second"), within=60)
        await world.trace.until(event("recovered", who="second"), within=60)
        world.trace.shows(fault("hang")).then(fault("resume")).then(event("recovered"))
        world.trace.never_shows(event("unhealthy", who="first"))


async def test_a_new_daemon_adopts_the_instances_that_live_on(
    autojump_clock: MockClock, place: Path
) -> None:
    async with made(place) as world:
        await world.faults.kill_daemon(away=3.0)
        assert set((await states(world)).values()) == {InstanceState.RUNNING}
        world.trace.shows(fault("kill_daemon")).then(event("adopted", who="second"))
        world.trace.shows(line("hello", who="first")).times(1)


async def test_a_daemon_dies_at_a_durable_step_and_the_next_one_ends_what_it_began(
    autojump_clock: MockClock,
    place: Path,
) -> None:
    async with made(place) as world:
        stop = StopInstance(instance_id=InstanceId("second"))
        await world.faults.kill_daemon(at_step=1, after=True, away=2.0)
        with pytest.raises(DaemonVanished):
            await world.ask(stop)
        with pytest.raises(NoDaemon):
            await world.ask(stop)
        await trio.sleep(30)
        world.trace.shows(fault("kill_daemon")).then(event("stopped", who="second"))
        assert "second" not in await states(world)


async def test_a_full_disk_refuses_what_is_to_be_kept_until_it_is_freed(
    autojump_clock: MockClock, place: Path
) -> None:
    async with made(place) as world:
        await world.faults.fill_disk()
        run = RunNode(node=parse_node_id("talker:v1"), instance_id=InstanceId("third"))
        with pytest.raises(PeppyError, match="no space left"):
            await world.ask(run)
        world.trace.shows(line("cannot write the journal", who="daemon"))
        await world.faults.free_disk()
        await world.ask(run)
        assert (await states(world))["third"] is InstanceState.RUNNING


async def test_a_daemon_that_cannot_start_on_a_full_disk_does_once_there_is_room(
    autojump_clock: MockClock, place: Path
) -> None:
    async with made(place) as world:
        await world.faults.fill_disk()
        with trio.move_on_after(5.0) as waiting:
            await world.faults.kill_daemon()
        assert waiting.cancelled_caught
        world.trace.shows(line("error: cannot make", who="daemon"))
        await world.faults.free_disk()
        await trio.sleep(2)
        assert set((await states(world)).values()) == {InstanceState.RUNNING}


async def test_after_a_reboot_the_stack_is_what_its_policies_make_of_it(
    autojump_clock: MockClock, place: Path
) -> None:
    async with made(place) as world:
        await world.faults.reboot()
        await trio.sleep(10)
        assert (await states(world))["first"] is InstanceState.RUNNING
        assert (await states(world))["second"] is InstanceState.FAILED


async def test_what_plays_on_after_the_end_fails_the_test_and_is_named(
    autojump_clock: MockClock, place: Path
) -> None:
    class Stubborn(Made):
        async def play(self, stage: Any) -> int:
            await super().play(stage)
            with trio.CancelScope(shield=True):
                await trio.sleep(400)
            return 0

    with pytest.raises(LeftBehind, match="'first' plays on"):
        async with made(place, Stubborn):
            pass


async def test_a_launch_that_fails_ends_all_that_it_began(
    autojump_clock: MockClock, place: Path
) -> None:
    class Failing(Made):
        async def play(self, stage: Any) -> int:
            raise RuntimeError("no")

    with pytest.raises(Exception, match="did not start"):
        async with made(place, Failing):
            pass


async def test_the_error_of_the_test_is_what_is_raised(
    autojump_clock: MockClock, place: Path
) -> None:
    traces: list[Trace] = []

    async def fail() -> None:
        async with made(place) as world:
            traces.append(world.trace)
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await fail()
    traces[0].never_shows(fault("kill_daemon"))


async def test_what_is_asked_after_the_end_is_told_so(
    autojump_clock: MockClock, place: Path
) -> None:
    async with made(place) as world:
        pass
    with pytest.raises(StackEnded):
        await world.ask(ListStack())


async def test_durable_steps_are_counted_from_one(autojump_clock: MockClock, place: Path) -> None:
    async with made(place) as world:
        with pytest.raises(ValueError, match="from 1, not 0"):
            await world.faults.kill_daemon(at_step=0)


@pytest.mark.parametrize(
    "source",
    ['{ repo: "https://host.example/x.git", path: "a", ref: "b" }', '{ name: "a", tag: "v1" }'],
)
async def test_a_source_that_is_no_directory_is_refused(
    autojump_clock: MockClock, place: Path, source: str
) -> None:
    text = LAUNCHER.replace('{ local: "./talker" }', source)
    with pytest.raises(LocalOnly, match="local sources only"):
        async with embedded_world(text, directory=place, inhabit=Made):
            pass


async def test_arguments_for_nobody_are_refused(autojump_clock: MockClock, place: Path) -> None:
    with pytest.raises(NotLaunched, match="did you mean 'second'"):
        async with made(place, arguments={"secnd": {}}):
            pass


def test_equal_seeds_give_equal_traces_and_others_do_not(place: Path) -> None:
    async def live(seed: int) -> str:
        async with made(place, seed=seed) as world:
            await trio.sleep(1)
            await world.faults.crash("first")
            await world.faults.kill_daemon(away=0.5)
            await trio.sleep(30)
        return world.trace.text()

    def run(seed: int) -> str:
        return trio.run(live, seed, clock=MockClock(autojump_threshold=0))

    assert run(3) == run(3)
    assert len({run(seed) for seed in range(4)}) > 1
