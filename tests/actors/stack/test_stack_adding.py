"""`node add`: what enters the stack, what is kept out, and what it replaces."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.host.memory_files import File, MemoryFiles
from peppy.actors.stack.bindings import BINDINGS, FINGERPRINT
from peppy.schema import control
from peppy.schema.errors import DocumentError, PeppyError
from peppy.schema.names import InstanceId, parse_node_id
from tests.actors.stack.embedded import HOME, PARTS, Embedded, Player, embedded

HELLO = parse_node_id("hello:v1")

WORDS = '{ name: "words", message_format: { text: "string" } }'
LOUDER = '{ name: "words", message_format: { text: "string", volume: "u8" } }'
LISTENS = '{ local_node_id: "talker", name: "words" }'
LEAVES_LATE = Player(leaves_in=4.0)


class SlowFiles(MemoryFiles):
    """A disk that takes its time over whole directories."""

    async def write_tree(self, directory: Path, tree: Mapping[str, str]) -> None:
        await trio.sleep(5)
        await super().write_tree(directory, tree)


async def add_pair(robot: Embedded) -> None:
    """Add a talker and a listener that depends on it."""
    await robot.add("talker:v1", emits=WORDS)
    await robot.add("listener:v1", needs="talker:v1", consumes=LISTENS)


async def test_bindings_of_another_document_are_refused_and_nothing_is_left() -> None:
    async with embedded() as robot:
        directory = robot.source(emits=WORDS)
        await robot.ask(control.SyncNode(directory=str(directory)))
        robot.source(emits=LOUDER)
        error = await robot.refused(control.AddNode(source=str(directory)))
        assert error.kind == "stale_bindings"
        assert await robot.nodes() == []
        assert robot.names(HOME.built_nodes) == set()


async def test_with_sync_stale_bindings_are_generated_anew() -> None:
    async with embedded() as robot:
        directory = robot.source(emits=WORDS)
        await robot.ask(control.SyncNode(directory=str(directory)))
        robot.source(emits=LOUDER)
        await robot.ask(control.AddNode(source=str(directory), sync=True))
        info = await robot.ask(control.DescribeNode(node=HELLO))
        fingerprint = robot.text(str(directory / BINDINGS / FINGERPRINT))
        assert fingerprint.strip() == info.config_sha256


async def test_a_source_without_bindings_gets_them() -> None:
    async with embedded() as robot:
        added = await robot.add()
        assert [note.text for note in robot.notes if note.stream == "step"] == [
            "Generating the bindings of hello:v1"
        ]
        for directory in (Path("/nodes/hello_v1"), Path(added.snapshot)):
            assert (directory / BINDINGS / FINGERPRINT) in robot.files.items


async def test_a_directory_without_a_document_is_no_node() -> None:
    async with embedded() as robot:
        error = await robot.refused(control.AddNode(source="/nodes/nothing"))
        assert error.kind == "no_document"
        assert "'/nodes/nothing'" in error.sentence


async def test_every_problem_of_a_document_is_told() -> None:
    async with embedded() as robot:
        robot.files.put(Path("/nodes/bad/peppy.json5"), File(b'{ peppy_schema: "node_v1" }'))
        error = await robot.refused(control.AddNode(source="/nodes/bad"))
        assert isinstance(error, DocumentError)
        assert error.problems


async def test_a_dependency_has_to_be_there_first() -> None:
    async with embedded() as robot:
        directory = robot.source("listener:v1", needs="talker:v1", consumes=LISTENS)
        error = await robot.refused(control.AddNode(source=str(directory)))
        assert error.kind == "missing_dependency"
        assert robot.names(HOME.built_nodes) == set()
        await robot.add("talker:v1", emits=WORDS)
        await robot.ask(control.AddNode(source=str(directory)))
        view = await robot.ask(control.ListStack())
        (edge,) = view.dependencies
        assert (str(edge.dependent), str(edge.dependency)) == ("listener:v1", "talker:v1")


async def test_a_failed_adding_is_told_in_its_log() -> None:
    async with embedded() as robot:
        directory = robot.source("listener:v1", needs="talker:v1", consumes=LISTENS)
        await robot.refused(control.AddNode(source=str(directory)))
        (log,) = robot.names(HOME.add_logs)
        assert "[error] `listener:v1` depends on" in robot.text(str(HOME.add_logs / log))


async def test_changed_interfaces_are_refused_while_others_depend_on_them() -> None:
    async with embedded() as robot:
        await add_pair(robot)
        before = await robot.row("talker:v1")
        directory = robot.source("talker:v1", emits=LOUDER)
        error = await robot.refused(control.AddNode(source=str(directory), sync=True))
        assert error.kind == "needed_by_others"
        assert "'listener:v1'" in error.sentence
        await wait_all_tasks_blocked()
        assert await robot.row("talker:v1") == before
        assert len(robot.names(HOME.built_nodes)) == 2


async def test_a_replacement_that_keeps_its_interfaces_is_fine_and_begins_anew() -> None:
    async with embedded() as robot:
        await add_pair(robot)
        await robot.build("talker:v1")
        first = await robot.row("talker:v1")
        directory = robot.source("talker:v1", emits=WORDS, parameters='rate: "u16"')
        added = await robot.ask(control.AddNode(source=str(directory), sync=True))
        assert added.replaced
        row = await robot.row("talker:v1")
        assert (row.stage, row.path) == (control.Stage.ADDED, added.snapshot)
        assert Path(first.path) not in robot.files.items
        assert len(robot.names(HOME.built_nodes)) == 2


async def test_a_replacement_needs_consent_to_stop_what_runs() -> None:
    async with embedded() as robot:
        await robot.ready()
        await robot.run()
        source = str(robot.source())
        error = await robot.refused(control.AddNode(source=source))
        assert (error.kind, error.needs) == ("needs_consent", "stop_instances")
        assert "'front'" in error.sentence
        assert await robot.states() == {"front": "running"}


async def test_with_consent_a_replacement_stops_what_runs_before_it_enters(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": LEAVES_LATE}) as robot:
        await robot.ready()
        await robot.run()
        begun = trio.current_time()
        request = control.AddNode(source=str(robot.source()), stop_instances=True)
        added = await robot.ask(request)
        assert (added.replaced, added.stopped) == (True, ("front",))
        assert trio.current_time() - begun == pytest.approx(4.0)
        assert (robot.living, robot.instance_directories) == (set(), set())


async def test_a_replacement_needs_no_consent_for_what_has_ended(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": Player(lasts=1.0)}) as robot:
        await robot.ready()
        await robot.run()
        await trio.sleep(2)
        added = await robot.ask(control.AddNode(source=str(robot.source())))
        assert (added.replaced, robot.instance_directories) == (True, set())


async def test_removing_needs_consent_to_stop_what_runs() -> None:
    async with embedded() as robot:
        await robot.ready()
        await robot.run()
        error = await robot.refused(control.RemoveNode(node=HELLO))
        assert error.needs == "stop_instances"
        removed = await robot.ask(control.RemoveNode(node=HELLO, stop_instances=True))
        assert removed.stopped == ("front",)
        assert (robot.living, robot.instance_directories) == (set(), set())


async def test_the_nearest_node_is_named_when_one_is_not_there() -> None:
    async with embedded() as robot:
        await robot.add()
        for request in (
            control.DescribeNode(node=parse_node_id("helo:v1")),
            control.BuildNode(node=parse_node_id("helo:v1")),
            control.RunNode(node=parse_node_id("helo:v1")),
            control.RemoveNode(node=parse_node_id("helo:v1")),
        ):
            error = await robot.refused(request)
            assert (error.kind, error.hint) == ("unknown_node", "did you mean 'hello:v1'?")


async def test_a_node_that_is_being_removed_is_not_added_again_over_its_end(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": LEAVES_LATE}) as robot:
        await robot.ready()
        await robot.run()

        async def remove() -> None:
            await robot.ask(control.RemoveNode(node=HELLO, stop_instances=True))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(remove)
            await trio.sleep(1)
            error = await robot.refused(control.AddNode(source=str(robot.source())))
            assert error.kind == "leaving"
        await robot.ready()
        await robot.run()


async def test_an_instance_id_is_taken_until_its_process_has_ended(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"late": LEAVES_LATE}) as robot:
        await robot.ready(run="late")
        await robot.ready("other:v1")
        await robot.run("front")

        async def remove() -> None:
            await robot.ask(control.RemoveNode(node=HELLO, stop_instances=True))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(remove)
            await trio.sleep(1)
            other = parse_node_id("other:v1")
            wanted = control.RunNode(node=other, instance_id=InstanceId("front"))
            assert (await robot.refused(wanted)).kind == "instance_exists"
        await robot.run("front", "other:v1")
        assert (HOME.instances / "front" / "built.txt") in robot.files.items


async def test_a_second_adding_of_the_same_source_is_refused_or_forces_its_way(
    autojump_clock: MockClock,
) -> None:
    async with embedded(machine=Embedded(PARTS, SlowFiles())) as robot:
        source = str(robot.source())
        outcomes: list[str] = []

        async def first() -> None:
            outcomes.append((await robot.refused(control.AddNode(source=source))).kind)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(first)
            await trio.sleep(1)
            assert (await robot.refused(control.AddNode(source=source))).kind == "in_progress"
            await robot.ask(control.AddNode(source=source, force=True))
        assert outcomes == ["adding_given_up"]
        await wait_all_tasks_blocked()
        assert len(robot.names(HOME.built_nodes)) == 1


@pytest.mark.parametrize("turns", range(24))
async def test_an_adding_whose_asker_leaves_is_done_or_leaves_nothing(turns: int) -> None:
    async with embedded() as robot:
        source = str(robot.source())
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(robot.ask, control.AddNode(source=source))
                for _ in range(turns):
                    await trio.lowlevel.checkpoint()
                scope.cancel()
        await wait_all_tasks_blocked()
        assert len(robot.names(HOME.built_nodes)) == len(await robot.nodes())
        await robot.ask(control.AddNode(source=source, sync=True))
    assert robot.failures == []


@pytest.mark.parametrize("turns", range(24))
async def test_an_adding_can_be_forced_at_any_moment(turns: int) -> None:
    async with embedded() as robot:
        source = str(robot.source())
        async with trio.open_nursery() as nursery:

            async def first() -> None:
                with contextlib.suppress(PeppyError):
                    await robot.ask(control.AddNode(source=source))

            nursery.start_soon(first)
            for _ in range(turns):
                await trio.lowlevel.checkpoint()
            await robot.ask(control.AddNode(source=source, force=True, sync=True))
        await wait_all_tasks_blocked()
        assert await robot.nodes() == [HELLO]
        assert len(robot.names(HOME.built_nodes)) == 1
    assert robot.failures == []
