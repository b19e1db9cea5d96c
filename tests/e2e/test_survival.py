"""A real daemon that is killed with `kill -9` at any moment: what the next one finds."""

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Peppy, wait_until
from tests.e2e.test_robustness import (
    alive,
    all_gone,
    daemon_pid,
    instances,
    make,
    refused,
    scratch,
)

pytestmark = pytest.mark.e2e

COUNTS = """number = 0
        while True:
            number += 1
            print(f"line {number}", flush=True)
            await asyncio.sleep(0.01)"""


def kill_daemon(peppy: Peppy) -> int:
    """Kill the daemon; return its pid once it is gone."""
    pid = daemon_pid(peppy)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), "the daemon's end")
    return pid


def numbers(peppy: Peppy, instance: str) -> list[int]:
    return [int(n) for n in re.findall(r"\[stdout\] line (\d+)$", peppy.log_of(instance), re.M)]


def nodes(peppy: Peppy) -> dict[str, Any]:
    rows = peppy.json("stack", "list")["nodes"][1:]
    return {f"{row['node']['name']}:{row['node']['tag']}": row for row in rows}


def kinds(peppy: Peppy) -> list[str]:
    lines = peppy("stack", "events", "--json").splitlines()
    return [json.loads(line)["kind"] for line in lines]


def test_instances_live_on_and_their_logs_have_every_line_once(peppy: Peppy) -> None:
    make(peppy, "counter", work=COUNTS)
    peppy("node", "add", "-r", "counter", "-i", "one")
    peppy("node", "run", "counter:v1", "-i", "two")
    before = instances(peppy)
    wait_until(lambda: len(numbers(peppy, "one")) > 20, "some lines")
    first = kill_daemon(peppy)
    time.sleep(1)
    begun = time.monotonic()
    after = instances(peppy)
    assert time.monotonic() - begun < 5
    assert daemon_pid(peppy) != first
    assert {n: (i["pid"], i["state"]) for n, i in after.items()} == {
        n: (i["pid"], "running") for n, i in before.items()
    }
    wait_until(lambda: len(numbers(peppy, "one")) > 200, "more lines")
    for name in ("one", "two"):
        done = peppy.json("node", "stop", name)
        assert (done["forced"], done["ended"]) == (False, "exit code 0")
        lines = numbers(peppy, name)
        assert lines == list(range(1, len(lines) + 1))
    assert kinds(peppy)[-4:] == ["adopted", "adopted", "stopped", "stopped"]
    assert not alive(before["one"]["pid"])


def test_an_end_that_no_daemon_saw_is_told_by_the_next_one(peppy: Peppy) -> None:
    make(peppy, "brief", work="await asyncio.sleep(3)\n        os._exit(7)")
    peppy("node", "add", "-r", "brief", "-i", "one")
    pid = instances(peppy)["one"]["pid"]
    kill_daemon(peppy)
    wait_until(lambda: not alive(pid), "the instance's end")
    time.sleep(0.5)
    found = instances(peppy)["one"]
    assert (found["state"], found["ended"]) == ("failed", "exit code 7")
    peppy("node", "stop", "one")
    assert instances(peppy) == {}


def test_the_end_of_an_adopted_instance_is_noticed_and_its_policy_is_kept(peppy: Peppy) -> None:
    make(peppy, "plain")
    peppy("node", "add", "-b", "plain")
    peppy("node", "run", "plain:v1", "-i", "one", "--restart", "on_failure")
    kill_daemon(peppy)
    pid = instances(peppy)["one"]["pid"]
    os.kill(pid, signal.SIGKILL)
    again = wait_until(
        lambda: (i := instances(peppy)["one"])["state"] == "running" and i["pid"] != pid and i,
        "the restart",
    )
    assert again["restarts"] == 1
    assert {"failed", "restarting"} <= set(kinds(peppy))


def test_a_build_that_dies_with_its_daemon_leaves_the_node_as_added(peppy: Peppy) -> None:
    make(peppy, "slow", build="echo begun; exec sleep 1000")
    build = peppy.start("node", "add", "-b", "slow")
    assert build.stderr is not None
    wait_until(lambda: build.stderr and build.stderr.readline() == "begun\n", "its output")
    os.kill(daemon_pid(peppy), signal.SIGKILL)
    _, err = build.communicate(timeout=10)
    assert build.returncode == 1
    assert "Error: " in err
    assert "Traceback" not in err
    all_gone(peppy)
    assert {name: row["stage"] for name, row in nodes(peppy).items()} == {"slow:v1": "Added"}
    wait_until(lambda: not scratch(peppy), "the end of the workspace")


@pytest.mark.parametrize(
    "moment",
    [0.2, 0.9, *(pytest.param(m, marks=pytest.mark.thorough) for m in (0.05, 0.5, 1.3, 1.8))],
)
def test_an_addition_that_is_killed_at_any_moment_is_whole_or_not_there(
    peppy: Peppy, moment: float
) -> None:
    make(peppy, "one")
    peppy("stack", "list")
    adding = peppy.start("node", "add", "-r", "one", "-i", "first")
    time.sleep(moment)
    os.kill(daemon_pid(peppy), signal.SIGKILL)
    adding.communicate(timeout=30)
    found = nodes(peppy)
    assert set(found) <= {"one:v1"}
    wait_until(lambda: not list((peppy.home / "tmp").iterdir()), "the end of what was half done")
    if found:
        row = found["one:v1"]
        assert Path(row["path"]).exists()
        listed = {each["pid"] for each in row["instances"]}
        assert all(alive(pid) for pid in listed)
        assert row["stage"] == "Ready" or not listed
    peppy("node", "add", "-r", "one", "-i", "again", "--stop-instances")
    assert "running" in {each["state"] for each in instances(peppy).values()}


def test_a_daemon_can_be_renewed_under_a_live_stack(peppy: Peppy) -> None:
    make(peppy, "counter", work=COUNTS)
    peppy("node", "add", "-r", "counter", "-i", "one")
    pid = instances(peppy)["one"]["pid"]
    old = daemon_pid(peppy)
    peppy("service", "restart", "--keep-nodes")
    assert daemon_pid(peppy) != old
    assert instances(peppy)["one"]["pid"] == pid
    peppy("node", "stop", "one")
    lines = numbers(peppy, "one")
    assert lines == list(range(1, len(lines) + 1))


def test_an_orderly_stop_keeps_the_nodes_and_ends_the_instances(peppy: Peppy) -> None:
    make(peppy, "one")
    peppy("node", "add", "-r", "one", "-i", "first")
    pid = instances(peppy)["first"]["pid"]
    peppy("service", "stop")
    assert not alive(pid)
    found = nodes(peppy)
    assert (found["one:v1"]["stage"], found["one:v1"]["instances"]) == ("Ready", [])
    peppy("node", "run", "one:v1", "-i", "second")


@pytest.mark.thorough
def test_a_daemon_that_stands_still_for_a_while_changes_nothing(peppy: Peppy) -> None:
    make(peppy, "counter", work=COUNTS)
    peppy("node", "add", "-r", "counter", "-i", "one")
    before = instances(peppy)["one"]
    pid = daemon_pid(peppy)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(12)
    os.kill(pid, signal.SIGCONT)
    after = instances(peppy)["one"]
    assert (after["pid"], after["state"]) == (before["pid"], "running")
    assert after["health"] != "unhealthy"
    assert kinds(peppy)[-1] == "started"
    peppy("node", "stop", "one")
    lines = numbers(peppy, "one")
    assert lines == list(range(1, len(lines) + 1))


@pytest.mark.alone
def test_a_thousand_signals_are_one_teardown(peppy: Peppy) -> None:
    cleanup = "print('cleaned', flush=True); await asyncio.sleep(1)"
    make(peppy, "tidy", cleanup=cleanup)
    peppy("node", "add", "-r", "tidy", "-i", "one")
    pid = daemon_pid(peppy)
    begun = time.monotonic()
    for number in range(1000):
        os.kill(pid, signal.SIGTERM)
        time.sleep(max(0.0, begun + number / 1000 - time.monotonic()))
    all_gone(peppy)
    assert peppy.log_of("one").count("[stdout] cleaned") == 1
    happened = kinds(peppy)
    assert happened.count("stopped") + happened.count("force_killed") == 1
    assert happened.count("daemon_stopped") == 1


def test_whoever_depends_on_another_node_ends_before_it(peppy: Peppy) -> None:
    said = "print('over', flush=True)"
    news = 'topics: { emits: [{ name: "news", message_format: { text: "string" } }] }'
    hears = 'topics: { consumes: [{ local_node_id: "talker", name: "news" }] }'
    depends = 'depends_on: { nodes: [{ name: "talker", tag: "v1", local_id: "talker" }] }'
    make(peppy, "talker", interfaces=news, cleanup=said)
    make(peppy, "listener", interfaces=hears, manifest=depends, cleanup=said)
    peppy("node", "add", "-r", "talker", "-i", "mouth")
    peppy("node", "add", "-r", "listener", "-i", "ear")
    peppy("service", "stop")

    def when(instance: str) -> str:
        (line,) = (each for each in peppy.log_of(instance).splitlines() if "over" in each)
        return line.partition("]")[0]

    assert when("ear") < when("mouth")


def test_a_journal_of_a_newer_version_stops_the_daemon_with_a_sentence(peppy: Peppy) -> None:
    import sqlite3

    make(peppy, "one")
    peppy("node", "add", "one")
    peppy("service", "stop")
    journal = peppy.home / "journal.sqlite"
    with sqlite3.connect(journal) as database:
        database.execute("PRAGMA user_version = 999")
    before = journal.read_bytes()
    said = refused(peppy.try_("stack", "list"))
    assert "999" in said
    assert journal.read_bytes() == before
    with sqlite3.connect(journal) as database:
        database.execute("PRAGMA user_version = 1")
    assert "one:v1" in nodes(peppy)


def test_a_journal_that_was_cut_is_said_to_be_damaged_and_nothing_strange_is_signalled(
    peppy: Peppy,
) -> None:
    make(peppy, "one")
    peppy("node", "add", "-r", "one", "-i", "first")
    pid = instances(peppy)["first"]["pid"]
    kill_daemon(peppy)
    journal = peppy.home / "journal.sqlite"
    os.truncate(journal, journal.stat().st_size // 2)
    listed = instances(peppy)
    assert "damaged" in (peppy.home / "logs" / "daemon.log").read_text()
    if "first" in listed:
        peppy("node", "stop", "first")
    else:
        wait_until(lambda: not alive(pid), "the end of what nobody knows", 30)


def test_a_node_that_no_daemon_looks_after_ends_itself_after_its_time(peppy: Peppy) -> None:
    settings = peppy.home / "conf" / "peppy_config.json5"
    settings.parent.mkdir(parents=True)
    settings.write_text("{ lifecycle: { daemon_grace_secs: 30 } }")
    make(peppy, "tidy", cleanup="print('cleaned', flush=True)")
    peppy("node", "add", "-r", "tidy", "-i", "one")
    pid = instances(peppy)["one"]["pid"]
    kill_daemon(peppy)
    begun = time.monotonic()
    wait_until(lambda: not alive(pid), "the end by its own watchdog", 50)
    assert time.monotonic() - begun > 20
    assert "[stdout] cleaned" in peppy.log_of("one")
    found = instances(peppy)["one"]
    assert (found["state"], found["ended"]) == ("finished", "exit code 0")
