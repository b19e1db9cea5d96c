"""Git repositories in the cache: every way to name a commit, and to damage what is there."""

import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from peppy.actors.host.git_refs import NoSuchRef
from peppy.actors.host.git_run import Limits
from peppy.actors.host.git_source import GitFetcher
from peppy.actors.host.ports import HostError
from peppy.schema.sources import GitSource, Origin
from tests.actors.host.git_repositories import DOCUMENT, Place, Repository

pytestmark = pytest.mark.e2e


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


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


async def test_a_repository_of_sha256_is_as_good(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "hub", "--object-format=sha256")
    commit = repository.commit({"peppy.json5": DOCUMENT})
    for number, ref in enumerate(("", commit, commit[:9])):
        fetcher = GitFetcher(tmp_path / f"cache{number}")
        origin = await fetcher.fetch(repository.source("", ref), tmp_path / f"into{number}")
        assert origin.commit == commit
        assert (tmp_path / f"into{number}" / "peppy.json5").read_bytes() == DOCUMENT


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
    with pytest.raises(HostError, match=r"'refs/tags/file' of .* is not a commit"):
        await place.read("file")


def _cut(cached: Path) -> None:
    for pack in (cached / "objects" / "pack").glob("*.pack"):
        pack.chmod(0o644)
        pack.write_bytes(pack.read_bytes()[:100])


def _flip(cached: Path) -> None:
    for pack in (cached / "objects" / "pack").glob("*.pack"):
        pack.chmod(0o644)
        data = pack.read_bytes()
        pack.write_bytes(data[:12] + bytes(byte ^ 0x55 for byte in data[12:-20]) + data[-20:])


def _lock(cached: Path) -> None:
    for name in ("shallow.lock", "config.lock", "packed-refs.lock", "HEAD.lock"):
        (cached / name).touch()
    for path in list((cached / "refs").rglob("*")):
        if path.is_file():
            path.with_name(f"{path.name}.lock").touch()
    (cached / "objects" / "pack" / "tmp_pack_x").write_bytes(b"half")


def _replace(cached: Path) -> None:
    shutil.rmtree(cached)
    cached.write_text("a file")


def _empty(cached: Path) -> None:
    shutil.rmtree(cached)
    cached.mkdir()


def _bad_config(cached: Path) -> None:
    (cached / "config").write_text("[core\n")


def _bad_shallow(cached: Path) -> None:
    (cached / "shallow").write_text("nonsense\n")


DAMAGES: Mapping[str, Callable[[Path], None]] = {
    "cut": _cut,
    "flip": _flip,
    "lock": _lock,
    "replace": _replace,
    "no head": lambda cached: (cached / "HEAD").unlink(),
    "no objects": lambda cached: shutil.rmtree(cached / "objects"),
    "no packs": lambda cached: shutil.rmtree(cached / "objects" / "pack"),
    "no refs": lambda cached: shutil.rmtree(cached / "refs"),
    "bad config": _bad_config,
    "bad shallow": _bad_shallow,
    "empty": _empty,
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
    assert [path for path in place.cache.iterdir() if path.name.startswith(".")] == []


async def test_what_a_killed_git_has_left_costs_nothing_that_was_fetched(place: Place) -> None:
    place.repository.git("tag", "first")
    await place.read("first")
    _lock(place.cached())
    second = place.repository.commit({"camera/main.py": b"2"})
    assert await place.read("main") == second
    assert await place.read("first", offline=True) == place.first
    assert not list(place.cached().rglob("*.lock")) + list(place.cached().rglob("tmp_*"))


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


async def test_a_server_that_says_nothing_is_given_up(place: Place) -> None:
    place.environment |= {"GIT_SSH_COMMAND": "sleep 60;"}
    source = GitSource("git@host:x.git", "", "")
    fetcher = GitFetcher(place.cache, Limits(idle=0.2, total=60))
    with pytest.raises(HostError, match=r"gave up on fetching 'git@host:x.git': nothing came"):
        await fetcher.read(source, place.how())


async def test_progress_is_told_with_the_words_first(place: Place) -> None:
    await place.read()
    doing = [note.text for note in place.notes if note.stream == "doing"]
    assert doing
    assert all(text.startswith(f"fetching '{place.repository.top}': ") for text in doing)
