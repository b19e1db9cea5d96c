"""Whole nodes as variants of other ones."""

from pathlib import Path

import pytest

from peppy.schema import control
from peppy.schema.fingerprint import document_sha256
from peppy.schema.names import parse_node_id
from tests.actors.stack.cameras import CAMERA, NARROW, ROOT, TURNED, cameras, named


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


@pytest.mark.parametrize(("emits", "fits"), [(TURNED, True), (NARROW, False)])
async def test_the_default_variant_of_a_flavor_is_its_execution(emits: str, fits: bool) -> None:
    async with cameras() as robot:
        robot.root(named("groot", "../groot_brain"))
        groot = Path("/nodes/groot_brain")
        robot.write(
            groot,
            f'manifest: {{ name: "groot", tag: "v7", variants: [{named("default", "code")}] }},'
            f" interfaces: {{ topics: {{ emits: [{emits}] }} }},",
        )
        own = robot.variant(at=groot / "code")
        request = control.AddNode(source=str(ROOT), variant="groot")
        if not fits:
            assert (await robot.refused(request)).kind == "variant_interface_mismatch"
            return
        added = await robot.ask(request)
        row = await robot.row("camera:v1")
        assert (row.variant, row.origin) == ("groot", str(groot / "code"))
        assert robot.digests(Path(added.snapshot))[0] == document_sha256(own)
        assert len(added.warnings) == 1


async def test_the_default_variant_of_a_flavor_has_to_match_it() -> None:
    async with cameras() as robot:
        robot.root(named("groot", "../groot_brain"))
        groot = Path("/nodes/groot_brain")
        robot.write(
            groot,
            f'manifest: {{ name: "groot", tag: "v7", variants: [{named("default", "code")}] }},'
            f" interfaces: {{ topics: {{ emits: [{TURNED}] }} }},",
        )
        robot.variant(f"interfaces: {{ topics: {{ emits: [{NARROW}] }} }}", at=groot / "code")
        error = await robot.refused(control.AddNode(source=str(ROOT), variant="groot"))
        assert error.kind == "variant_interface_mismatch"
        assert "variant 'default' of 'groot:v7'" in error.sentence
