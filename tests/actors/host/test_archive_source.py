"""Nodes in archives that are at hand: what is accepted, what is taken, what is said otherwise."""

import io
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import zstandard

from peppy.actors.host import archive_contents as contents
from peppy.actors.host.archive_contents import listing
from peppy.actors.host.archive_limits import ArchiveLimits, BadArchive
from peppy.actors.host.archive_names import Kind
from peppy.actors.host.archive_source import ArchiveFetcher
from peppy.actors.host.exclusions import stays_behind
from peppy.actors.host.ports import Fetching, HostError, NoDocument
from peppy.schema.sources import ArchiveSource, Origin
from tests.actors.host.archive_samples import (
    END,
    GNU,
    URL,
    directory,
    everything,
    file,
    gnu_long,
    header,
    in_cache,
    link,
    node,
    packed,
    pax,
    record,
    records,
)

DOCUMENT = b"{ peppy_schema: 'node_v1' }"
LONG = "/".join(["directory" * 5] * 8)


class Place:
    """A fetcher whose cache somebody has filled."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.cache = top / "cache"
        self.fetcher = ArchiveFetcher(self.cache, top / "downloads")

    def source(self, archive: bytes, path: str = "") -> ArchiveSource:
        return ArchiveSource(URL, in_cache(self.cache, archive), path)

    async def read(self, archive: bytes, inside: str = "", path: str = "") -> bytes:
        how = Fetching(offline=True, inside=inside)
        return (await self.fetcher.read(self.source(archive, path), how)).text

    async def fetch(
        self, archive: bytes, inside: str = "", path: str = ""
    ) -> dict[str, bytes | None]:
        how = Fetching(offline=True, inside=inside)
        await self.fetcher.fetch(self.source(archive, path), self.top / "into", how)
        return everything(self.top / "into")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def by_tarfile(style: int) -> bytes:
    """Return what Python writes, with what makes it use the extensions of a style."""
    unpacked = io.BytesIO()
    with tarfile.open(fileobj=unpacked, mode="w", format=style) as archive:
        for name, kind, target in (
            ("./arm", tarfile.DIRTYPE, ""),
            ("./arm/peppy.json5", tarfile.REGTYPE, ""),
            (f"./arm/{LONG[:150]}/x", tarfile.REGTYPE, ""),
            ("./arm/caf\u00e9 \U0001f9be", tarfile.REGTYPE, ""),
            ("./arm/l", tarfile.SYMTYPE, "peppy.json5"),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            member.size = len(DOCUMENT) if kind == tarfile.REGTYPE else 0
            member.mode = 0o755
            if style != tarfile.USTAR_FORMAT:
                member.uid = member.gid = 3_000_000  # more than octal digits say
                member.mtime = -1.5
            archive.addfile(member, io.BytesIO(DOCUMENT))
    return zstandard.compress(unpacked.getvalue())


@pytest.mark.parametrize("style", [tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
async def test_an_archive_in_each_style_is_read_and_laid_out(style: int, place: Place) -> None:
    archive = by_tarfile(style)
    assert await place.read(archive) == DOCUMENT
    found = await place.fetch(archive)
    assert {path for path, text in found.items() if text == DOCUMENT} == {
        "peppy.json5",
        f"{LONG[:150]}/x",
        "caf\u00e9 \U0001f9be",
    }
    assert "l" not in found


HARMLESS: dict[str, tuple[bytes, set[str]]] = {
    "empty files": (node(file(b"a", b""), file(b"b", b"", b"\0")), {"a", "b"}),
    "its top": (packed(directory(b"./"), file(b"./peppy.json5"), file(b"./a")), {"a"}),
    "implied directories": (node(file(b"a/b/c")), {"a", "a/b", "a/b/c"}),
    "a directory after its files": (node(file(b"a/b"), directory(b"a/")), {"a", "a/b"}),
    "an empty directory": (node(directory(b"a")), {"a"}),
    "dots and slashes": (node(file(b"./a//./b")), {"a", "a/b"}),
    "names with dots": (node(file(b"..a"), file(b"b.."), file(b"...")), {"..a", "b..", "..."}),
    "names that differ by case": (node(file(b"a"), file(b"A")), {"a", "A"}),
    "a backslash": (node(file(b"..\\a")), {"..\\a"}),
    "a prefix": (node(file(b"a", prefix=b"p")), {"p", "p/a"}),
    "times where GNU has no prefix": (node(file(b"a", magic=GNU, prefix=b"14731023745")), {"a"}),
    "a long name of GNU": (node(gnu_long(LONG.encode() + b"\0"), file(b"a")), {LONG}),
    "a long name of pax": (node(pax(path=LONG), file(b"a")), {LONG}),
    "both": (node(gnu_long(b"n\0"), pax(path="n"), file(b"a")), {"n"}),
    "what bsdtar says": (
        node(
            pax(**{"LIBARCHIVE.creationtime": "1700000000.5", "SCHILY.fflags": "nodump"}),
            file(b"._a", b"\0\5\x16\7"),
            records(record("mtime", "1.5") + record("uid", "3000000")),
            file(b"a"),
        ),
        {"a", "._a"},
    ),
    "what git says": (node(records(record("comment", "4b825dc6"), b"g"), file(b"a")), {"a"}),
    "a size by pax": (node(pax(size="4"), file(b"a", size=b"00000000000\0")), {"a"}),
    "a link within": (node(file(b"d/a"), link(b"l", b"d/a"), link(b"d/m", b"../d/./a")), {"d/a"}),
    "a link to a link": (node(link(b"l", b"m"), link(b"m", b"peppy.json5")), set()),
    "a link to itself": (node(link(b"l", b"l")), set()),
    "a link to nothing": (node(link(b"l", b"nothing/here")), set()),
    "a link to the top": (node(link(b"d/l", b".."), file(b"d/a")), {"d/a"}),
    "a long link": (node(gnu_long(b"x/" * 90 + b"x\0", b"K"), link(b"l", b"x")), set()),
    "padding": (node(file(b"a"), END, bytes(10240)), {"a"}),
    "two frames": (
        zstandard.compress(file(b"peppy.json5") + file(b"a")[:200])
        + zstandard.compress(file(b"a")[200:] + END),
        {"a"},
    ),
    "frames to skip": (
        b"\x50\x2a\x4d\x18\x04\0\0\0note" + node(file(b"a")) + b"\x5f\x2a\x4d\x18\0\0\0\0",
        {"a"},
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
async def test_a_harmless_archive_is_laid_out(name: str, place: Place) -> None:
    archive, expected = HARMLESS[name]
    found = await place.fetch(archive)
    assert expected <= set(found)
    assert not any((place.top / "into" / path).is_symlink() for path in found)
    assert "peppy.json5" in found


async def test_modes_keep_what_its_owner_may_do_and_lose_the_rest(place: Place) -> None:
    modes = {b"tool": 0o755, b"suid": 0o6755, b"open": 0o777, b"sticky": 0o1644, b"none": 0}
    parts = [header(name, mode=b"%07o\0" % mode) for name, mode in modes.items()]
    await place.fetch(node(*parts, header(b"d", b"5", mode=b"0000000\0"), file(b"d/a")))
    found = {
        name.decode(): stat.S_IMODE((place.top / "into" / os.fsdecode(name)).stat().st_mode)
        for name in (*modes, b"d")
    }
    assert found == {
        "tool": 0o755, "suid": 0o755, "open": 0o755, "sticky": 0o644, "none": 0o600, "d": 0o755,
    }  # fmt: skip


# Where the node lies.

ARM = (file(b"arm/peppy.json5", DOCUMENT), file(b"arm/src/a.py"))
MOCK = file(b"arm/variants/mock/peppy.json5", b"mock")


async def test_a_node_lies_at_the_top_before_any_directory(place: Place) -> None:
    assert await place.read(packed(file(b"peppy.json5", b"top"), *ARM)) == b"top"


async def test_a_node_in_the_one_directory_that_holds_any_is_found(place: Place) -> None:
    archive = packed(*ARM, file(b"docs/index.md"), file(b"LICENSE"), file(b"x/y/peppy.json5"))
    found = await place.fetcher.read(place.source(archive), Fetching(offline=True))
    assert (found.text, found.name) == (DOCUMENT, f"{URL}: arm/peppy.json5")
    assert found.origin.directory == "arm"
    assert set(await place.fetch(archive)) == {"peppy.json5", "src", "src/a.py"}


async def test_several_nodes_are_named_rather_than_guessed_among(place: Place) -> None:
    with pytest.raises(HostError, match="holds 2 nodes rather than one: 'arm', 'leg'"):
        await place.read(packed(*ARM, file(b"leg/peppy.json5")))


@pytest.mark.parametrize(
    "archive",
    [
        packed(),
        packed(file(b"a")),
        packed(file(b"a/b/peppy.json5")),
        packed(link(b"peppy.json5", b"a"), file(b"a")),
        packed(directory(b"peppy.json5")),
        packed(directory(b"arm/peppy.json5")),
    ],
)
async def test_an_archive_without_a_node_says_which_document_is_missing(
    archive: bytes, place: Place
) -> None:
    with pytest.raises(NoDocument, match=r"there is no 'peppy\.json5' in 'https://robots"):
        await place.read(archive)


async def test_what_lies_inside_is_relative_to_the_node(place: Place) -> None:
    archive = packed(*ARM, MOCK, file(b"shared/peppy.json5.txt"))
    assert await place.read(archive, "variants/mock") == b"mock"
    assert await place.read(archive, "variants/mock/../../") == DOCUMENT
    assert set(await place.fetch(archive, "../shared")) == {"peppy.json5.txt"}


async def test_what_lies_at_a_path_is_relative_to_the_top(place: Place) -> None:
    archive = packed(*ARM, MOCK, file(b"leg/peppy.json5", b"leg"))
    assert await place.read(archive, path="leg") == b"leg"
    assert await place.read(archive, "variants/mock", "./arm/") == b"mock"
    with pytest.raises(NoDocument, match=r"in 'https://robots\.example/arm\.tar\.zst \(nowhere\)'"):
        await place.read(archive, path="nowhere")


@pytest.mark.parametrize("inside", ["../..", "../../etc", "/../..", "variants/../../.."])
async def test_nothing_inside_leads_out_of_the_archive(inside: str, place: Place) -> None:
    with pytest.raises(HostError, match=r"leads out of the archive 'https://robots"):
        await place.read(packed(*ARM), inside)
    with pytest.raises(HostError, match=r"leads out of the archive 'https://robots"):
        await place.fetch(packed(*ARM), inside)


async def test_a_directory_that_is_not_there_is_named(place: Place) -> None:
    with pytest.raises(HostError, match=r"there is no directory 'arm/variants/x' in 'https://"):
        await place.fetch(packed(*ARM), "variants/x")
    with pytest.raises(HostError, match=r"there is no directory 'arm/src/a\.py' in 'https://"):
        await place.fetch(packed(*ARM), "src/a.py")


async def test_a_document_that_is_too_long_is_not_read(place: Place) -> None:
    with pytest.raises(BadArchive, match=r"'peppy\.json5' is larger than 1 MiB"):
        await place.read(packed(file(b"peppy.json5", os.urandom(1 << 20) + b"x")))


# What is taken.


async def test_a_snapshot_leaves_out_what_one_of_this_machine_leaves_out(place: Place) -> None:
    names = (
        ".peppy/a", ".git/config", "sub/.git", "target/a", "node_modules/a/b", "build/a",
        "sub/.venv/a", "tools/CACHEDIR.TAG", "tools/a", "src/__pycache__/a", "src/a.py", "sub/a",
    )  # fmt: skip
    archive = packed(*(file(f"arm/{name}".encode()) for name in names), ARM[0])
    taken = {"src", "src/a.py", "sub", "sub/a"}
    assert set(await place.fetch(archive)) == {"peppy.json5", *taken}
    await place.fetcher.copy(place.source(archive), place.top / "all", Fetching(offline=True))
    assert set(everything(place.top / "all")) == {
        "arm",
        "arm/peppy.json5",
        *(f"arm/{t}" for t in taken),
    }


async def test_a_copy_needs_no_node_and_may_be_of_a_directory(place: Place) -> None:
    archive = packed(file(b"a/b/c"), file(b"d"))
    how = Fetching(offline=True, inside="b")
    origin = await place.fetcher.copy(place.source(archive, "a"), place.top / "part", how)
    assert set(everything(place.top / "part")) == {"c"}
    assert origin.directory == "a/b"


async def test_nothing_is_laid_out_where_something_lies(place: Place) -> None:
    (place.top / "into").mkdir()
    with pytest.raises(HostError, match=r"cannot unpack .*: file exists"):
        await place.fetch(node(file(b"a")))
    assert everything(place.top / "into") == {}


# Digests.


async def test_an_origin_says_the_digest_and_no_password(place: Place) -> None:
    archive = packed(*ARM)
    digest = in_cache(place.cache, archive)
    secret = "https://me:hunter2@robots.example/arm.tar.zst?token=hunter3"
    origin = (
        await place.fetcher.read(ArchiveSource(secret, digest), Fetching(offline=True))
    ).origin
    assert origin.sha256 == digest
    assert "hunter" not in repr(origin)
    with pytest.raises(HostError) as caught:
        await place.fetcher.read(ArchiveSource(secret, "0" * 64), Fetching(offline=True))
    assert "hunter" not in str(caught.value)


async def test_offline_only_what_is_cached_is_used(place: Place) -> None:
    offline = Fetching(offline=True)
    with pytest.raises(HostError, match="it has not been fetched before"):
        await place.fetcher.read(ArchiveSource(URL, "1" * 64), offline)
    with pytest.raises(HostError, match="nobody has said which SHA-256 it has"):
        await place.fetcher.read(ArchiveSource(URL, ""), offline)
    pin = Origin(source=ArchiveSource(URL, ""), sha256=in_cache(place.cache, packed(*ARM)))
    pinned = Fetching(offline=True, pin=pin)
    assert (await place.fetcher.read(ArchiveSource(URL, ""), pinned)).text == DOCUMENT
    with pytest.raises(HostError, match=f"said to be {'2' * 64}, but {pin.sha256} is what is"):
        await place.fetcher.read(ArchiveSource(URL, "2" * 64), pinned)


async def test_a_cached_archive_that_is_damaged_is_not_used_and_removed(place: Place) -> None:
    source = place.source(packed(*ARM))
    cached = place.cache / f"{source.sha256}.tar.zst"
    cached.write_bytes(packed(*ARM, file(b"arm/evil.py")))
    with pytest.raises(HostError, match="it has not been fetched before"):
        await place.fetcher.fetch(source, place.top / "into", Fetching(offline=True))
    assert everything(place.top) == {"cache": None}


@pytest.mark.parametrize("digest", ["../../../x", "A" * 64, "0" * 63, "0" * 65])
async def test_what_is_no_digest_names_no_file(digest: str, place: Place) -> None:
    with pytest.raises(HostError, match="said to be the SHA-256 of"):
        await place.fetcher.read(ArchiveSource(URL, digest), Fetching(offline=True))


@pytest.mark.parametrize("url", ["file:///etc/a.tar.zst", "https://x/a.zip", "-x", "http://"])
async def test_an_address_that_is_none_of_an_archive_is_refused(url: str, place: Place) -> None:
    with pytest.raises(HostError, match=r"is not an http or https address|must end in"):
        await place.fetcher.read(ArchiveSource(url, "0" * 64))


# Giving up.


class GivenUp(Exception):
    """Somebody has given up."""


def after(count: int) -> Callable[[], None]:
    left = count

    def check() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise GivenUp

    return check


def test_whoever_gives_up_at_any_moment_finds_nothing(tmp_path: Path) -> None:
    parts = [file(b"d%d/f" % n, os.urandom(3000)) for n in range(20)]
    archive = io.BytesIO(node(*parts, link(b"l", b"d1/f")))
    taken = contents.staying(listing(archive), "", stays_behind)
    moments = 0
    while not (tmp_path / "into").exists():
        try:
            contents.unpack(archive, taken, tmp_path / "into", check=after(moments))
        except GivenUp:
            assert everything(tmp_path) == {}
            moments += 1
    assert moments > 20
    assert len(everything(tmp_path / "into")) == 41


async def test_who_is_cancelled_gets_nothing(place: Place) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await place.fetch(node(file(b"a")))
    assert scope.cancelled_caught
    assert set(everything(place.top)) == {
        "cache",
        f"cache/{place.source(node(file(b'a'))).sha256}.tar.zst",
    }


@pytest.mark.parametrize("planted", ["d", "d/f"])
def test_what_somebody_puts_in_the_way_is_not_followed(tmp_path: Path, planted: str) -> None:
    """Between two entries a directory, or the place of a file, becomes a link to elsewhere."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "g").write_bytes(b"untouched")
    archive = io.BytesIO(node(file(b"d/a"), file(b"gap", os.urandom(300_000)), file(b"d/f")))
    taken = contents.staying(listing(archive), "", stays_behind)

    def plant() -> None:
        for place in tmp_path.glob(".*.tmp/d"):
            if (place / "f").is_symlink() or place.is_symlink() or not (place / "a").exists():
                continue
            assert not (place / "f").exists()
            if planted == "d":
                place.rename(tmp_path / "away")
                place.symlink_to(victim)
            else:
                (place / "f").symlink_to(victim / "g")

    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        contents.unpack(archive, taken, tmp_path / "into", check=plant)
    assert everything(victim) == {"g": b"untouched"}
    assert not (tmp_path / "into").exists()
    assert not list(tmp_path.glob(".*.tmp"))


def test_reading_has_an_end_in_time_too() -> None:
    with pytest.raises(BadArchive, match=r"reading it takes longer than 0 s"):
        listing(io.BytesIO(node()), ArchiveLimits(time=0))


def test_a_listing_names_directories_that_only_files_name() -> None:
    found = listing(io.BytesIO(packed(file(b"a/b"), link(b"l", b"a"))))
    assert found == {
        "": Kind.DIRECTORY,
        "a": Kind.DIRECTORY,
        "a/b": Kind.FILE,
        "l": Kind.LINK,
    }
