"""Disks that are full or may only be read: what is refused, what goes on, and what is left."""

import os
import re
import signal
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.e2e.harness import Peppy, wait_until
from tests.e2e.test_robustness import (
    alive,
    all_gone,
    daemon_pid,
    instances,
    make,
    refused,
)
from tests.e2e.test_survival import COUNTS, numbers

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

MIB = 1024 * 1024
PAGE = 4096
LARGE = 4 * MIB
"""Bytes in a node that has something to copy; they cannot be made any shorter."""


def mount(*words: str) -> None:
    """Mount something, or skip the test where that is not allowed."""
    if subprocess.run(["mount", *words], check=False, capture_output=True).returncode:
        pytest.skip("mounting a file system is not allowed here")


@contextmanager
def read_only(home: Path) -> Generator[None, None, None]:
    """Have a directory be such that nothing can be made, changed or removed in it any more."""
    mount("--bind", str(home), str(home))
    try:
        mount("-o", "remount,bind,ro", str(home))
        yield
    finally:
        subprocess.run(["umount", str(home)], check=True)


class SmallDisk:
    """A home on a small file system, and a node in it that runs whatever happens."""

    def __init__(self, place: Path, work: Path) -> None:
        self.place = place
        self.peppy = Peppy(place / "home", work)
        self.ballast = place / "ballast"
        self.pid = 0

    def start(self) -> None:
        """Have an instance run that counts into its log."""
        make(self.peppy, "witness", work=COUNTS)
        self.peppy("node", "add", "-r", "witness", "-i", "eye")
        self.pid = instances(self.peppy)["eye"]["pid"]

    @property
    def room(self) -> int:
        """Bytes that are left."""
        status = os.statvfs(self.place)
        return status.f_bavail * status.f_frsize

    def leave(self, room: int) -> None:
        """Fill the disk but for `room` bytes."""
        self.ballast.unlink(missing_ok=True)
        with self.ballast.open("wb") as file:
            while self.room > room:
                with suppress(OSError):  # the witness writes as well
                    os.posix_fallocate(file.fileno(), 0, file.tell() + self.room - room)
                    file.seek(0, os.SEEK_END)

    def free(self) -> None:
        """Make room again."""
        self.ballast.unlink()

    def files(self) -> set[str]:
        """Return the names of what nodes and instances have on the disk, but for logs."""
        folders = ("built_nodes", "instances", "runtime", "tmp")
        return {
            f"{folder}/{path.name}"
            for folder in folders
            for path in (self.peppy.home / folder).iterdir()
        }

    def no_space(self, *words: str) -> str:
        """Run a command that is refused for want of room; nothing is different afterwards."""
        before = self.files()
        said = refused(self.peppy.try_(*words))
        assert "no space left on device" in said.lower(), said
        assert "bug" not in said
        assert str(self.peppy.home) in said
        wait_until(lambda: self.files() == before, f"{before}, not {self.files()}", 5)
        assert alive(self.pid)
        return said


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    place, work = tmp_path / "disk", tmp_path / "work"
    place.mkdir()
    work.mkdir()
    mount("-t", "tmpfs", "-o", "size=32m", "tmpfs", str(place))
    small = SmallDisk(place, work)
    try:
        small.start()
        yield small
        assert alive(small.pid)
        assert instances(small.peppy)["eye"]["state"] == "running"
        assert "Traceback" not in (small.peppy.home / "logs" / "daemon.log").read_text()
    finally:
        small.ballast.unlink(missing_ok=True)
        small.peppy.try_("service", "stop")
        all_gone(small.peppy)
        subprocess.run(["umount", str(place)], check=True)


def large(disk: SmallDisk, build: str | None = None) -> Path:
    """Write a node with much in it."""
    directory = make(disk.peppy, "large", build=build)
    (directory / "data.bin").write_bytes(os.urandom(LARGE))
    return directory


def test_a_snapshot_that_does_not_fit_is_not_taken(disk: SmallDisk) -> None:
    large(disk)
    disk.leave(LARGE // 2)
    said = disk.no_space("node", "add", "large")
    assert re.search(r"cannot copy '\S+/large' to '\S+/built_nodes/large_v1_\w+': no space", said)
    assert disk.room >= LARGE // 4
    disk.free()
    disk.peppy("node", "add", "large")


def test_a_workspace_that_does_not_fit_is_not_made(disk: SmallDisk) -> None:
    large(disk)
    disk.peppy("node", "add", "large")
    disk.leave(LARGE // 2)
    assert "cannot copy '" in disk.no_space("node", "build", "large:v1")
    disk.free()
    disk.peppy("node", "build", "large:v1")


def test_a_build_that_fills_the_disk_says_so_in_its_own_words(disk: SmallDisk) -> None:
    large(disk, build="dd if=/dev/zero of=more bs=64k count=64")
    disk.peppy("node", "add", "large")
    disk.leave(LARGE + MIB)
    disk.no_space("node", "build", "large:v1")
    disk.free()
    disk.peppy("node", "build", "large:v1")


def test_an_artifact_that_does_not_fit_is_not_packed(disk: SmallDisk) -> None:
    large(disk)
    disk.peppy("node", "add", "large")
    disk.leave(LARGE + LARGE // 2)
    said = disk.no_space("node", "build", "large:v1")
    assert re.search(r"cannot pack '\S+' to '\S+/large_v1\.tar\.zst': no space", said)
    disk.free()
    disk.peppy("node", "build", "large:v1")


def test_a_working_directory_that_does_not_fit_is_not_laid_out(disk: SmallDisk) -> None:
    large(disk)
    disk.peppy("node", "add", "-b", "large")
    disk.leave(LARGE // 2)
    said = disk.no_space("node", "run", "large:v1", "-i", "one")
    assert re.search(r"cannot unpack '\S+\.tar\.zst' to '\S+/instances/one': no space", said)
    assert set(instances(disk.peppy)) == {"eye"}
    disk.free()
    disk.peppy("node", "run", "large:v1", "-i", "one")


def test_what_cannot_be_written_down_is_refused_and_the_journal_stays_whole(
    disk: SmallDisk,
) -> None:
    make(disk.peppy, "other")
    disk.peppy("node", "add", "-b", "other")
    disk.leave(0)
    said = disk.no_space("node", "run", "other:v1", "-i", "one")
    assert f"cannot write the journal '{disk.peppy.home}/journal.sqlite': no space" in said
    disk.no_space("node", "add", "other")
    disk.no_space("node", "build", "other:v1", "--force")
    disk.no_space("node", "remove", "other:v1")
    disk.no_space("node", "add", "witness", "--stop-instances")
    os.kill(daemon_pid(disk.peppy), signal.SIGKILL)
    assert set(instances(disk.peppy)) == {"eye"}
    disk.free()
    disk.peppy("node", "run", "other:v1", "-i", "one")
    os.kill(daemon_pid(disk.peppy), signal.SIGKILL)
    assert set(instances(disk.peppy)) == {"eye", "one"}
    assert "damaged" not in (disk.peppy.home / "logs" / "daemon.log").read_text()


def test_a_log_without_room_says_how_much_it_lacks_and_goes_on(disk: SmallDisk) -> None:
    disk.leave(0)
    wait_until(lambda: disk.room == 0, "a full disk")
    wait_until(lambda: len(disk.peppy.log_of("eye")) % PAGE == 0, "the end of the last page")
    before = numbers(disk.peppy, "eye")[-1]
    disk.free()
    wait_until(lambda: numbers(disk.peppy, "eye")[-1] > before + 50, "more lines")
    log = disk.peppy.log_of("eye")
    missing = re.findall(r"\[warning\] (\d+) lines? (?:is|are) missing here: no space", log)
    found = numbers(disk.peppy, "eye")
    assert found == sorted(set(found))
    assert len(found) + sum(map(int, missing)) == found[-1]


@pytest.mark.thorough
def test_an_addition_with_any_amount_of_room_is_whole_or_not_there(disk: SmallDisk) -> None:
    """From where it just fits downwards: what is written last is in want of room first."""
    make(disk.peppy, "other")
    fits, lacks = 2 * MIB, 0
    while fits - lacks > PAGE:
        room = (fits + lacks) // 2 // PAGE * PAGE
        disk.leave(room)
        if disk.peppy.try_("node", "add", "other").returncode:
            lacks = room
        else:
            fits = room
            disk.free()
            disk.peppy("node", "remove", "other:v1")
    reasons: set[str] = set()
    for pages in range(12):
        disk.leave(max(0, lacks - pages * PAGE))
        said = disk.no_space("node", "add", "other")
        reasons.add(said.partition("Error: ")[2].partition("'")[0])
    assert "cannot write the journal " in reasons
    disk.free()
    disk.peppy("node", "add", "other")


def test_a_daemon_comes_up_on_a_full_disk_and_finds_what_runs(disk: SmallDisk) -> None:
    disk.leave(0)
    before = daemon_pid(disk.peppy)
    for _ in range(2):
        os.kill(daemon_pid(disk.peppy), signal.SIGKILL)
        assert instances(disk.peppy)["eye"]["pid"] == disk.pid
    assert daemon_pid(disk.peppy) != before


def test_a_home_that_may_only_be_read_keeps_a_daemon_from_starting(peppy: Peppy) -> None:
    peppy("service", "stop")
    peppy("stack", "list")
    peppy("service", "stop")
    with read_only(peppy.home):
        for line in ("stack list", "node add x", "service serve"):
            said = refused(peppy.try_(*line.split()))
            assert "read-only file system" in said.lower()
            assert str(peppy.home) in said
        assert refused(peppy.try_("service", "status"))
        assert not peppy.processes()
    peppy("stack", "list")


@pytest.mark.thorough
def test_a_home_that_becomes_read_only_ends_nothing(peppy: Peppy) -> None:
    make(peppy, "witness", work=COUNTS)
    make(peppy, "other")
    peppy("node", "add", "-r", "witness", "-i", "eye")
    peppy("node", "add", "-b", "other")
    daemon, pid = daemon_pid(peppy), instances(peppy)["eye"]["pid"]
    with read_only(peppy.home):
        assert instances(peppy)["eye"]["state"] == "running"
        for line in (
            "node add other",
            "node add -r witness --stop-instances",
            "node build other:v1 --force",
            "node run other:v1 -i one",
            "node remove other:v1",
        ):
            assert str(peppy.home) in refused(peppy.try_(*line.split())), line
        assert set(instances(peppy)) == {"eye"}
        assert alive(pid)
    peppy("node", "run", "other:v1", "-i", "one")
    peppy("node", "add", "other", "--stop-instances")
    with read_only(peppy.home):
        peppy("node", "stop", "eye")
        assert instances(peppy) == {}
        assert not alive(pid)
    assert daemon_pid(peppy) == daemon
    peppy("node", "run", "witness:v1", "-i", "two")
    assert "Traceback" not in (peppy.home / "logs" / "daemon.log").read_text()
    os.kill(daemon, signal.SIGKILL)
    assert set(instances(peppy)) == {"two"}


def test_what_cannot_be_cleared_away_keeps_no_daemon_from_starting(peppy: Peppy) -> None:
    peppy("stack", "list")
    peppy("service", "stop")
    held = peppy.home / "tmp" / "build_held"
    held.mkdir()
    mount("-t", "tmpfs", "tmpfs", str(held))
    try:
        peppy("stack", "list")
        assert f"cannot remove '{held}': " in peppy("service", "logs")
        peppy("service", "stop")
    finally:
        subprocess.run(["umount", str(held)], check=True)
    peppy("stack", "list")
    assert not held.exists()
