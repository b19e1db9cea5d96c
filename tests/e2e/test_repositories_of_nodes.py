"""Repositories for real: git, the disk, the daemon that is killed, and their page."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.harness import Peppy
from tests.e2e.test_documentation import walk

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

NODE = """{
    peppy_schema: "node_v1",
    manifest: { name: "%s", tag: "v1" },
    interfaces: {},
    execution: { language: "python", run_cmd: ["true"] },
}"""

LAUNCHER = '{ deployments: [{ source: { local: "%s" }, instances: [{ instance_id: "a" }] }] }'


class Hub:
    """A git repository with a work tree."""

    def __init__(self, place: Path) -> None:
        self.tree = place / "hub"
        self.bare = place / "hub.git"
        self.tree.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Ada")
        self.git("config", "user.email", "ada@example.org")
        self.node("camera", "camera")
        self.node("arm", "robots/arm")
        self.write("launchers/robot.json5", LAUNCHER % "../camera")
        self.commit()
        subprocess.run(
            ["git", "clone", "--quiet", "--bare", self.tree, self.bare], check=True, timeout=60
        )

    @property
    def address(self) -> str:
        return f"file://{self.bare}"

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.tree, check=True, capture_output=True, text=True, timeout=60
        )
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        (self.tree / path).parent.mkdir(parents=True, exist_ok=True)
        (self.tree / path).write_text(text)

    def node(self, name: str, path: str) -> None:
        self.write(f"{path}/peppy.json5", NODE % name)

    def commit(self) -> str:
        """Commit all that there is; return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "more")
        return self.git("rev-parse", "HEAD")

    def push(self) -> str:
        """Commit, and let others see it; return the commit."""
        commit = self.commit()
        self.git("push", "--quiet", str(self.bare), "main")
        return commit


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path)


def names(peppy: Peppy) -> set[str]:
    """Return the names of all that the repositories hold."""
    view = peppy.json("repo", "list")
    return {entry["name"] for each in view["repositories"] for entry in each["entries"]}


def origin(peppy: Peppy, node: str) -> str:
    """Return the commit that a node of the stack came from."""
    found: str = peppy.json("node", "info", node)["row"]["origin"]
    return found.rpartition("@")[2]


def test_a_git_repository_gives_its_nodes_at_the_commit_of_the_last_refresh(
    peppy: Peppy, hub: Hub
) -> None:
    first = hub.git("rev-parse", "HEAD")
    assert peppy("repo", "add", hub.address) == "Added repository 'hub': 2 nodes, 1 launch file\n"
    assert names(peppy) == {"camera:v1", "arm:v1", "robot"}
    hub.node("hand", "hand")
    hub.write("camera/README.md", "newer")
    second = hub.push()

    peppy("node", "add", "camera:v1")
    assert origin(peppy, "camera:v1") == first
    peppy("repo", "refresh")
    assert "hand:v1" in names(peppy)
    peppy("node", "add", "camera:v1")
    assert origin(peppy, "camera:v1") == second


def test_a_launch_file_is_planned_by_its_bare_name_with_the_nodes_beside_it(
    peppy: Peppy, hub: Hub
) -> None:
    peppy("repo", "add", hub.address)
    (planned,) = peppy.json("stack", "launch", "robot", "--dry-run")["nodes"]
    commit = hub.git("rev-parse", "HEAD")
    assert planned["origin"] == f"{hub.address}/camera@{commit}"
    unknown = peppy.try_("stack", "launch", "robott", "--dry-run")
    assert unknown.returncode == 1
    assert "did you mean 'robot'?" in unknown.stderr
    hub.write("launchers/robot.json5", LAUNCHER % "/etc")
    hub.push()
    peppy("repo", "refresh")
    outside = peppy.try_("stack", "launch", "robot", "--dry-run")
    assert outside.returncode == 1
    assert "'/etc'" in outside.stderr
    assert "is not in that repository" in outside.stderr


def test_an_ambiguous_name_is_refused_and_names_both_places(peppy: Peppy, hub: Hub) -> None:
    peppy("repo", "add", hub.address)
    peppy("repo", "add", str(hub.tree), "--name", "mine")
    refused = peppy.try_("node", "add", "camera:v1", "--json")
    assert refused.returncode == 1
    error = json.loads(refused.stdout)["error"]
    assert error["kind"] == "ambiguous_name"
    assert "'camera' of repository 'hub' and in 'camera' of repository 'mine'" in error["sentence"]
    peppy("repo", "exclude", "hub", "camera:v1")
    assert peppy.json("node", "add", "camera:v1")["node"]["name"] == "camera"
    peppy("repo", "exclude", "--undo", "hub", "camera:v1")
    assert peppy.try_("node", "add", "camera:v1").returncode == 1


def test_a_repository_that_has_vanished_keeps_what_it_held(peppy: Peppy, hub: Hub) -> None:
    peppy("repo", "add", hub.address)
    hub.bare.rename(hub.bare.with_name("away.git"))
    gone = peppy.try_("repo", "refresh")
    assert gone.returncode == 1
    assert "repository 'hub' could not be looked at again: " in gone.stderr
    assert names(peppy) == {"camera:v1", "arm:v1", "robot"}
    # What has been fetched already is enough for the commit that was there.
    assert peppy.json("node", "add", "camera:v1")["node"]["name"] == "camera"


def test_a_hostile_directory_is_looked_at_within_limits(peppy: Peppy, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile"
    (hostile / "camera").mkdir(parents=True)
    (hostile / "camera" / "peppy.json5").write_text(NODE % "camera")
    (hostile / "loop").symlink_to(".")
    (hostile / "secrets.json5").symlink_to("/etc/passwd")
    (hostile / "etc").symlink_to("/etc")
    os.mkfifo(hostile / "pipe.json5")
    os.mkdir(os.fsencode(hostile) + b"/\xff")
    Path(os.fsdecode(os.fsencode(hostile) + b"/\xff/peppy.json5")).write_text("{}")
    deep = hostile
    for _ in range(300):
        deep = deep / "deeper"
    deep.mkdir(parents=True)
    (deep / "peppy.json5").write_text(NODE % "deep")
    huge = hostile / "huge"
    huge.mkdir()
    with (huge / "peppy.json5").open("wb") as file:
        file.truncate(1 << 40)
    (hostile / "nested.json5").write_text("[" * 500_000 + "deployments")
    for number in range(3000):
        (hostile / "many" / f"n{number}").mkdir(parents=True)
        (hostile / "many" / f"n{number}" / "peppy.json5").write_text("{ manifest: {} }")

    view = peppy.json("repo", "add", str(hostile))
    assert [entry["name"] for entry in view["entries"]] == ["camera:v1"]
    said = "\n".join(view["problems"])
    assert "it has more than 2000 documents" in said
    assert "huge/peppy.json5: the document is larger than 1024 KiB" in said
    assert "'\\udcff/peppy.json5' has a name that cannot be shown" in said
    assert len(view["problems"]) == 51
    assert "root:" not in said
    assert peppy.json("info")["nodes"] == 0


@pytest.mark.parametrize("moment", [0.0, 0.03, 0.1, 0.3])
def test_a_daemon_that_is_killed_during_a_refresh_leaves_the_old_or_the_new(
    moment: float, peppy: Peppy, hub: Hub
) -> None:
    before = {"camera:v1", "arm:v1", "robot"}
    peppy("repo", "add", hub.address)
    hub.node("hand", "hand")
    hub.push()
    pid = peppy.json("info")["pid"]
    refresh = peppy.start("repo", "refresh")
    assert refresh.stderr is not None
    assert refresh.stderr.readline() == "Looking at repository 'hub'\n"
    time.sleep(moment)
    os.kill(pid, signal.SIGKILL)
    refresh.communicate(timeout=60)
    assert refresh.returncode == 1 or moment > 0
    assert names(peppy) in (before, before | {"hand:v1"})
    peppy("repo", "refresh")
    assert names(peppy) == before | {"hand:v1"}
    assert [path.name for path in (peppy.home / "tmp").glob("repository-*")] == []
    assert len(list((peppy.home / "cache" / "repositories" / "files").iterdir())) == 1


def test_the_repositories_page_does_what_it_says(peppy: Peppy) -> None:
    peppy.environment["GIT_CONFIG_GLOBAL"] = "/dev/null"
    ran = 0
    for text in walk("docs/repositories.md", peppy):
        ran += 1
        if "repo list" in text:
            assert names(peppy) == {"camera:v1", "arm:v1", "patrol"}
        if "--undo" in text:
            nodes = peppy.json("stack", "list")["nodes"]
            assert [row["node"]["name"] for row in nodes[1:]] == ["camera"]
            assert peppy.json("repo", "list")["ambiguous"] == ["camera:v1", "patrol"]
    assert ran == 8
    (fleet,) = peppy.json("repo", "list")["repositories"]
    assert (fleet["name"], fleet["failed"]) == ("fleet", None)
