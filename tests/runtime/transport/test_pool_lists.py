"""A process lists the pools that it makes; a sweep takes those of the dead, and nothing else."""

import os
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from peppy.runtime.transport import shared_memory
from peppy.runtime.transport.shared_memory import SMALLEST_POOL, listing, sweep
from tests.runtime.transport.test_shared_memory import in_use, leave, program, said

pytestmark = pytest.mark.skipif(
    not shared_memory.DIRECTORY.is_dir(), reason="there is no memory file system"
)

LOCKER = """
import fcntl, sys
file = open(sys.argv[1])
fcntl.flock(file, fcntl.LOCK_SH)
print("locked", flush=True)
sys.stdin.readline()
"""


def entry(path: Path) -> str:
    return f"{path.name} {path.lstat().st_ino}\n"


def leave_list(directory: Path, *entries: str, name: str = "peppy-1-x.pool") -> Path:
    path = directory / name
    path.write_text("".join(entries))
    return path


def test_a_sweep_takes_what_a_dead_process_has_listed_although_it_is_new_and_in_use(
    tmp_path: Path,
) -> None:
    pools = [leave(tmp_path, f"{number}.zenoh") for number in range(2)]
    own_list = leave_list(tmp_path, *map(entry, pools))
    with in_use(pools[0]):
        assert sweep(tmp_path) == 3
    assert not [path for path in (*pools, own_list) if path.exists()]


def test_a_list_is_a_dead_process_s_although_another_has_its_number_by_now(tmp_path: Path) -> None:
    pool = leave(tmp_path, "1.zenoh")
    leave_list(tmp_path, entry(pool), name=f"peppy-{os.getpid()}-x.pool")
    with in_use(pool):
        assert sweep(tmp_path) == 2


def test_what_a_living_process_has_listed_stays(tmp_path: Path) -> None:
    pool = leave(tmp_path, "1.zenoh")
    own_list = leave_list(tmp_path, entry(pool))
    with in_use(pool), in_use(own_list):
        assert sweep(tmp_path, older_than=0) == 0
    assert pool.exists()
    assert own_list.exists()


def test_what_a_list_may_not_name_stays(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    outside, other = leave(tmp_path, "1.zenoh"), leave(inside, "other")
    linked, directory, replaced = (inside / f"{number}.zenoh" for number in (2, 3, 4))
    linked.symlink_to(other)
    directory.mkdir()
    replaced.touch()
    own_list = leave_list(
        inside,
        f"../{entry(outside)}",
        *map(entry, (other, linked, directory)),
        f"{linked.name} {other.stat().st_ino}\n",
        f"{replaced.name} {replaced.stat().st_ino + 1}\n",
        f"{replaced.name}\n{replaced.name} x\n\0\n4.zenoh {'9' * 21}\n 4.zenoh 1",
    )
    assert sweep(inside) == 1
    assert not own_list.exists()
    assert all(path.exists() for path in (outside, other, linked, directory, replaced))


def test_a_list_that_is_no_plain_file_is_not_read(tmp_path: Path) -> None:
    pool = leave(tmp_path, "1.zenoh")
    elsewhere = leave_list(tmp_path, entry(pool), name="somebody's")
    (tmp_path / "peppy-1-linked.pool").symlink_to(elsewhere)
    os.mkfifo(tmp_path / "peppy-1-pipe.pool")
    (tmp_path / "peppy-1-directory.pool").mkdir()
    assert sweep(tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == 5


def another_user() -> int:
    return os.getuid() + 1


def test_a_list_of_another_user_is_not_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pool = leave(tmp_path, "1.zenoh")
    own_list = leave_list(tmp_path, entry(pool))
    monkeypatch.setattr(os, "geteuid", another_user)
    assert sweep(tmp_path) == 0
    assert pool.exists()
    assert own_list.exists()


@contextmanager
def made(path: Path, size: int) -> Generator[Path, None, None]:
    """Make a file as zenoh does: with a lock that its users share."""
    path.touch()
    os.truncate(path, size)
    with in_use(path):
        yield path


@pytest.fixture
def directory() -> Generator[Path, None, None]:
    """A directory in the memory file system, whose locks the kernel shows as they are."""
    with tempfile.TemporaryDirectory(dir=shared_memory.DIRECTORY) as path:
        yield Path(path)


def make_and_list(directory: Path) -> str:
    """Return what a list has to say of a pool made in between."""
    with ExitStack() as stack:
        with listing(directory):
            pool = stack.enter_context(made(directory / "1.zenoh", SMALLEST_POOL))
        return entry(pool)


def test_a_list_that_a_sweep_took_before_it_was_locked_is_made_again(
    monkeypatch: pytest.MonkeyPatch, directory: Path
) -> None:
    swept: list[int] = []
    make = tempfile.mkstemp

    def make_and_sweep(suffix: str, prefix: str, where: Path) -> tuple[int, str]:
        found = make(suffix, prefix, where)
        if not swept:
            swept.append(sweep(where))
        return found

    monkeypatch.setattr(tempfile, "mkstemp", make_and_sweep)
    expected = make_and_list(directory)
    assert swept == [1]
    (own_list,) = directory.glob("peppy-*.pool")
    assert own_list.read_text() == expected


def test_a_process_lists_the_pools_that_it_makes_and_no_file_of_a_partner(directory: Path) -> None:
    with ExitStack() as stack:
        with listing(directory):
            ours = stack.enter_context(made(directory / "1.zenoh", SMALLEST_POOL))
            stack.enter_context(made(directory / "2.zenoh", SMALLEST_POOL - 1))
            partners = stack.enter_context(made(directory / "3.zenoh", SMALLEST_POOL))
            partner = stack.enter_context(program(LOCKER, partners))
            assert said(partner) == "locked\n"
        (own_list,) = directory.glob("peppy-*.pool")
        assert own_list.read_text() == entry(ours)
        assert sweep(directory, older_than=0) == 0
