"""A node's way through the stack, from its directory to its end."""

import pytest
import trio
from trio.testing import MockClock

from peppy.schema import control
from peppy.schema.control import InstanceState, Stage
from peppy.schema.names import InstanceId, parse_node_id
from tests.actors.stack.embedded import CORE, DAEMON_INSTANCE, HOME, Builder, Player, embedded

HELLO = parse_node_id("hello:v1")


async def test_a_node_is_added_built_run_listed_described_stopped_and_removed(
    autojump_clock: MockClock,
) -> None:
    slow = {"slow": Builder(prints=("one", "two"), every=2.0)}
    async with embedded({**slow, "player": Player(every=0.5)}) as robot:
        added = await robot.add(build="slow", emits='{ name: "words", message_format: {} }')
        assert (added.node, added.replaced, added.stopped) == (HELLO, False, ())
        assert (await robot.row()).stage is Stage.ADDED
        assert (await robot.row()).path == added.snapshot
        assert robot.text(f"{added.snapshot}/.peppy/libs/peppygen/peppygen/__init__.py")

        built = await robot.build()
        assert built.seconds == pytest.approx(4.0)
        assert built.artifact == str(HOME.artifact(HELLO))
        row = await robot.row()
        assert (row.stage, row.path, row.instances) == (Stage.READY, built.artifact, ())
        assert "[stdout] two" in robot.text(built.log)
        assert robot.workspaces == set()

        started = await robot.run("front")
        assert started.seconds == pytest.approx(0.5)
        (instance,) = (await robot.row()).instances
        assert (instance.state, instance.pid) == (InstanceState.RUNNING, started.pid)
        assert robot.files.items[HOME.instances / "front" / "built.txt"]
        assert "Executing run_cmd: player" in robot.text(started.log)

        info = await robot.ask(control.DescribeNode(node=HELLO))
        assert info.row == await robot.row()
        assert (info.build_cmd, info.build_log) == (("slow", "now"), built.log)
        assert [line.name for line in info.exposed] == ["words"]

        stopped = await robot.stop("front")
        assert (stopped.forced, stopped.ended, stopped.seconds) == (False, "exit code 0", 0.0)
        assert (robot.living, robot.instance_directories) == (set(), set())

        await robot.listed()
        removed = await robot.ask(control.RemoveNode(node=HELLO))
        assert removed.stopped == ()
        assert await robot.nodes() == []
        assert robot.names(HOME.built_nodes) == set()
    assert robot.failures == []


async def test_the_core_node_stands_first_and_can_be_neither_run_nor_stopped() -> None:
    async with embedded() as robot:
        (core,) = (await robot.ask(control.ListStack())).nodes
        assert (core.node.name, core.stage) == (CORE, Stage.ROOT)
        assert [each.instance_id for each in core.instances] == [DAEMON_INSTANCE]
        for request in (
            control.RunNode(node=core.node),
            control.StopInstance(instance_id=DAEMON_INSTANCE),
            control.RemoveNode(node=core.node, stop_instances=True),
        ):
            assert (await robot.refused(request)).kind == "core_node"


async def test_progress_is_noted_before_the_answer() -> None:
    async with embedded() as robot:
        added = await robot.add()
        assert (robot.notes[0].stream, robot.notes[0].text) == ("log", added.log)
        robot.notes.clear()
        built = await robot.build()
        assert [(note.stream, note.text) for note in robot.notes] == [
            ("log", built.log),
            ("stdout", "compiling"),
            ("step", "Packing the artifact..."),
        ]


async def test_a_node_without_a_build_command_is_built_from_its_snapshot() -> None:
    async with embedded() as robot:
        await robot.ready(build=None)
        await robot.run()
        assert (HOME.instances / "front" / "peppy.json5") in robot.files.items


async def test_two_instances_of_a_node_live_side_by_side() -> None:
    async with embedded() as robot:
        await robot.ready()
        await robot.run("front")
        await robot.run("rear")
        await robot.stop("front")
        assert await robot.states() == {"rear": "running"}
        assert robot.names(HOME.instances) == {"rear"}


async def test_instances_without_an_id_are_given_different_ones() -> None:
    async with embedded() as robot:
        await robot.ready()
        started = [await robot.run(None) for _ in range(5)]
        assert len({each.instance_id for each in started}) == 5


async def test_a_tree_of_actors_that_ends_leaves_instances_and_no_build(
    autojump_clock: MockClock,
) -> None:
    deaf = Player(leaves_in=None, obeys_terminate=False)
    async with embedded({"deaf": deaf, "hanging": Builder(hangs=True)}) as robot:
        await robot.ready(run="deaf")
        await robot.run()
        await robot.add("other:v1", build="hanging")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(robot.build, "other:v1")
            await trio.sleep(1)
            assert len(robot.living) == 2
            nursery.cancel_scope.cancel()
    await trio.testing.wait_all_tasks_blocked()
    assert (robot.living, robot.workspaces) == ({f"{DAEMON_INSTANCE}/front"}, set())


async def test_a_fresh_node_is_made_synced_and_added() -> None:
    async with embedded() as robot:
        made = await robot.ask(control.InitNode(name="fresh", to_dir="/nodes"))
        again = await robot.refused(control.InitNode(name="fresh", to_dir="/nodes"))
        assert again.kind == "directory_exists"
        synced = await robot.ask(control.SyncNode(directory=made.directory))
        added = await robot.ask(control.AddNode(source=made.directory))
        assert added.node == synced.node


async def test_an_instance_id_that_is_no_name_is_refused() -> None:
    async with embedded() as robot:
        await robot.ready()
        wanted = InstanceId("../../etc")
        error = await robot.refused(control.RunNode(node=HELLO, instance_id=wanted))
        assert "is not an instance id" in error.sentence
