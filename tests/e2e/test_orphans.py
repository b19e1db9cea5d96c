"""No process of an instance survives its end, whoever ends it and whatever it has started."""

import os
import signal
from pathlib import Path

import pytest

from tests.e2e.harness import Peppy, wait_until
from tests.e2e.orphanage import LEFT, crash_sign, left, make_leaver

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

RUN = ("node", "run", "leaver:v1", "-i", "one")


@pytest.fixture
def source(peppy: Peppy) -> Path:
    """The node that leaves processes behind, built."""
    directory = make_leaver(peppy)
    peppy("node", "add", "-sb", ".", cwd=directory)
    return directory


def run(peppy: Peppy) -> None:
    peppy(*RUN)
    wait_until(lambda: len(left(peppy)) == LEFT, "all that the node leaves behind")


def daemon_pid(peppy: Peppy) -> int:
    pid: int = peppy.json("info")["pid"]
    return pid


@pytest.mark.usefixtures("source")
def test_nothing_is_left_once_stop_has_returned(peppy: Peppy) -> None:
    run(peppy)
    peppy("node", "stop", "one")
    assert left(peppy) == []


@pytest.mark.usefixtures("source")
def test_nothing_is_left_once_remove_has_returned(peppy: Peppy) -> None:
    run(peppy)
    peppy("node", "remove", "leaver:v1", "--stop-instances")
    assert left(peppy) == []


def test_nothing_is_left_once_the_node_has_been_replaced(peppy: Peppy, source: Path) -> None:
    run(peppy)
    peppy("node", "add", ".", "--stop-instances", cwd=source)
    assert left(peppy) == []


@pytest.mark.usefixtures("source")
def test_nothing_is_left_when_the_daemon_is_told_to_end(peppy: Peppy) -> None:
    run(peppy)
    os.kill(daemon_pid(peppy), signal.SIGTERM)
    wait_until(lambda: not peppy.processes(), "the end of the daemon", 30)
    assert left(peppy) == []


@pytest.mark.usefixtures("source")
def test_the_next_daemon_ends_what_a_killed_one_had_started(peppy: Peppy) -> None:
    run(peppy)
    before = sorted(left(peppy))
    os.kill(daemon_pid(peppy), signal.SIGKILL)
    peppy("stack", "list")
    assert sorted(left(peppy)) == before
    peppy("node", "stop", "one")
    assert left(peppy) == []


@pytest.mark.usefixtures("source")
def test_nothing_is_left_when_the_program_crashes(peppy: Peppy) -> None:
    run(peppy)
    crash_sign(peppy).touch()
    wait_until(lambda: not left(peppy), "the end of what it had left", 20)


@pytest.mark.usefixtures("source")
def test_nothing_is_left_when_the_program_is_killed(peppy: Peppy) -> None:
    run(peppy)
    rows = peppy.json("stack", "list")["nodes"]
    (pid,) = (i["pid"] for row in rows if row["stage"] != "Root" for i in row["instances"])
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not left(peppy), "the end of what it had left", 20)
