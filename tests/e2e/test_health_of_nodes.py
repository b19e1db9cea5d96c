"""Health and restarts of real nodes: one that stands still, crashes or hangs when it is told to."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.harness import Peppy, wait_until
from tests.e2e.test_documentation import walk
from tests.e2e.test_first_node import document, make_node

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ACTOR = """
import asyncio
import os
import time
from pathlib import Path

from peppygen import NodeBuilder, NodeRunner
from peppygen.parameters import Parameters


async def act(node_runner: NodeRunner) -> None:
    cue = Path(os.environ["CUES"]) / node_runner.bound_instance_id()
    print("ready for a cue", flush=True)
    while True:
        await asyncio.sleep(0.02)
        if not cue.exists():
            continue
        what, _, number = cue.read_text().partition(" ")
        cue.unlink()
        print(f"cue: {what}", flush=True)
        if what == "block":
            time.sleep(float(number))
        elif what == "exit":
            os._exit(int(number))


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(act(node_runner))]


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
"""

FOREVER = 1000.0
"""Seconds."""


class Stage(Peppy):
    """A daemon with a built `actor:v1`, whose instances take cues."""

    def run(self, instance: str, *words: str) -> None:
        self("node", "run", "actor:v1", "-i", instance, *words)

    def cue(self, instance: str, what: str, number: float) -> None:
        """Have an instance do something, once it looks for the next cue."""
        hidden = self.work / f".{instance}"
        hidden.write_text(f"{what} {number:g}")
        hidden.rename(self.work / "cues" / instance)

    def instance(self, name: str) -> Any:
        row = self.json("node", "info", "actor:v1")["row"]
        (found,) = (each for each in row["instances"] if each["instance_id"] == name)
        return found

    def await_state(self, name: str, seconds: float = 30.0, **wanted: object) -> Any:
        """Return the instance once its fields are as wanted."""

        def as_wanted() -> Any:
            found = self.instance(name)
            return found if all(found[field] == wanted[field] for field in wanted) else None

        return wait_until(as_wanted, f"'{name}' with {wanted}", seconds)

    def events(self, name: str, *kinds: str) -> list[Any]:
        """Return what has happened to an instance, of these kinds."""
        text = self("stack", "events", "--instance", name, "--json")
        return [each for each in map(json.loads, text.splitlines()) if each["kind"] in kinds]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    base = tmp_path_factory.mktemp("health")
    cues = base / "work" / "cues"
    cues.mkdir(parents=True)
    peppy = Stage(base / "home", base / "work")
    peppy.environment["CUES"] = str(cues)
    try:
        directory = make_node(peppy, "actor", document("actor", ""), ACTOR)
        peppy("node", "add", "-sb", ".", cwd=directory)
        yield peppy
    finally:
        peppy.try_("service", "stop")
        wait_until(lambda: not peppy.processes(), "the end of everything in this home", 30)


@pytest.mark.alone
def test_a_node_whose_loop_stands_still_is_unhealthy_until_it_goes_on(stage: Stage) -> None:
    stage.run("still")
    stage.await_state("still", health="healthy")
    assert "- still [running] (healthy)" in stage("node", "info", "actor:v1")
    stage.cue("still", "block", 14)
    stage.await_state("still", health="unhealthy")
    assert "1 running (unhealthy)" in stage("stack", "list")
    assert "- still [running] (unhealthy)" in stage("node", "info", "actor:v1")
    assert stage.await_state("still", health="healthy")["state"] == "running"
    assert "(unhealthy)" not in stage("stack", "list")
    kinds = [each["kind"] for each in stage.events("still", "unhealthy", "recovered")]
    assert kinds == ["unhealthy", "recovered"]
    assert "gracefully (exit code 0)" in stage("node", "stop", "still")


@pytest.mark.thorough
def test_a_crash_is_followed_by_a_start_after_a_back_off_that_doubles(stage: Stage) -> None:
    stage.run("frail", "--restart", "on_failure")
    pids = {stage.instance("frail")["pid"]}
    for restarts in (1, 2):
        stage.cue("frail", "exit", 3)
        pids.add(stage.await_state("frail", state="running", restarts=restarts)["pid"])
    assert len(pids) == 3
    failed = stage.events("frail", "failed")
    started = stage.events("frail", "started")
    assert "exit code 3" in failed[0]["text"]
    texts = [each["text"] for each in stage.events("frail", "restarting")]
    assert texts == ["restart 1 follows in 1 s", "restart 2 follows in 2 s"]
    waited = [after["at"] - end["at"] for end, after in zip(failed, started[1:], strict=True)]
    assert waited[0] >= 1.0
    assert waited[1] >= 2.0
    assert "restart: on_failure, up to 5 times in 600 s; restarts so far: 2" in (
        stage("node", "info", "actor:v1")
    )
    # The next wait is of four seconds: long enough to stop it meanwhile.
    stage.cue("frail", "exit", 3)
    assert stage.await_state("frail", state="failed")["doing"] == "starts again in 4 s"
    stage("node", "stop", "frail")
    begun = time.monotonic()
    while time.monotonic() - begun < 6:
        rows = stage.json("node", "info", "actor:v1")["row"]
        assert rows["instances"] == []
        time.sleep(0.5)
    assert len(stage.events("frail", "started")) == 3


@pytest.mark.thorough
def test_the_limit_leaves_it_failed_with_how_it_ended_and_its_last_lines(stage: Stage) -> None:
    stage.run("worn", "--restart", "always", "--restart-limit", "1")
    stage.cue("worn", "exit", 0)
    stage.await_state("worn", state="running", restarts=1)
    stage.cue("worn", "exit", 7)
    stage.await_state("worn", state="failed", ended="exit code 7")
    wait_until(lambda: stage.events("worn", "given_up"), "giving up")
    shown = stage("node", "info", "actor:v1")
    assert "- worn [failed] (exit code 7)\n" in shown
    assert "      cue: exit\n" in shown
    time.sleep(3)
    assert stage.instance("worn")["state"] == "failed"
    stage("node", "stop", "worn")


@pytest.mark.thorough
def test_a_node_that_hangs_is_started_again_where_its_policy_says_so(stage: Stage) -> None:
    stage.run("stiff", "--restart", "on_failure", "--restart-if-hung", "2")
    first = stage.await_state("stiff", health="healthy")["pid"]
    stage.cue("stiff", "block", FOREVER)
    again = stage.await_state("stiff", 60, state="running", restarts=1, health="healthy")
    assert again["pid"] != first
    assert "gracefully" in stage("node", "stop", "stiff")


@pytest.mark.thorough
def test_a_node_that_hangs_and_is_stopped_is_killed_and_said_to_have_hung(stage: Stage) -> None:
    stage.run("stone")
    stage.cue("stone", "block", FOREVER)
    wait_until(lambda: "cue: block" in stage.log_of("stone"), "the block")
    done = stage.try_("node", "stop", "stone")
    assert done.returncode == 0
    assert "by force (signal SIGKILL)" in done.stdout
    assert "its event loop does not answer" in done.stderr.splitlines()
    assert "and was force-killed while its event loop did not answer" in done.stderr


def test_the_page_on_health_shows_an_unhealthy_node_and_one_that_is_given_up(peppy: Peppy) -> None:
    def of(instance: str) -> Any:
        instances = peppy.json("node", "info", "walker:v1")["row"]["instances"]
        (found,) = (each for each in instances if each["instance_id"] == instance)
        return found

    ran = 0
    for text in walk("docs/health.md", peppy):
        ran += 1
        if "thinker" in text:
            wait_until(lambda: of("thinker")["health"] == "unhealthy", "poor health")
            wait_until(lambda: of("thinker")["health"] == "healthy", "recovery", 30)
        if "faller" in text:
            wait_until(lambda: of("faller")["restarts"] == 2, "two restarts", 60)
            wait_until(lambda: of("faller")["doing"] is None, "the last start")
            wait_until(lambda: of("faller")["state"] == "failed", "the last fall")
            assert "the left leg slipped" in peppy("node", "info", "walker:v1")
            events = peppy("stack", "events", "--instance", "faller")
            assert events.count("restarting") == 2
            assert events.count("given up") + events.count("given_up") == 1
    assert ran == 4
