"""Roots and variants from git repositories and archives."""

from pathlib import Path

import pytest

from peppy.actors.host.memory_files import File
from peppy.actors.host.ports import Fetching
from peppy.actors.stack.bindings import BINDINGS, FINGERPRINT
from peppy.actors.stack.resolving import Pins, resolve
from peppy.runtime.transport.exchange import Exchange
from peppy.schema import control
from peppy.schema.fingerprint import document_sha256
from peppy.schema.names import Name
from peppy.schema.sources import GitSource, Origin, VariantName, Wanted
from tests.actors.stack.cameras import ARCHIVE, MOCKED, REPO, ROOT, cameras, named
from tests.actors.stack.embedded import embedded


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


@pytest.mark.parametrize(("path", "inside"), [("camera", ""), ("", "camera")])
async def test_the_variant_of_a_git_root_is_taken_from_the_same_commit(
    path: str, inside: str
) -> None:
    async with cameras() as robot:
        robot.elsewhere[REPO] = Path("/newer")
        robot.sources.older["abc"] = Path("/git")
        robot.root(MOCKED, at=Path("/git/camera"))
        robot.variant(at=Path("/git/camera/variants/mock"))
        transport = robot.transport()
        exchange = Exchange(transport)
        site = robot.site(transport, exchange)
        source = GitSource(REPO, path, "main")
        pin = Origin(source=source, commit="abc", directory="camera")
        wanted = Wanted(source=source, variant=VariantName(Name("mock")))
        resolved = await resolve(site, wanted, Fetching(inside=inside), Pins(root=pin))
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
    async with embedded() as robot:
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
