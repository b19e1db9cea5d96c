"""Nodes in git repositories: which commit is meant, what comes of it, and what is kept."""

import shutil
from pathlib import Path

import pytest
import trio

from peppy.actors.host.git_refs import NoSuchRef
from peppy.actors.host.git_source import GitFetcher, NoNodeThere, NotCached
from peppy.actors.host.ports import Fetching, HostError
from peppy.schema.sources import GitSource, Origin
from tests.actors.host.git_repositories import DOCUMENT, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_a_document_comes_with_the_exact_commit(place: Place) -> None:
    source = place.repository.source("camera", "main")
    found = await place.fetcher.read(source, place.how())
    assert found.text == DOCUMENT
    assert found.origin == Origin(source=source, commit=place.first, directory="camera")
    assert found.name == f"{place.repository.top}/camera/peppy.json5 at {place.first[:12]}"


async def test_a_branch_is_looked_up_again_and_a_pin_is_not(place: Place) -> None:
    first = await place.fetcher.read(place.repository.source("camera"), place.how())
    assert place.reached() == ["ls-remote", "fetch"]
    second = place.repository.commit({"camera/main.py": b"2"})
    assert await place.read() == second
    assert place.reached() == ["ls-remote", "fetch"]
    assert await place.read() == second
    assert place.reached() == ["ls-remote"]
    shutil.rmtree(place.repository.top)
    into = place.top / "into"
    source = place.repository.source("camera")
    assert await place.fetcher.fetch(source, into, place.how(first.origin)) == first.origin
    assert (into / "main.py").read_bytes() == b"1"
    assert await place.read(place.first) == place.first
    assert place.reached() == []


async def test_a_ref_that_is_gone_is_missed_and_the_nearest_is_named(place: Place) -> None:
    place.repository.git("branch", "release")
    await place.read("release")
    place.repository.git("branch", "-D", "release")
    place.repository.git("branch", "releases")
    with pytest.raises(NoSuchRef) as caught:
        await place.read("release")
    assert caught.value.sentence == (
        f"'{place.repository.top}' has no branch, tag or commit 'release'; did you mean 'releases'?"
    )
    assert caught.value.hint == "it has 'main', 'releases'"
    assert await place.read("release", offline=True) == place.first


async def test_offline_takes_what_was_fetched_last_or_says_so(place: Place) -> None:
    with pytest.raises(NotCached, match="the default branch of"):
        await place.read(offline=True)
    assert await place.read() == place.first
    place.repository.commit()
    assert place.reached() == ["ls-remote", "fetch"]
    assert await place.read(offline=True) == place.first
    assert await place.read(place.first, offline=True) == place.first
    for ref in ("main", "0" * 40):
        with pytest.raises(NotCached, match=ref):
            await place.read(ref, offline=True)
    assert place.reached() == []


async def test_a_directory_that_is_no_node_names_those_that_are(place: Place) -> None:
    with pytest.raises(NoNodeThere, match=r"no directory 'camra'.*did you mean 'camera'") as caught:
        await place.read(path="camra")
    assert caught.value.hint == "its nodes are in 'arm', 'camera'"
    for path in ("", "camera/main.py"):
        with pytest.raises(NoNodeThere):
            await place.read(path=path)
    with pytest.raises(NoNodeThere, match="no directory"):
        await place.fetcher.copy(place.repository.source("nothing"), place.top / "into")
    assert not (place.top / "into").exists()


async def test_a_copy_is_the_stored_files_without_what_stays_behind(place: Place) -> None:
    repository = place.repository
    node = repository.top / "camera"
    (node / "link").symlink_to("main.py")
    (node / "run").write_bytes(b"#!/bin/sh\n")
    (node / "run").chmod(0o755)
    (node / "caf\xe9 \u202f").mkdir()
    repository.commit(
        {
            ".gitattributes": b"*.txt export-subst eol=crlf text\nhidden export-ignore\n",
            "camera/.gitattributes": b"* filter=lfs ident\n",
            "camera/note.txt": b"$Format:%H$ $Id$\n",
            "camera/hidden": b"seen",
            "camera/.gitignore": b"*\n",
            "camera/empty": b"",
            "camera/.venv/x": b"",
            "camera/sub/build/x": b"",
            "camera/named/pyvenv.cfg": b"",
            "camera/caf\xe9 \u202f/x": b"x",
        }
    )
    into = place.top / "deep" / "into"
    await place.fetcher.fetch(repository.source("camera"), into, place.how())
    found = {str(path.relative_to(into)): path for path in into.rglob("*")}
    files = {name: path.read_bytes() for name, path in found.items() if path.is_file()}
    assert files == {
        "peppy.json5": DOCUMENT,
        "main.py": b"1",
        "run": b"#!/bin/sh\n",
        "note.txt": b"$Format:%H$ $Id$\n",
        "hidden": b"seen",
        "empty": b"",
        ".gitattributes": (node / ".gitattributes").read_bytes(),
        ".gitignore": b"*\n",
        "caf\xe9 \u202f/x": b"x",
    }
    assert set(found) - set(files) == {"sub", "caf\xe9 \u202f"}
    assert found["run"].stat().st_mode & 0o777 == 0o755
    assert found["main.py"].stat().st_mode & 0o777 == 0o644


async def test_a_place_that_is_taken_stays_as_it_is(place: Place) -> None:
    into = place.top / "into"
    into.mkdir()
    (into / "mine").touch()
    with pytest.raises(HostError, match="file exists"):
        await place.fetcher.fetch(place.repository.source("camera"), into, place.how())
    assert [path.name for path in into.iterdir()] == ["mine"]


async def test_two_at_once_reach_the_server_once(place: Place) -> None:
    commits: list[str] = []

    async def read(path: str) -> None:
        commits.append(await place.read("main", path))

    async with trio.open_nursery() as nursery:
        for path in ("camera", "arm", "camera", "arm"):
            nursery.start_soon(read, path)
    assert commits == [place.first] * 4
    assert place.reached() == ["ls-remote", "fetch"]


async def test_a_machine_without_git_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    how = Fetching(environment={"PATH": str(tmp_path / "bin")})
    fetcher, source = GitFetcher(tmp_path / "cache"), GitSource("https://host/x.git", "", "")
    with pytest.raises(HostError, match="there is no 'git' program"):
        await fetcher.read(source, how)
    for said, why in (("git version 2.17.1", "git 2.17 is too old"), ("hello", "is not git")):
        program = tmp_path / "bin" / "git"
        program.write_text(f"#!/bin/sh\necho {said}\n")
        program.chmod(0o755)
        with pytest.raises(HostError, match=why):
            await fetcher.read(source, how)
