"""Nodes from git repositories with the real command: added, run, refused, given up."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actors.host.git_repositories import Repository
from tests.e2e.git_server import GitServer, serving
from tests.e2e.harness import Peppy, wait_until
from tests.e2e.test_documentation import walk
from tests.e2e.test_robustness import alive, daemon_pid, instances, make, refused

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

SECRET = "hunter2"


@pytest.fixture
def hub(peppy: Peppy) -> Repository:
    """A repository with the node `camera`, whose first version is tagged."""
    repository = Repository(peppy.work / "served" / "hub")
    make(Peppy(peppy.home, repository.top), "camera", work='print("first", flush=True)')
    repository.commit()
    repository.git("tag", "v1.0")
    program = repository.top / "camera" / "program.py"
    program.write_text(program.read_text().replace('"first"', '"second"'))
    repository.commit()
    # A bare one, as servers have them.
    repository.git("clone", "--quiet", "--bare", ".", str(peppy.work / "served" / "hub.git"))
    return repository


@pytest.fixture
def server(peppy: Peppy, hub: Repository) -> Iterator[GitServer]:
    with serving(hub.top.parent) as server:
        yield server


def address(peppy: Peppy) -> str:
    return f"file://{peppy.work}/served/hub.git"


def test_a_node_of_a_repository_runs_at_the_ref_that_was_asked_for(
    peppy: Peppy, hub: Repository
) -> None:
    peppy("node", "add", "-r", f"{address(peppy)}/camera", "-i", "new")
    wait_until(lambda: "second" in peppy.log_of("new"), "the newest version")
    peppy("node", "add", "-r", f"{address(peppy)}/camera", "--ref", "v1.0", "-i", "old", "--force",
          "--stop-instances")  # fmt: skip
    wait_until(lambda: "first" in peppy.log_of("old"), "the first version")
    assert list(instances(peppy)) == ["old"]
    first = hub.git("rev-parse", "v1.0")
    (snapshot,) = (peppy.home / "built_nodes").glob("camera_v1_*")
    assert not (snapshot / ".git").exists()
    assert first in peppy("node", "info", "camera:v1")


def test_what_is_not_in_a_repository_is_said_with_the_nearest(
    peppy: Peppy, hub: Repository
) -> None:
    del hub
    said = refused(peppy.try_("node", "add", f"{address(peppy)}/camra"))
    assert "there is no directory 'camra'" in said
    assert "did you mean 'camera'?" in said
    said = refused(peppy.try_("node", "add", f"{address(peppy)}/camera", "--ref", "v1"))
    assert "has no branch, tag or commit 'v1'; did you mean 'v1.0'?" in said
    said = refused(peppy.try_("node", "add", f"file://{peppy.work}/none.git/camera"))
    assert "there is no git repository at" in said
    said = refused(
        peppy.try_("node", "add", f"{address(peppy)}/camera", "--ref", "v1.0", "--offline")
    )
    assert "was not fetched before" in said
    peppy("node", "add", f"{address(peppy)}/camera")
    (peppy.work / "served" / "hub.git").rename(peppy.work / "served" / "away.git")
    peppy("node", "add", f"{address(peppy)}/camera", "--offline", "--force")
    assert not list((peppy.home / "cache").rglob("*.lock"))


def test_an_address_that_could_run_something_runs_nothing(peppy: Peppy) -> None:
    for source in (
        "ext::sh -c touch% sprung.git",
        "ext::touch://sprung.git/x",
        "ssh://-oProxyCommand=touch%20sprung/x.git",
        "git@-oProxyCommand=touch:x.git",
        "git://127.0.0.1/x.git",
    ):
        refused(peppy.try_("node", "add", "--", source))
    assert not list(peppy.work.parent.rglob("*sprung*"))


def test_an_account_in_an_address_is_in_no_file_and_no_message(
    peppy: Peppy, server: GitServer
) -> None:
    server.account = ("me", SECRET)
    at = server.with_account("me", SECRET)
    out = peppy("node", "add", "-r", f"{at}/hub.git/camera", "-i", "one")
    wait_until(lambda: "second" in peppy.log_of("one"), "the node")
    out += peppy("node", "info", "camera:v1") + str(peppy.json("stack", "list"))
    said = refused(peppy.try_("node", "add", f"{at}/hub.git/nothing"))
    said += refused(peppy.try_("node", "add", f"{at}/none.git/camera"))
    assert server.told
    assert SECRET not in out + said
    peppy("service", "stop")
    with_it = [
        path
        for path in peppy.home.rglob("*")
        if path.is_file() and not path.is_symlink() and SECRET.encode() in path.read_bytes()
    ]
    assert with_it == []


def test_the_page_about_git_does_what_it_says(peppy: Peppy) -> None:
    assert len(list(walk("docs/git_sources.md", peppy))) == 2
    assert "lamp:v1" in peppy("stack", "list")


def waiting_ssh(peppy: Peppy) -> Path:
    """Stand in for ssh with a program that writes down its process and waits."""
    program = peppy.work / "waiting.py"
    program.write_text(
        "import os, time\n"
        f"open({str(peppy.work / 'pids')!r}, 'a').write(f'{{os.getpid()}} {{os.getppid()}}\\n')\n"
        "time.sleep(100)\n"
    )
    peppy.environment |= {
        "GIT_SSH_COMMAND": f"{sys.executable} {program}",
        "GIT_SSH_VARIANT": "ssh",
    }
    return peppy.work / "pids"


def pids_in(path: Path) -> list[int]:
    """Return the processes that a stand-in has written down."""

    def whole() -> bool:
        return path.exists() and path.read_text().endswith("\n")

    wait_until(whole, "a process of git")
    return [int(word) for word in path.read_text().split()]


def test_ctrl_c_ends_git_and_leaves_nothing(peppy: Peppy) -> None:
    daemon_pid(peppy)
    log = waiting_ssh(peppy)
    adding = peppy.start("node", "add", "git@robots:x.git/camera")
    pids = pids_in(log)
    adding.send_signal(signal.SIGINT)
    adding.communicate(timeout=20)
    assert adding.returncode != 0
    wait_until(lambda: not any(alive(pid) for pid in pids), "the end of git")
    assert list((peppy.home / "built_nodes").glob("*")) == []


def test_git_ends_with_a_daemon_that_is_killed_and_the_next_one_fetches(
    peppy: Peppy, hub: Repository
) -> None:
    del hub
    daemon = daemon_pid(peppy)
    log = waiting_ssh(peppy)
    adding = peppy.start("node", "add", f"git@robots:{peppy.work}/served/hub.git/camera")
    pids = pids_in(log)
    os.kill(daemon, signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in pids), "the end of git")
    adding.communicate(timeout=30)
    program = peppy.work / "through.py"
    program.write_text("import os, sys\nos.execvp('sh', ['sh', '-c', sys.argv[-1]])\n")
    peppy.environment["GIT_SSH_COMMAND"] = f"{sys.executable} {program}"
    peppy("node", "add", "-r", f"git@robots:{peppy.work}/served/hub.git/camera", "-i", "one")
    wait_until(lambda: "second" in peppy.log_of("one"), "the node")
