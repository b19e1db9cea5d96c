"""What sources promise, wherever they lie: three kinds of places, on the machine and in memory."""

import io
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
import zstandard

from peppy.actors.host.files import RealFiles
from peppy.actors.host.home import Home
from peppy.actors.host.memory_files import File, MemoryFiles
from peppy.actors.host.memory_sources import MemorySources
from peppy.actors.host.ports import DOCUMENT, Fetching, Files, HostError, NoDocument, Sources
from peppy.actors.host.sources import RealSources
from peppy.schema.sources import ArchiveSource, GitSource, LocalSource, PlacedSource
from tests.actors.host.archive_samples import in_cache
from tests.actors.host.git_repositories import Repository

TREE: Final = {
    "arm/peppy.json5": b"the arm",
    "arm/src/main.py": b"print()",
    "arm/.venv/left": b"out",
    "arm/mock/peppy.json5": b"the mock",
    "beside/peppy.json5": b"the one beside",
    "nothing/readme": b"no node",
}


class Place(ABC):
    """Somewhere with two nodes, one of which has another inside of it."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.sources: Sources
        self.files: Files

    @abstractmethod
    def source(self, path: str) -> PlacedSource:
        """Return the source of a directory of it."""

    @abstractmethod
    def change(self, tree: Mapping[str, bytes]) -> None:
        """Have another state of it, at the same address."""


class Machine(Place):
    """The machine itself."""

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self.home = Home(top / "home")
        self.sources = RealSources(self.home)
        self.files = RealFiles()


class Directories(Machine):
    def source(self, path: str) -> PlacedSource:
        return LocalSource(str(self.top / "nodes" / path))

    def change(self, tree: Mapping[str, bytes]) -> None:
        for name, data in tree.items():
            path = self.top / "nodes" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


class Git(Machine):
    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self.repository = Repository(top / "hub.git")

    def source(self, path: str) -> PlacedSource:
        return GitSource(self.repository.top.as_uri(), path, "main")

    def change(self, tree: Mapping[str, bytes]) -> None:
        self.repository.commit(tree)


class Archive(Machine):
    """An archive that has been fetched; how that is done, its own tests say."""

    digest = ""

    def source(self, path: str) -> PlacedSource:
        return ArchiveSource("http://127.0.0.1:9/hub.tar.zst", self.digest, path)

    def change(self, tree: Mapping[str, bytes]) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, data in tree.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        data = zstandard.compress(packed.getvalue())
        self.digest = in_cache(self.home.cache / "archives", data)


class Memory(Place):
    """A machine in memory."""

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        disk = MemoryFiles()
        self.files, self.disk, self.elsewhere = disk, disk, MemorySources(disk)
        self.sources = self.elsewhere
        self.changes = 0

    def change(self, tree: Mapping[str, bytes]) -> None:
        self.changes += 1
        commit, top = f"{self.changes:040}", self.top / f"nodes{self.changes}"
        self.elsewhere.commits["memory:hub"] = commit
        self.elsewhere.elsewhere["memory:hub"] = self.elsewhere.older[commit] = top
        for name, data in tree.items():
            self.disk.put(top / name, File(data))


class MemoryDirectories(Memory):
    def source(self, path: str) -> PlacedSource:
        return LocalSource(str(self.top / "nodes1" / path))


class MemoryGit(Memory):
    def source(self, path: str) -> PlacedSource:
        return GitSource("memory:hub", path, "main")


class MemoryArchive(Memory):
    def source(self, path: str) -> PlacedSource:
        return ArchiveSource("memory:hub", "0" * 64, path)


WHOLES = [Git, Archive, MemoryGit, MemoryArchive]
"""What nothing leads out of."""

STATES = [Git, Archive, MemoryGit]
"""What has more than one state, each with a name."""


@pytest.fixture(params=[Directories, MemoryDirectories, *WHOLES])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return made(request.param, tmp_path)


@pytest.fixture(params=WHOLES)
async def whole(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return made(request.param, tmp_path)


@pytest.fixture(params=STATES)
async def changing(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return made(request.param, tmp_path)


def made(kind: type[Place], top: Path) -> Place:
    place = kind(top)
    place.change(TREE)
    return place


async def test_a_document_is_read_where_it_lies(place: Place) -> None:
    found = await place.sources.read(place.source("arm"))
    assert found.text == b"the arm"
    assert DOCUMENT in found.name


async def test_an_origin_says_which_directory_of_the_whole_it_is(whole: Place) -> None:
    for inside, directory in (("", "arm"), ("mock", "arm/mock"), ("../arm/./mock", "arm/mock")):
        found = await whole.sources.read(whole.source("arm"), Fetching(inside=inside))
        assert found.origin.directory == directory


async def test_where_there_is_no_node_that_is_said(place: Place) -> None:
    with pytest.raises(NoDocument, match=r"peppy\.json5"):
        await place.sources.read(place.source("nothing"))


async def test_a_directory_inside_or_beside_can_be_meant(place: Place) -> None:
    for inside, text in (
        ("mock", b"the mock"),
        ("../beside", b"the one beside"),
        (".", b"the arm"),
    ):
        found = await place.sources.read(place.source("arm"), Fetching(inside=inside))
        assert found.text == text


async def test_nothing_leads_out_of_a_repository_or_an_archive(whole: Place) -> None:
    place = whole
    for path, inside in (("arm", "../.."), ("arm", "../../etc"), ("", "..")):
        how = Fetching(inside=inside)
        with pytest.raises(HostError):
            await place.sources.read(place.source(path), how)
        with pytest.raises(HostError):
            await place.sources.fetch(place.source(path), place.top / "into", how)
    assert not await place.files.exists(place.top / "into")


async def test_a_node_is_fetched_without_what_can_be_made_again(place: Place) -> None:
    into = place.top / "snapshots" / "arm"
    origin = await place.sources.fetch(place.source("arm"), into)
    assert await place.files.names(into) == ["mock", "peppy.json5", "src"]
    assert await place.files.read(into / "src" / "main.py") == b"print()"
    assert origin == (await place.sources.read(place.source("arm"))).origin


async def test_a_place_that_is_taken_stays_as_it_is(place: Place) -> None:
    into = place.top / "taken"
    await place.files.write(into / "mine", b"mine")
    with pytest.raises(HostError):
        await place.sources.fetch(place.source("arm"), into)
    assert await place.files.names(into) == ["mine"]


async def test_what_is_not_there_leaves_nothing(place: Place) -> None:
    with pytest.raises(HostError):
        await place.sources.fetch(place.source("nowhere"), place.top / "into")
    assert not await place.files.exists(place.top / "into")


async def test_a_whole_repository_is_copied_node_or_not(place: Place) -> None:
    into = place.top / "whole"
    await place.sources.copy(place.source(""), into)
    assert await place.files.names(into) == ["arm", "beside", "nothing"]
    assert await place.files.names(into / "arm") == ["mock", "peppy.json5", "src"]


async def test_what_was_read_is_what_is_fetched_whatever_comes_between(changing: Place) -> None:
    place, source = changing, changing.source("arm")
    found = await place.sources.read(source)
    place.change({**TREE, "arm/peppy.json5": b"a newer arm"})
    origin = await place.sources.fetch(source, place.top / "into", Fetching(pin=found.origin))
    assert origin == found.origin
    assert await place.files.read(place.top / "into" / DOCUMENT) == b"the arm"
    assert (await place.sources.read(place.source("arm"))).text == b"a newer arm"
