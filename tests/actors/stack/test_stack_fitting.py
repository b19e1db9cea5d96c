"""Nodes whose interfaces have to fit: what is refused, what is warned of, and what comes back."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.host.memory_files import MemoryFiles
from peppy.actors.stack.bindings import BINDINGS
from peppy.schema import control
from peppy.schema.expectations import DEPENDENCIES_FILE, read_expectations
from peppy.schema.names import parse_node_id
from tests.actors.stack.embedded import HOME, PARTS, Embedded, embedded

TALKER = parse_node_id("talker:v1")
LISTENER = parse_node_id("listener:v1")

WORDS = '{ name: "words", message_format: { text: "string" } }'
LOUDER = '{ name: "words", message_format: { text: "string", volume: "u8" } }'
MORE = WORDS + ', { name: "songs", message_format: {} }'
LISTENS = '{ local_node_id: "talker", name: "words" }'
HEARS = '{ local_node_id: "listener", name: "echoes" }'
ECHOES = '{ name: "echoes", message_format: {} }'


def listener(robot: Embedded) -> Path:
    return robot.source("listener:v1", needs="talker:v1", consumes=LISTENS)


async def add_pair(robot: Embedded) -> None:
    """Add a talker and a listener that depends on it."""
    await robot.add("talker:v1", emits=WORDS)
    await robot.ask(control.AddNode(source=str(listener(robot))))


async def remove_talker(robot: Embedded) -> control.RemoveView:
    return await robot.ask(control.RemoveNode(node=TALKER))


async def test_bindings_say_what_they_were_generated_against() -> None:
    async with embedded() as robot:
        await robot.add("talker:v1", emits=MORE)
        added = await robot.ask(control.AddNode(source=str(listener(robot))))
        text = robot.text(str(Path(added.snapshot) / BINDINGS / DEPENDENCIES_FILE))
        (expected,) = read_expectations(text.encode()).items()
        assert expected[0] == TALKER
        assert [topic.name for topic in expected[1].emits] == ["words"]


async def test_a_changed_replacement_is_refused_with_the_difference() -> None:
    async with embedded() as robot:
        await add_pair(robot)
        directory = robot.source("talker:v1", emits=LOUDER)
        error = await robot.refused(control.AddNode(source=str(directory), sync=True))
        assert error.kind == "needed_by_others"
        assert (
            "topic 'words': field 'volume' is missing in the stack and 'u8' in the new document"
            in error.sentence
        )
        assert "'listener:v1' consumes topic 'words'" in error.sentence


async def test_bindings_against_other_interfaces_are_refused_until_they_are_synced() -> None:
    async with embedded() as robot:
        await robot.add("talker:v1", emits=WORDS)
        directory = str(listener(robot))
        await robot.ask(control.SyncNode(directory=directory))
        louder = robot.source("talker:v1", emits=LOUDER)
        await robot.ask(control.AddNode(source=str(louder), sync=True))
        error = await robot.refused(control.AddNode(source=directory))
        assert error.kind == "changed_dependency"
        assert "field 'volume' is missing in the bindings and 'u8' in the stack" in error.sentence
        assert error.hint == "run 'peppy node sync', or add with '--sync'"
        assert len(robot.names(HOME.built_nodes)) == 1
        await robot.ask(control.AddNode(source=directory, sync=True))
        assert await robot.nodes() == [TALKER, LISTENER]


async def test_a_consumer_is_added_where_only_what_it_does_not_consume_has_changed() -> None:
    async with embedded() as robot:
        await robot.add("talker:v1", emits=WORDS)
        directory = str(listener(robot))
        await robot.ask(control.SyncNode(directory=directory))
        more = robot.source("talker:v1", emits=MORE)
        await robot.ask(control.AddNode(source=str(more), sync=True))
        await robot.ask(control.AddNode(source=directory))
        assert await robot.nodes() == [TALKER, LISTENER]


async def test_removing_what_others_need_is_done_with_a_warning() -> None:
    async with embedded() as robot:
        await add_pair(robot)
        removed = await remove_talker(robot)
        assert removed.warnings == (
            "`listener:v1` depends on `talker:v1`, which is not in the stack any more",
        )
        again = await robot.ask(control.RemoveNode(node=LISTENER))
        assert again.warnings == ()


async def test_a_producer_that_comes_back_changed_is_refused_with_the_difference() -> None:
    async with embedded() as robot:
        await add_pair(robot)
        await remove_talker(robot)
        louder = robot.source("talker:v1", emits=LOUDER)
        error = await robot.refused(control.AddNode(source=str(louder), sync=True))
        assert error.kind == "built_against_others"
        assert "'listener:v1': topic 'words': field 'volume' is missing" in error.sentence
        await wait_all_tasks_blocked()
        assert len(robot.names(HOME.built_nodes)) == 1
        same = robot.source("talker:v1", emits=MORE)
        await robot.ask(control.AddNode(source=str(same), sync=True))
        assert set(await robot.nodes()) == {TALKER, LISTENER}


async def test_the_next_daemon_remembers_what_a_consumer_was_built_against() -> None:
    robot = Embedded(PARTS)
    async with embedded(machine=robot):
        await add_pair(robot)
        await remove_talker(robot)
    async with embedded(machine=robot):
        louder = robot.source("talker:v1", emits=LOUDER)
        error = await robot.refused(control.AddNode(source=str(louder), sync=True))
        assert error.kind == "built_against_others"


async def test_running_a_consumer_without_its_producer_is_done_with_a_warning() -> None:
    async with embedded() as robot:
        await add_pair(robot)
        await robot.build("listener:v1")
        await robot.run("early", "listener:v1")
        assert [note for note in robot.notes if note.stream == "warning"] == []
        await remove_talker(robot)
        await robot.run("late", "listener:v1")
        assert [note.text for note in robot.notes if note.stream == "warning"] == [
            "`listener:v1` depends on `talker:v1`, which is not in the stack"
        ]


@pytest.mark.parametrize("sync", [True, False])
async def test_a_ring_that_a_node_would_close_is_refused_with_its_path(sync: bool) -> None:
    async with embedded() as robot:
        await robot.add("talker:v1", emits=WORDS)
        both = robot.source("listener:v1", needs="talker:v1", consumes=LISTENS, emits=ECHOES)
        await robot.ask(control.AddNode(source=str(both)))
        directory = robot.source(
            "talker:v1", needs="listener:v1", consumes=HEARS, emits=WORDS, at=Path("/nodes/ring")
        )
        if sync:
            error = await robot.refused(control.SyncNode(directory=str(directory)))
        else:
            error = await robot.refused(control.AddNode(source=str(directory)))
        assert error.kind == "dependency_cycle"
        assert error.sentence == (
            "`talker:v1` depends on itself: talker:v1 -> listener:v1 -> talker:v1"
        )


class SlowFiles(MemoryFiles):
    """A disk that takes its time over whole directories."""

    async def write_tree(self, directory: Path, tree: Mapping[str, str]) -> None:
        await trio.sleep(5)
        await super().write_tree(directory, tree)


@pytest.mark.parametrize("change", ["replaced", "removed", "removed and added"])
async def test_a_producer_that_changes_while_a_consumer_is_added_keeps_it_out(
    change: str, autojump_clock: MockClock
) -> None:
    async with embedded(machine=Embedded(PARTS, SlowFiles())) as robot:
        await robot.add("talker:v1", emits=WORDS)
        louder = robot.source("talker:v1", emits=LOUDER, at=Path("/nodes/louder"))
        directory = str(listener(robot))
        kinds: list[str] = []

        async def add_listener() -> None:
            # It takes the place in the middle of the other addition: each writes two trees.
            await trio.sleep(4 if change == "replaced" else 0)
            kinds.append((await robot.refused(control.AddNode(source=directory))).kind)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(add_listener)
            await trio.sleep(2)
            if change != "replaced":
                await remove_talker(robot)
            if change != "removed":
                await robot.ask(control.AddNode(source=str(louder)))
        changed = change == "replaced"
        assert kinds == ["changed_dependency" if changed else "missing_dependency"]
        await wait_all_tasks_blocked()
        assert await robot.nodes() == ([] if change == "removed" else [TALKER])
        assert len(robot.names(HOME.built_nodes)) == len(await robot.nodes())
