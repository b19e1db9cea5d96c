"""Nodes in git repositories: which commit is meant, what comes of it, and what is cached."""

import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest
import trio

from peppy.actors.host.git_refs import NoSuchRef
from peppy.actors.host.git_run import Limits
from peppy.actors.host.git_source import GitFetcher, NoNodeThere, NotCached
from peppy.actors.host.ports import Fetching, HostError
from peppy.schema.frames import Note
from peppy.schema.sources import GitSource, Origin
from tests.actors.host.git_repositories import DOCUMENT, ENVIRONMENT, Repository

COUNTING = """#!{python} -IS
import os, sys
with open({log!r}, "a") as log:
    log.write(" ".join(w for w in sys.argv[1:] if w in ("ls-remote", "fetch")) + "\\n")
os.execv({git!r}, ["git", *sys.argv[1:]])
"""


class Place:
    """A repository with two nodes, a cache, and how often git reached the repository."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.repository = Repository(top / "hub")
        self.first = self.repository.commit(
            {"camera/peppy.json5": DOCUMENT, "arm/peppy.json5": b"arm", "camera/main.py": b"1"}
        )
        self.cache = top / "cache"
        self.notes: list[Note] = []
        (top / "bin").mkdir()
        git = shutil.which("git")
        assert git is not None
        program = top / "bin" / "git"
        program.write_text(COUNTING.format(python=sys.executable, log=str(self.log), git=git))
        program.chmod(0o755)
        self.environment = {"PATH": f"{program.parent}:{ENVIRONMENT['PATH']}"}
        self.fetcher = GitFetcher(self.cache)

    @property
    def log(self) -> Path:
        return self.top / "reached"

    def how(self, pin: Origin | None = None, *, offline: bool = False) -> Fetching:
        note = self.notes.append
        return Fetching(note=note, environment=self.environment, offline=offline, pin=pin)

    async def read(self, ref: str = "", path: str = "camera", *, offline: bool = False) -> str:
        """Return the commit that a ref is."""
        source = self.repository.source(path, ref)
        found = await self.fetcher.read(source, self.how(offline=offline))
        assert found.origin.commit is not None
        return found.origin.commit

    def reached(self) -> list[str]:
        """Return what reached the repository since it was last asked."""
        text = self.log.read_text() if self.log.exists() else ""
        self.log.unlink(missing_ok=True)
        return text.split()

    def cached(self) -> Path:
        """Return the repository in the cache."""
        (found,) = (path for path in self.cache.iterdir() if path.name != "nowhere")
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_a_document_comes_with_the_exact_commit(place: Place) -> None:
    source = place.repository.source("camera", "main")
    found = await place.fetcher.read(source, place.how())
    assert found.text == DOCUMENT
    assert found.origin == Origin(source=source, commit=place.first, directory="camera")
    assert found.name == f"{place.repository.top}/camera/peppy.json5 at {place.first[:12]}"


async def test_every_way_to_name_a_commit_finds_it(place: Place) -> None:
    repository = place.repository
    repository.git("tag", "light")
    repository.git("tag", "-a", "-m", "x", "heavy/v1.0")
    repository.git("branch", "feature/x")
    refs = ["light", "heavy/v1.0", "feature/x", "refs/heads/feature/x", "heads/feature/x"]
    refs += ["tags/light", place.first, place.first[:7], place.first[:9].upper()]
    second = repository.commit({"camera/main.py": b"2"})
    for ref in refs:
        assert await place.read(ref) == place.first, ref
    assert await place.read("") == await place.read("main") == second


async def test_a_tag_wins_over_a_branch_of_its_name(place: Place) -> None:
    place.repository.git("tag", "both")
    place.repository.git("checkout", "--quiet", "-b", "both")
    second = place.repository.commit()
    assert await place.read("both") == place.first
    assert await place.read("refs/heads/both") == second


async def test_a_commit_that_no_branch_ends_with_is_found_by_its_hash(place: Place) -> None:
    place.repository.commit()
    place.repository.commit()
    assert await place.read(place.first[:10]) == place.first
    assert await place.read(place.first) == place.first


async def test_a_server_that_gives_no_single_commits_is_asked_for_all(place: Place) -> None:
    last = place.repository.commit()
    # As of old: only what has a name is given.
    place.environment |= {"GIT_SSH_COMMAND": f"{sys.executable} {_old_server(place.top)}"}
    source = GitSource(f"git@host:{place.repository.top}", "camera", place.first)
    found = await place.fetcher.read(source, place.how())
    assert found.origin.commit == place.first != last
    missing = msgspec.structs.replace(source, ref="0" * 40)
    with pytest.raises(NoSuchRef, match="0000000"):
        await place.fetcher.read(missing, place.how())


def _old_server(top: Path) -> Path:
    """Return a stand-in for ssh whose server knows only the first protocol."""
    program = top / "old_server.py"
    program.write_text(
        "import os, sys\n"
        "os.environ.pop('GIT_PROTOCOL', None)\n"
        "if '-G' in sys.argv: sys.exit(1)\n"
        "os.execvp('sh', ['sh', '-c', sys.argv[-1]])\n"
    )
    return program


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


async def test_a_pin_that_is_not_cached_is_fetched_by_itself(place: Place) -> None:
    origin = Origin(source=place.repository.source("camera"), commit=place.first)
    place.repository.commit({"camera/peppy.json5": b"new"})
    source = place.repository.source("camera", "main")
    found = await place.fetcher.read(source, place.how(origin))
    assert (found.text, found.origin.commit) == (DOCUMENT, place.first)
    assert place.reached() == ["fetch"]


async def test_history_that_was_rewritten_is_taken_and_the_old_commit_stays(place: Place) -> None:
    second = place.repository.commit({"camera/main.py": b"2"})
    assert await place.read("main") == second
    place.repository.git("reset", "--quiet", "--hard", place.first)
    third = place.repository.commit({"camera/main.py": b"3"})
    place.repository.git("reflog", "expire", "--expire=now", "--all")
    place.repository.git("gc", "--quiet", "--prune=now")
    assert await place.read("main") == third
    assert await place.read(second) == second


async def test_a_ref_that_is_gone_is_missed_and_the_nearest_is_named(place: Place) -> None:
    place.repository.git("branch", "release")
    await place.read("release")
    place.repository.git("branch", "-D", "release")
    place.repository.git("branch", "releases")
    with pytest.raises(NoSuchRef) as caught:
        await place.read("release")
    assert caught.value.sentence == (
        f"'{place.repository.top}' has no branch, tag or commit 'release'; "
        "did you mean 'releases'?"
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
    with pytest.raises(NoNodeThere, match="no directory 'camra'.*did you mean 'camera'") as caught:
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
            "camera/.gitattributes": b"* filter=lfs ident working-tree-encoding=UTF-16\n",
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


async def test_a_variant_beside_its_root_comes_of_the_same_commit(place: Place) -> None:
    pin = Origin(source=place.repository.source("camera"), commit=place.first, directory="camera")
    place.repository.commit({"arm/peppy.json5": b"new"})
    how = msgspec.structs.replace(place.how(pin), inside="../arm")
    found = await place.fetcher.read(place.repository.source("camera"), how)
    assert (found.text, found.origin.directory) == (b"arm", "arm")


async def test_what_is_not_fetched_with_a_repository_is_told(place: Place) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    repository = place.repository
    repository.commit({"camera/weights.bin": pointer})
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{place.first},camera/module")
    repository.git("commit", "--quiet", "-m", "a submodule")
    into = place.top / "into"
    await place.fetcher.fetch(repository.source("camera"), into, place.how())
    assert [note.text for note in place.notes if note.stream == "warning"] == [
        "the submodule 'module' is left out",
        "'weights.bin': the content lies with Git LFS and is not fetched",
    ]
    assert not (into / "module").exists()
    assert (into / "weights.bin").read_bytes() == pointer


async def test_an_empty_repository_is_called_so(tmp_path: Path) -> None:
    empty = Repository(tmp_path / "empty")
    with pytest.raises(HostError, match="is empty"):
        await GitFetcher(tmp_path / "cache").read(empty.source())
    with pytest.raises(NoSuchRef):
        await GitFetcher(tmp_path / "cache").read(empty.source("", "main"))
    with pytest.raises(HostError, match="there is no git repository at"):
        await GitFetcher(tmp_path / "cache").read(GitSource(f"file://{tmp_path}/none", "", ""))


async def test_a_tag_of_a_file_is_not_a_commit(place: Place) -> None:
    place.repository.git("tag", "file", place.repository.blob(b"x"))
    with pytest.raises(HostError, match="'refs/tags/file' of .* is not a commit"):
        await place.read("file")


def _cut(cached: Path) -> None:
    (pack,) = (cached / "objects" / "pack").glob("*.pack")
    pack.chmod(0o644)
    pack.write_bytes(pack.read_bytes()[:100])


def _flip(cached: Path) -> None:
    (pack,) = (cached / "objects" / "pack").glob("*.pack")
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    for at in range(12, len(data) - 20):
        data[at] ^= 0x55
    pack.write_bytes(data)


def _lock(cached: Path) -> None:
    for name in ("shallow.lock", "config.lock", "packed-refs.lock", "HEAD.lock"):
        (cached / name).touch()
    for name in list((cached / "refs").rglob("*")):
        if name.is_file():
            name.with_name(f"{name.name}.lock").touch()
    (cached / "objects" / "pack" / "tmp_pack_x").write_bytes(b"half")


def _replace(cached: Path) -> None:
    shutil.rmtree(cached)
    cached.write_text("a file")


DAMAGES: Mapping[str, Callable[[Path], None]] = {
    "cut": _cut,
    "flip": _flip,
    "lock": _lock,
    "replace": _replace,
    "no head": lambda cached: (cached / "HEAD").unlink(),
    "no objects": lambda cached: shutil.rmtree(cached / "objects"),
    "no packs": lambda cached: shutil.rmtree(cached / "objects" / "pack"),
    "no refs": lambda cached: shutil.rmtree(cached / "refs"),
    "bad config": lambda cached: (cached / "config").write_text("[core\n") and None,
    "bad shallow": lambda cached: (cached / "shallow").write_text("nonsense\n") and None,
    "empty": lambda cached: (shutil.rmtree(cached), cached.mkdir()) and None,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_cache_is_fetched_again(
    place: Place, damage: Callable[[Path], None]
) -> None:
    await place.read()
    damage(place.cached())
    second = place.repository.commit({"camera/main.py": b"2"})
    for ref in ("main", second, place.first):
        assert await place.read(ref) == (second if ref == "main" else ref)
    damage(place.cached())
    into = place.top / "into"
    pin = Origin(source=place.repository.source("camera"), commit=second)
    await place.fetcher.fetch(place.repository.source("camera"), into, place.how(pin))
    assert (into / "main.py").read_bytes() == b"2"
    assert not list(place.cached().rglob("*.lock"))
    assert [path for path in place.cache.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("damage", [_cut, DAMAGES["no head"]])
async def test_a_damaged_cache_says_so_offline_and_stays(
    place: Place, damage: Callable[[Path], None]
) -> None:
    await place.read()
    damage(place.cached())
    with pytest.raises(HostError):
        await place.read(offline=True)
    assert place.cached().is_dir()
    shutil.rmtree(place.repository.top)
    with pytest.raises(HostError, match="there is no git repository at"):
        await place.read()
    assert place.cached().is_dir()


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


async def test_a_server_that_says_nothing_is_given_up(place: Place) -> None:
    place.environment |= {"GIT_SSH_COMMAND": "sleep 60;"}
    source = GitSource("git@host:x.git", "", "")
    fetcher = GitFetcher(place.cache, Limits(idle=0.2, total=60))
    with pytest.raises(HostError, match="gave up on fetching 'git@host:x.git': nothing came"):
        await fetcher.read(source, place.how())


async def test_progress_is_told_with_the_words_first(place: Place) -> None:
    await place.read()
    doing = [note.text for note in place.notes if note.stream == "doing"]
    assert doing
    assert all(text.startswith(f"fetching '{place.repository.top}': ") for text in doing)
