"""What has happened, told by a real daemon, and what its journal goes through."""

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from peppy.schema.events import Event, EventKind
from tests.e2e.harness import Peppy, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

DOCUMENT = """{
    peppy_schema: "node_v1",
    manifest: { name: "lamp", tag: "v1" },
    execution: { language: "python", build_cmd: ["true"], run_cmd: ["sh", "-c", "exit 3"] },
}"""


def add_lamp(peppy: Peppy) -> None:
    """Add and build a node whose instances end before they run."""
    directory = peppy.work / "lamp"
    directory.mkdir()
    (directory / "peppy.json5").write_text(DOCUMENT)
    peppy("node", "add", "-sb", str(directory))


def events(peppy: Peppy, *words: str) -> list[Event]:
    lines = peppy("stack", "events", "--json", *words).splitlines()
    return [msgspec.json.decode(line, type=Event) for line in lines]


def daemon_pid(peppy: Peppy) -> int:
    pid: int = peppy.json("service", "status")["pid"]
    return pid


def kill_daemon(peppy: Peppy) -> None:
    pid = daemon_pid(peppy)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the daemon's end")


def test_a_follower_hears_what_comes_until_ctrl_c(peppy: Peppy) -> None:
    add_lamp(peppy)
    follower = peppy.start("stack", "events", "-f", "--json", "-n", "1")
    assert follower.stdout is not None
    first = msgspec.json.decode(follower.stdout.readline(), type=Event)
    assert first.kind is EventKind.NODE_BUILT
    assert peppy.try_("node", "run", "lamp:v1", "-i", "hall").returncode == 1
    failed = msgspec.json.decode(follower.stdout.readline(), type=Event)
    assert (failed.number, failed.kind) == (first.number + 1, EventKind.START_FAILED)
    assert failed.instance_id == "hall"
    follower.send_signal(signal.SIGINT)
    out, err = follower.communicate(timeout=20)
    assert (follower.returncode, out, err) == (130, "", "")
    assert events(peppy, "--instance", "hall") == [failed]
    assert " hall: " in (peppy.home / "stack_log.log").read_text().splitlines()[-1]


def test_the_log_of_a_daemon_that_was_killed_goes_on_in_the_next(peppy: Peppy) -> None:
    add_lamp(peppy)
    before = events(peppy)
    kill_daemon(peppy)
    after = events(peppy)
    assert after[: len(before)] == before
    assert [event.number for event in after] == list(range(1, len(after) + 1))
    assert after[-1].kind is EventKind.DAEMON_STARTED
    assert events(peppy, "--since", str(after[-1].at)) == after[-1:]


def test_a_daemon_starts_with_what_can_be_read_of_a_damaged_journal(peppy: Peppy) -> None:
    add_lamp(peppy)
    kill_daemon(peppy)
    journal = peppy.home / "journal.sqlite"
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-10])
    told = events(peppy)
    (warning,) = (event for event in told if event.kind is EventKind.WARNING)
    (aside,) = peppy.home.glob("journal.sqlite.damaged-*")
    assert aside.read_bytes() == whole[:-10]
    assert str(aside) in warning.text
    assert warning.text in (peppy.home / "logs" / "daemon.log").read_text()
    assert peppy.json("stack", "list")["nodes"][1]["node"]["name"] == "lamp"


def test_a_journal_of_a_newer_version_is_refused_and_left_alone(peppy: Peppy) -> None:
    add_lamp(peppy)
    peppy("service", "stop")
    journal = peppy.home / "journal.sqlite"
    with closing(sqlite3.connect(journal)) as connection:
        connection.execute("PRAGMA user_version = 2")
    newer = journal.read_bytes()
    refused = peppy.try_("stack", "events")
    assert refused.returncode == 1
    assert "has version 2, this peppy reads version 1" in refused.stderr
    assert "install the peppy that wrote it" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert journal.read_bytes() == newer
    assert not list(peppy.home.glob("journal.sqlite.*"))
