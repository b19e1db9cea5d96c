"""Variants of nodes: which one enters the stack, and what is made of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.host.memory_files import File, MemoryFiles
from peppy.actors.stack.bindings import BINDINGS, FINGERPRINT
from peppy.actors.stack.variant_roots import ROOT_DOCUMENT
from peppy.schema import control
from peppy.schema.fingerprint import document_sha256
from peppy.schema.requests import Request
from tests.actors.stack.cameras import (
    CAMERA,
    MOCK,
    MOCKED,
    NARROW,
    REPO,
    ROOT,
    TURNED,
    Robot,
    cameras,
    named,
)
from tests.actors.stack.embedded import HOME, Player, embedded
from tests.actors.stack.mortal import MortalRobot


async def test_a_named_variant_runs_under_the_name_and_interfaces_of_its_root() -> None:
    async with cameras() as robot:
        root, own = robot.root(MOCKED), robot.variant()
        added = await robot.take(variant="mock")
        info = await robot.info()
        assert (info.row.node, info.row.variant) == (CAMERA, "mock")
        assert info.row.origin == str(MOCK)
        assert info.run_cmd == ("mock_player",)
        assert [line.name for line in info.exposed] == ["frames"]
        assert info.config_sha256 == document_sha256(own)
        snapshot = Path(added.snapshot)
        assert robot.text(str(snapshot / ROOT_DOCUMENT)).encode() == root
        assert robot.digests(snapshot) == (document_sha256(own), document_sha256(root))
        await robot.build("camera:v1")
        started = await robot.run("front", "camera:v1")
        assert "mock" in robot.text(started.log)


async def test_bindings_are_generated_in_the_variants_own_directory() -> None:
    async with cameras() as robot:
        root, own = robot.root(MOCKED), robot.variant()
        await robot.take(variant="mock")
        assert robot.digests(MOCK) == (document_sha256(own), document_sha256(root))
        assert ROOT / BINDINGS not in robot.files.items


@pytest.mark.parametrize("choice", [None, "default"])
async def test_a_declared_default_is_taken_where_no_variant_is_asked_for(
    choice: str | None,
) -> None:
    async with cameras() as robot:
        robot.root(named("default", "variants/default") + "," + MOCKED, own="")
        robot.variant(at=ROOT / "variants/default")
        await robot.take(variant=choice)
        info = await robot.info()
        assert (info.row.variant, info.run_cmd) == ("default", ("mock_player",))
        assert info.row.origin == str(ROOT / "variants/default")


@pytest.mark.parametrize("choice", [None, "default"])
async def test_without_a_declared_default_the_roots_own_execution_is_called_so(
    choice: str | None,
) -> None:
    async with cameras() as robot:
        robot.root(MOCKED)
        added = await robot.take(variant=choice)
        info = await robot.info()
        assert (info.row.variant, info.run_cmd) == ("default", ("player",))
        assert Path(added.snapshot) / ROOT_DOCUMENT not in robot.files.items


async def test_a_variant_that_the_root_does_not_declare_is_refused() -> None:
    async with cameras() as robot:
        robot.root(MOCKED)
        error = await robot.refused(control.AddNode(source=str(ROOT), variant="mok"))
        assert (error.kind, error.hint) == ("unknown_variant", "did you mean 'mock'?")
        assert await robot.nodes() == []


async def test_a_declared_variant_whose_directory_is_empty_is_named() -> None:
    async with cameras() as robot:
        robot.root(MOCKED)
        error = await robot.refused(control.AddNode(source=str(ROOT), variant="mock"))
        assert error.kind == "variant_away"
        assert "'mock' of 'camera:v1'" in error.sentence
        assert str(MOCK) in error.sentence


async def test_other_interfaces_keep_a_variant_out_and_nothing_of_it_is_left() -> None:
    async with cameras() as robot:
        robot.root(MOCKED)
        robot.variant(f"interfaces: {{ topics: {{ emits: [{NARROW}] }} }}")
        error = await robot.refused(control.AddNode(source=str(ROOT), variant="mock"))
        assert error.kind == "variant_interface_mismatch"
        assert "field 'width' is 'u32' in the root and 'u16' in the variant" in error.sentence
        assert await robot.nodes() == []
        assert robot.names(HOME.built_nodes) == set()


async def test_the_same_interfaces_in_another_order_let_it_in() -> None:
    async with cameras() as robot:
        robot.root(MOCKED)
        robot.variant(f"interfaces: {{ topics: {{ emits: [{TURNED}] }} }}")
        await robot.take(variant="mock")
        assert (await robot.row("camera:v1")).variant == "mock"


async def test_a_variant_replaces_the_root_and_the_root_the_variant() -> None:
    async with cameras() as robot:
        robot.root(MOCKED)
        robot.variant()
        await robot.take()
        await robot.build("camera:v1")
        await robot.run("front", "camera:v1")
        request = control.AddNode(source=str(ROOT), variant="mock")
        assert (await robot.refused(request)).needs == "stop_instances"
        assert (await robot.row("camera:v1")).variant == "default"
        added = await robot.take(variant="mock", stop_instances=True)
        assert (added.replaced, added.stopped) == (True, ("front",))
        assert (await robot.row("camera:v1")).variant == "mock"
        assert (await robot.take()).replaced
        assert (await robot.row("camera:v1")).variant == "default"
        assert await robot.nodes() == [CAMERA]


async def test_others_that_depend_on_a_node_do_not_keep_its_variant_out() -> None:
    async with cameras() as robot:
        robot.root(MOCKED)
        robot.variant()
        await robot.take()
        linked = '{ local_node_id: "camera", name: "frames" }'
        await robot.add("viewer:v1", needs="camera:v1", consumes=linked)
        await robot.take(variant="mock")
        assert (await robot.row("camera:v1")).variant == "mock"


async def test_a_variant_may_lie_beside_its_root() -> None:
    async with cameras() as robot:
        robot.root(named("mock", "../mock_camera"))
        robot.variant(at=Path("/nodes/mock_camera"))
        await robot.take(variant="mock")
        assert (await robot.row("camera:v1")).origin == "/nodes/mock_camera"


async def test_a_directory_that_is_named_needs_no_declaration() -> None:
    async with cameras() as robot:
        robot.root("")
        robot.variant(at=Path("/elsewhere/fake"))
        await robot.take(variant="/elsewhere/fake")
        assert (await robot.row("camera:v1")).variant == "/elsewhere/fake"


# A variant's own directory.


@pytest.mark.parametrize(
    ("directory", "shown"), [(MOCK, "mock"), (ROOT / "trial/three", "./trial/three")]
)
async def test_a_variants_directory_is_added_with_the_root_that_is_nearest_above(
    directory: Path, shown: str
) -> None:
    async with cameras() as robot:
        root, own = robot.root(MOCKED), robot.variant(at=directory)
        robot.root("", at=Path("/nodes"))
        added = await robot.take(directory)
        row = await robot.row("camera:v1")
        assert (row.variant, row.origin) == (shown, str(directory))
        assert robot.digests(Path(added.snapshot)) == (document_sha256(own), document_sha256(root))


async def test_a_variant_between_another_one_and_the_root_is_no_root() -> None:
    async with cameras() as robot:
        robot.root(MOCKED)
        robot.variant()
        robot.variant(at=MOCK / "deeper")
        await robot.take(MOCK / "deeper")
        assert (await robot.row("camera:v1")).variant == "./variants/mock/deeper"


@pytest.mark.parametrize(
    "request_made",
    [control.AddNode(source="/copied/mock"), control.SyncNode(directory="/copied/mock")],
)
async def test_a_variants_directory_without_a_root_above_is_refused(
    request_made: Request[Any],
) -> None:
    async with cameras() as robot:
        robot.variant(at=Path("/copied/mock"))
        error = await robot.refused(request_made)
        assert error.kind == "no_root"
        assert "'/copied/mock/peppy.json5' has no 'manifest'" in error.sentence
        assert error.hint is not None
        assert "root's document back" in error.hint


async def test_a_variant_of_a_variant_is_refused_and_its_root_named() -> None:
    async with cameras() as robot:
        robot.root(MOCKED)
        robot.variant()
        error = await robot.refused(control.AddNode(source=str(MOCK), variant="mock"))
        assert error.kind == "variant_alone"
        assert str(ROOT) in str(error.hint)


async def test_sync_in_a_variants_directory_merges_and_compares_nothing() -> None:
    async with cameras() as robot:
        root = robot.root(MOCKED)
        own = robot.variant(f"interfaces: {{ topics: {{ emits: [{NARROW}] }} }}")
        view = await robot.ask(control.SyncNode(directory=str(MOCK)))
        assert (view.node, view.directory) == (CAMERA, str(MOCK))
        assert robot.digests(MOCK) == (document_sha256(own), document_sha256(root))
        package = robot.text(str(MOCK / BINDINGS / "peppygen/parameters/__init__.py"))
        assert "rate" in package


async def test_sync_of_a_root_without_execution_goes_where_its_default_lies() -> None:
    async with cameras() as robot:
        robot.root(named("default", "code"), own="")
        own = robot.variant(at=ROOT / "code")
        view = await robot.ask(control.SyncNode(directory=str(ROOT)))
        assert view.directory == str(ROOT / "code")
        assert robot.digests(ROOT / "code")[0] == document_sha256(own)


async def test_sync_of_a_root_whose_code_lies_elsewhere_says_where() -> None:
    async with cameras() as robot:
        source = f'{{ name: "default", source: {{ repo: "{REPO}", path: "code", ref: "v2" }} }}'
        robot.root(source, own="")
        error = await robot.refused(control.SyncNode(directory=str(ROOT)))
        assert error.kind == "elsewhere"
        assert f"'{REPO}/code@v2'" in error.sentence


# Bindings that belong to other documents.


@pytest.mark.parametrize("which", ["root", "variant"])
async def test_bindings_are_stale_when_either_document_has_changed(which: str) -> None:
    async with cameras() as robot:
        robot.root(MOCKED)
        robot.variant()
        await robot.ask(control.SyncNode(directory=str(MOCK)))
        if which == "root":
            robot.root(MOCKED + ",")
        else:
            robot.variant("interfaces: {},")
        error = await robot.refused(control.AddNode(source=str(ROOT), variant="mock"))
        assert error.kind == "stale_bindings"
        assert ("Root config" in error.sentence) is (which == "root")
        assert str(MOCK) in str(error.hint)
        await robot.take(variant="mock", sync=True)
        assert (await robot.row("camera:v1")).variant == "mock"


async def test_bindings_of_a_variant_that_became_a_node_are_stale() -> None:
    async with cameras() as robot:
        robot.root(MOCKED)
        own = robot.variant()
        await robot.ask(control.SyncNode(directory=str(MOCK)))
        # The same document, but generated for a root that it no longer has.
        robot.root("", at=MOCK)
        fingerprint = MOCK / BINDINGS / FINGERPRINT
        now = document_sha256(robot.text(str(MOCK / "peppy.json5")).encode())
        assert now != document_sha256(own)
        robot.files.put(fingerprint, File(now.encode()))
        error = await robot.refused(control.AddNode(source=str(MOCK)))
        assert "got none" in error.sentence


class SlowFiles(MemoryFiles):
    """A disk that takes its time over whole directories."""

    async def write_tree(self, directory: Path, tree: Mapping[str, str]) -> None:
        await trio.sleep(5)
        await super().write_tree(directory, tree)


async def test_a_document_that_changes_while_it_is_added_is_not_taken(
    autojump_clock: MockClock,
) -> None:
    robot = Robot(SlowFiles())
    async with embedded(machine=robot), trio.open_nursery() as nursery:
        robot.root(MOCKED)
        robot.variant()

        async def change() -> None:
            await trio.sleep(1)
            robot.variant("interfaces: {},")

        nursery.start_soon(change)
        error = await robot.refused(control.AddNode(source=str(ROOT), variant="mock"))
        assert error.kind == "changed"
        assert f"'{MOCK}' has changed while it was being added" in error.sentence
        assert robot.names(HOME.built_nodes) == set()


@pytest.mark.parametrize("turns", range(0, 60, 6))
async def test_a_variant_whose_asker_leaves_is_added_or_leaves_nothing(turns: int) -> None:
    async with cameras() as robot:
        robot.root(MOCKED)
        robot.variant()
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(robot.ask, control.AddNode(source=str(ROOT), variant="mock"))
                for _ in range(turns):
                    await trio.lowlevel.checkpoint()
                scope.cancel()
        await wait_all_tasks_blocked()
        assert len(robot.names(HOME.built_nodes)) == len(await robot.nodes())
        await robot.take(variant="mock", sync=True)
    assert robot.failures == []


# A daemon that comes after.


def mortal() -> MortalRobot:
    """Return a machine with a root and its mock on it."""
    robot = MortalRobot({"mock_player": Player()})
    writer = Robot(robot.files)
    writer.root(MOCKED)
    writer.variant()
    return robot


async def replace_by_the_mock(robot: MortalRobot) -> None:
    await robot.ask(control.AddNode(source=str(ROOT)))
    await robot.ask(control.AddNode(source=str(ROOT), variant="mock"))


async def steps_until_the_mock_is_there() -> int:
    robot = mortal()
    async with robot.daemon() as life:
        await replace_by_the_mock(robot)
        await wait_all_tasks_blocked()
        return life.steps


STEPS = trio.run(steps_until_the_mock_is_there, clock=MockClock(autojump_threshold=0))


# Two thirds of them go with the tests that wait.
@pytest.mark.parametrize(
    "step",
    [pytest.param(n, marks=[pytest.mark.e2e] if n % 3 else []) for n in range(1, STEPS + 1)],
)
async def test_a_daemon_that_is_killed_leaves_the_root_or_the_mock_but_whole(
    step: int, autojump_clock: MockClock
) -> None:
    robot = mortal()
    await robot.live_until(step, lambda: replace_by_the_mock(robot), after=True)
    async with robot.daemon():
        view = await robot.listed()
        for row in view.nodes[1:]:
            info = await robot.ask(control.DescribeNode(node=row.node))
            ran = {"default": ("player",), "mock": ("mock_player",)}
            assert info.run_cmd == ran[row.variant]
            assert row.origin == {"default": str(ROOT), "mock": str(MOCK)}[row.variant]
        assert len(robot.names(HOME.built_nodes)) == len(view.nodes) - 1
        await robot.ask(control.AddNode(source=str(ROOT), variant="mock", sync=True))
        assert (await robot.row("camera:v1")).variant == "mock"


async def test_the_next_daemon_knows_the_variant_and_where_it_came_from() -> None:
    robot = mortal()
    async with robot.daemon():
        request = control.AddNode(source=str(ROOT), variant="mock")
        await robot.ask(request)
        await robot.build("camera:v1")
        await robot.run("front", "camera:v1")
        before = await robot.ask(control.DescribeNode(node=CAMERA))
    # What the sources hold now is nobody's business any more.
    robot.files.take(ROOT)
    async with robot.daemon():
        info = await robot.ask(control.DescribeNode(node=CAMERA))
        assert (info.row.variant, info.row.origin) == ("mock", str(MOCK))
        assert (info.run_cmd, info.exposed) == (before.run_cmd, before.exposed)
        assert info.config_sha256 == before.config_sha256
        assert [each.instance_id for each in info.row.instances] == ["front"]
        await robot.run("rear", "camera:v1")
