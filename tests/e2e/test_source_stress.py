"""Source trees that nobody would write by hand, with a real daemon; and logs that get too long."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from peppy.actors.host.ports import LOG_LIMIT
from tests.e2e.harness import Peppy, wait_until
from tests.e2e.test_robustness import all_gone, instances, make, refused

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

MANY = 20_000
SECRET = "nobody's business"


def snapshot(peppy: Peppy, name: str) -> Path:
    """Return where the snapshot of a node lies."""
    (found,) = (peppy.home / "built_nodes").glob(f"{name}_v1_*")
    return found


@pytest.mark.thorough
@pytest.mark.timeout(400)
def test_a_tree_of_many_small_files_is_added_and_holds_nobody_up(peppy: Peppy) -> None:
    directory = make(peppy, "many")
    for number in range(MANY):
        file = directory / f"part_{number // 500}" / f"file_{number}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text(str(number))
    peppy("stack", "list")
    adding = peppy.start("node", "add", "-r", "many", "-i", "one")
    slowest = 0.0
    while adding.poll() is None:
        begun = time.monotonic()
        peppy("stack", "list")
        slowest = max(slowest, time.monotonic() - begun)
        time.sleep(1)
    _, err = adding.communicate()
    assert adding.returncode == 0, err
    assert slowest < 10
    assert sum(1 for _ in snapshot(peppy, "many").rglob("file_*.txt")) == MANY
    working = peppy.home / "instances" / "one"
    assert sum(1 for _ in working.rglob("file_*.txt")) == MANY
    assert (working / "part_39" / "file_19999.txt").read_text() == "19999"
    peppy("node", "remove", "many:v1", "--stop-instances")
    assert not list((peppy.home / "built_nodes").iterdir())


def test_a_tree_full_of_traps_gives_what_is_its_own(peppy: Peppy) -> None:
    directory = make(peppy, "traps")
    (peppy.work / "secret").write_text(SECRET)
    (directory / "out").symlink_to(peppy.work)
    (directory / "secret").symlink_to("../secret")
    (directory / "loop").symlink_to("loop")
    (directory / "round").symlink_to(".")
    os.mkfifo(directory / "pipe")
    odd = Path(os.fsdecode(os.fsencode(directory) + b"/caf\xe9"))
    odd.mkdir()
    (odd / "file").write_text("odd")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / "socket"))
        peppy("node", "add", "-r", "traps", "-i", "one")
    for place in (snapshot(peppy, "traps"), peppy.home / "instances" / "one"):
        names = {path.name for path in place.iterdir()} - {".peppy", "__pycache__"}
        assert names == {"peppy.json5", "program.py", odd.name}
        assert (place / odd.name / "file").read_text() == "odd"
        assert not [p for p in place.rglob("*") if p.is_file() and SECRET in p.read_text("latin-1")]


def test_a_file_that_grows_all_the_time_has_an_end(peppy: Peppy) -> None:
    directory = make(peppy, "busy")
    with (directory / "growing.log").open("wb") as log:
        writer = subprocess.Popen(
            [sys.executable, "-c", "while True: print('x' * 4096)"], stdout=log
        )
        try:
            begun = time.monotonic()
            done = peppy.try_("node", "add", "busy")
        finally:
            writer.kill()
            writer.wait()
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begun < 60


def test_a_tree_that_is_too_deep_is_refused_in_a_sentence(peppy: Peppy) -> None:
    directory = make(peppy, "deep")
    directory.joinpath(*["d"] * 500).mkdir(parents=True)
    said = refused(peppy.try_("node", "add", "deep"))
    assert f"cannot copy '{directory}' to '{peppy.home}/built_nodes/deep_v1_" in said
    assert "directories lie in one another" in said
    assert not list((peppy.home / "built_nodes").iterdir())


def test_a_path_that_cannot_be_one_is_refused_in_a_sentence(peppy: Peppy) -> None:
    for source in ("x" * 300, "/".join(["x" * 200] * 25), "program.py/x"):
        refused(peppy.try_("node", "add", source))


class Person(Peppy):
    """The command as somebody types it whom permissions bind, which is not so for root."""

    def start(self, *words: str, cwd: Path | None = None) -> subprocess.Popen[str]:
        """Start a command without what makes root special."""
        bound = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--")
        return subprocess.Popen(
            [*(bound if os.geteuid() == 0 else ()), sys.executable, "-m", "peppy", *words],
            cwd=cwd or self.work,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may read everything, and there is no setpriv here")
    work = tmp_path / "work"
    work.mkdir()
    command = Person(tmp_path / "home", work)
    yield command
    command.try_("service", "stop")
    all_gone(command)


@pytest.mark.parametrize("what", ["directory", "file", "document"])
def test_what_may_not_be_read_is_named_and_nothing_is_kept(person: Person, what: str) -> None:
    directory = make(person, "shut")
    (directory / "inner").mkdir()
    (directory / "inner" / "file").touch()
    closed = {"directory": "inner", "file": "inner/file", "document": "peppy.json5"}[what]
    mode = (directory / closed).stat().st_mode
    (directory / closed).chmod(0)
    said = refused(person.try_("node", "add", "shut"))
    assert "permission denied" in said
    assert str(directory / closed) in said
    built = person.home / "built_nodes"
    assert not built.exists() or not list(built.iterdir())
    (directory / closed).chmod(mode)
    person("node", "add", "-r", "shut", "-i", "one")
    assert instances(person)["one"]["state"] == "running"


# Logs.


def test_the_daemon_s_logs_are_rotated_under_whoever_follows_them(peppy: Peppy) -> None:
    log, stack_log = peppy.home / "logs" / "daemon.log", peppy.home / "stack_log.log"
    log.parent.mkdir(parents=True)
    for path in (log, stack_log):
        path.write_bytes(b"line\n" * (LOG_LIMIT // 5))
    following = peppy.start("service", "logs", "-f", "-n", "1")
    assert following.stdout is not None
    assert following.stdout.readline() == "line\n"
    peppy("stack", "list")
    assert "peppy daemon ready" in following.stdout.readline()
    for path in (log, stack_log):
        wait_until(lambda p=path: p.with_name(f"{p.name}.1").exists(), f"the rotation of {path}")
        assert path.with_name(f"{path.name}.1").read_bytes() == b"line\n" * (LOG_LIMIT // 5)
        wait_until(lambda p=path: p.exists() and 0 < p.stat().st_size < 10_000, "a new file")
    peppy("service", "stop")
    peppy("stack", "list")
    assert "peppy daemon ready" in following.stdout.readline()
    following.terminate()
    following.communicate()
    assert peppy("service", "logs", "-n", "4").count("\n") == 4
