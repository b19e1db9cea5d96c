"""Variants of nodes: which one enters the stack, from where, and what is made of it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from peppy.actors.host.memory_files import File
from peppy.actors.host.memory_sources import MemorySources
from peppy.actors.stack.bindings import BINDINGS, FINGERPRINT, ROOT_FINGERPRINT
from peppy.actors.stack.resolving import Pins, resolve
from peppy.actors.stack.variant_roots import ROOT_DOCUMENT
from peppy.runtime.transport.exchange import Exchange
from peppy.schema import control
from peppy.schema.fingerprint import document_sha256
from peppy.schema.names import Name, parse_node_id
from peppy.schema.requests import Request
from peppy.schema.sources import GitSource, Origin, VariantName, Wanted
from tests.actors.stack.embedded import HOME, PARTS, Embedded, Player, embedded
from tests.actors.stack.mortal import MortalRobot

CAMERA = parse_node_id("camera:v1")
ROOT = Path("/nodes/camera")
MOCK = ROOT / "variants/mock"
REPO = "https://example.com/nodes.git"
ARCHIVE = "https://example.com/camera.tar.zst"
FRAMES = '{ name: "frames", message_format: { width: "u32", height: "u32" } }'
TURNED = '{ message_format: { height: "u32", width: "u32" }, name: "frames" }'
NARROW = '{ name: "frames", message_format: { width: "u16", height: "u32" } }'
OWN = 'execution: { language: "python", build_cmd: ["builder", "x"], run_cmd: ["player"] }'


class Robot(Embedded):
    """A machine with roots and variants on it."""

    def __init__(self) -> None:
        super().__init__({**PARTS, "mock_player": Player(prints=("mock",))})

    @property
    def elsewhere(self) -> dict[str, Path]:
        assert isinstance(self.host.sources, MemorySources)
        return self.host.sources.elsewhere

    def write(self, directory: Path, text: str) -> bytes:
        data = f'{{ peppy_schema: "node_v1", {text} }}'.encode()
        self.files.put(directory / "peppy.json5", File(data))
        return data

    def root(self, variants: str, *, own: str = OWN, at: Path = ROOT) -> bytes:
        return self.write(
            at,
            f'manifest: {{ name: "camera", tag: "v1", variants: [{variants}] }},'
            f" interfaces: {{ topics: {{ emits: [{FRAMES}] }} }}, {own}",
        )

    def variant(self, more: str = "", *, at: Path = MOCK) -> bytes:
        return self.write(
            at,
            'execution: { language: "python", parameters: { rate: { $type: "u8", $default: 3 } },'
            f' build_cmd: ["builder", "x"], run_cmd: ["mock_player"] }}, {more}',
        )

    async def take(self, source: object = ROOT, **more: Any) -> control.AddView:
        return await self.ask(control.AddNode(source=str(source), **more))

    async def info(self) -> control.NodeInfoView:
        await wait_all_tasks_blocked()
        return await self.ask(control.DescribeNode(node=CAMERA))

    def digests(self, directory: Path) -> tuple[str, str | None]:
        """Return what the bindings in a directory were made from."""
        root = directory / BINDINGS / ROOT_FINGERPRINT
        there = self.text(str(root)).strip() if root in self.files.items else None
        return self.text(str(directory / BINDINGS / FINGERPRINT)).strip(), there


@asynccontextmanager
async def cameras() -> AsyncGenerator[Robot, None]:
    robot = Robot()
    async with embedded(machine=robot):
        yield robot


def named(name: str, local: str) -> str:
    return f'{{ name: "{name}", source: {{ local: "{local}" }} }}'


MOCKED = named("mock", "./variants/mock")


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


# Flavors.


async def test_a_flavor_enters_under_the_roots_name_with_a_warning_and_keeps_its_bindings() -> None:
    async with cameras() as robot:
        robot.root(named("groot", "../groot_brain"))
        groot = Path("/nodes/groot_brain")
        own = robot.write(
            groot,
            'manifest: { name: "groot_brain", tag: "v7" },'
            f" interfaces: {{ topics: {{ emits: [{TURNED}] }} }},"
            ' execution: { language: "python", run_cmd: ["mock_player"] }',
        )
        await robot.ask(control.SyncNode(directory=str(groot)))
        added = await robot.take(variant="groot")
        assert added.node == CAMERA
        (warning,) = added.warnings
        assert "'manifest' of variant 'groot' is ignored" in warning
        assert warning in robot.text(added.log)
        assert robot.digests(groot) == (document_sha256(own), None)
        assert robot.digests(Path(added.snapshot))[1] is not None
        await robot.take(groot)
        assert await robot.nodes() == [CAMERA, parse_node_id("groot_brain:v7")]


async def test_a_flavor_for_another_robot_is_kept_out() -> None:
    async with cameras() as robot:
        robot.root(named("groot", "../groot_brain"))
        robot.write(
            Path("/nodes/groot_brain"),
            'manifest: { name: "groot_brain", tag: "v7" },'
            f" interfaces: {{ topics: {{ emits: [{NARROW}] }} }},"
            ' execution: { language: "python", run_cmd: ["mock_player"] }',
        )
        error = await robot.refused(control.AddNode(source=str(ROOT), variant="groot"))
        assert error.kind == "variant_interface_mismatch"


# Roots and variants that lie elsewhere.


@pytest.mark.parametrize(
    ("address", "source", "ref", "top"),
    [(REPO, f"{REPO}/camera", "v3", Path("/git")), (ARCHIVE, ARCHIVE, None, Path("/git/camera"))],
)
async def test_a_local_variant_of_a_root_elsewhere_comes_from_there(
    address: str, source: str, ref: str | None, top: Path
) -> None:
    async with cameras() as robot:
        robot.elsewhere[address] = top
        root = robot.root(MOCKED, at=Path("/git/camera"))
        own = robot.variant(at=Path("/git/camera/variants/mock"))
        added = await robot.take(source, ref=ref, variant="mock")
        row = await robot.row("camera:v1")
        assert row.variant == "mock"
        inside = "variants/mock" if top.name == "camera" else "camera/variants/mock"
        assert inside in row.origin
        assert robot.digests(Path(added.snapshot)) == (document_sha256(own), document_sha256(root))


async def test_the_variant_of_a_git_root_is_taken_from_the_same_commit() -> None:
    async with cameras() as robot:
        robot.elsewhere[REPO] = Path("/git")
        robot.root(MOCKED, at=Path("/git/camera"))
        robot.variant(at=Path("/git/camera/variants/mock"))
        transport = robot.transport()
        exchange = Exchange(transport)
        site = robot.site(transport, exchange)
        source = GitSource(REPO, "camera", "main")
        pin = Origin(source=source, commit="abc", directory="camera")
        wanted = Wanted(source=source, variant=VariantName(Name("mock")))
        resolved = await resolve(site, wanted, pins=Pins(root=pin))
        assert (resolved.root.commit, resolved.root.directory) == ("abc", "camera")
        assert resolved.own is not None
        assert (resolved.own.commit, resolved.own.directory) == ("abc", "camera/variants/mock")
        assert resolved.how.pin == resolved.own
        exchange.close()
        await transport.close()


async def test_a_local_variant_of_a_git_root_cannot_leave_the_repository() -> None:
    async with cameras() as robot:
        robot.elsewhere[REPO] = Path("/git")
        robot.variant(at=Path("/secret"))
        for local, what in (("../../secret", "leads out"), ("/secret", "of this machine")):
            robot.root(named("mock", local), at=Path("/git/camera"))
            request = control.AddNode(source=f"{REPO}/camera", variant="mock")
            assert what in (await robot.refused(request)).sentence
        assert await robot.nodes() == []


@pytest.mark.parametrize(
    "source",
    [
        f'{{ repo: "{REPO}", path: "mock", ref: "main" }}',
        f'{{ url: "{ARCHIVE}", sha256: "{"a" * 64}" }}',
    ],
)
async def test_a_declared_variant_may_lie_elsewhere_than_its_root(source: str) -> None:
    async with cameras() as robot:
        robot.elsewhere.update({REPO: Path("/git"), ARCHIVE: Path("/git/mock")})
        robot.root(f'{{ name: "mock", source: {source} }}')
        robot.variant(at=Path("/git/mock"))
        added = await robot.take(variant="mock")
        assert (await robot.row("camera:v1")).variant == "mock"
        # Nothing is written beside what is fetched.
        assert Path("/git/mock") / BINDINGS not in robot.files.items
        assert robot.digests(Path(added.snapshot))[1] is not None


async def test_a_variant_is_named_by_an_address_with_its_ref_and_shown_without_a_password() -> None:
    async with cameras() as robot:
        secret = "https://user:secret@example.com/nodes.git"
        robot.elsewhere[secret] = Path("/git")
        robot.root("")
        robot.variant(at=Path("/git/mock"))
        added = await robot.take(variant=f"{secret}/mock@v2")
        row = await robot.row("camera:v1")
        assert row.variant == f"{REPO}/mock@v2"
        assert "v2-0" in row.origin
        assert "secret" not in row.origin + robot.text(added.log)


async def test_a_variant_elsewhere_cannot_be_added_by_itself() -> None:
    async with cameras() as robot:
        robot.elsewhere[ARCHIVE] = Path("/git/mock")
        robot.variant(at=Path("/git/mock"))
        error = await robot.refused(control.AddNode(source=ARCHIVE))
        assert error.kind == "variant_alone"
        assert "'--variant'" in str(error.hint)


@pytest.mark.parametrize("source", [REPO, ARCHIVE, "camera:v1"])
async def test_bindings_are_not_asked_for_where_they_cannot_be_written(source: str) -> None:
    async with embedded(machine=Robot()) as robot:
        error = await robot.refused(control.AddNode(source=source, sync=True))
        assert error.kind == "remote_sync"


async def test_what_lies_elsewhere_has_its_bindings_generated_whatever_is_there() -> None:
    async with cameras() as robot:
        robot.elsewhere[REPO] = Path("/git")
        robot.root("", at=Path("/git"))
        stale = Path("/git") / BINDINGS / FINGERPRINT
        robot.files.put(stale, File(b"0" * 64))
        added = await robot.take(REPO)
        assert robot.digests(Path(added.snapshot))[0] == (await robot.info()).config_sha256
        assert robot.text(str(stale)) == "0" * 64


async def test_a_ref_is_for_git_only() -> None:
    async with cameras() as robot:
        robot.root("")
        error = await robot.refused(control.AddNode(source=str(ROOT), ref="main"))
        assert error.kind == "not_a_source"
        error = await robot.refused(control.AddNode(source=ARCHIVE, ref="main"))
        assert error.kind == "not_a_source"


# A daemon that comes after.


async def test_the_next_daemon_knows_the_variant_and_where_it_came_from() -> None:
    robot = MortalRobot({"mock_player": Player()})
    writer = Robot()
    writer.files = robot.files
    writer.root(MOCKED)
    writer.variant()
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
