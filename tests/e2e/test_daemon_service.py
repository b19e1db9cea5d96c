"""Which daemon a home has, how it is configured, and what becomes of a stack when it is renewed."""

import json
import re
import select
import signal
from pathlib import Path
from typing import IO

import pytest

from tests.e2e.harness import Peppy, wait_until
from tests.e2e.test_robustness import instances, make, refused

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

RACERS = 20


def config(peppy: Peppy) -> Path:
    return peppy.home / "conf" / "peppy_config.json5"


def configure(peppy: Peppy, text: str) -> Path:
    path = config(peppy)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# One home, one daemon.


def test_twenty_commands_on_an_empty_home_meet_one_daemon(peppy: Peppy) -> None:
    commands = [peppy.start("stack", "list") for _ in range(RACERS)]
    ended = [command.communicate(timeout=120) for command in commands]
    assert [command.returncode for command in commands] == [0] * RACERS, ended
    assert len({out for out, _ in ended}) == 1
    (started,) = [err for _, err in ended if err]
    pid = peppy.json("info")["pid"]
    assert started == f"Started the peppy daemon (pid {pid})\n"
    log = (peppy.home / "logs" / "daemon.log").read_text()
    assert log.count("ready") == 1
    assert "already running" not in log


def test_of_twenty_daemons_one_wins_and_the_others_name_it(peppy: Peppy) -> None:
    daemons = [peppy.start("service", "serve") for _ in range(RACERS)]
    wait_until(lambda: sum(daemon.poll() is None for daemon in daemons) == 1, "one winner", 120)
    (winner,) = [daemon for daemon in daemons if daemon.poll() is None]
    for loser in daemons:
        if loser is not winner:
            _, err = loser.communicate()
            assert loser.returncode == 1
            assert err == f"Error: the daemon with pid {winner.pid} is already running for" + (
                f" '{peppy.home}'\n"
            )
    assert wait_until(lambda: peppy.json("service", "status")["pid"], "its answer") == winner.pid
    winner.send_signal(signal.SIGTERM)
    _, err = winner.communicate(timeout=30)
    assert winner.returncode == 0
    assert re.match(rf"peppy daemon ready \(pid {winner.pid}, ", err)


def test_a_command_waits_for_a_daemon_that_is_just_starting(peppy: Peppy) -> None:
    daemon = peppy.start("service", "serve")
    wait_until((peppy.home / "daemon.lock").exists, "its lock")
    done = peppy.try_("info", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["pid"] == daemon.pid
    assert done.stderr == ""
    peppy("service", "stop")
    daemon.communicate(timeout=30)


# Its settings.


def test_the_first_start_writes_the_settings_and_the_next_reads_them(peppy: Peppy) -> None:
    peppy("info")
    fresh = config(peppy).read_text()
    assert "shutdown_grace_secs: 5," in fresh
    state = json.loads((peppy.home / "daemon_state.json").read_text())
    assert state["stop_answer_secs"] == 14.0
    configure(peppy, "{ lifecycle: { shutdown_grace_secs: 20 /* mine */, shutdown_grace: 1 } }")
    peppy("service", "restart")
    state = json.loads((peppy.home / "daemon_state.json").read_text())
    assert state["stop_answer_secs"] == 29.0
    assert "shutdown_grace_secs: 20 /* mine */," in config(peppy).read_text()
    assert "daemon_grace_secs: 180," in config(peppy).read_text()
    assert (
        f"{config(peppy)}:1:52: lifecycle.shutdown_grace: 'shutdown_grace' is not known here;"
        " did you mean 'shutdown_grace_secs'?"
    ) in peppy("service", "logs")


def test_settings_with_problems_keep_the_daemon_from_starting(peppy: Peppy) -> None:
    text = '{\n  mode: "bus",\n  lifecycle: { daemon_grace_secs: 5 },\n}\n'
    path = configure(peppy, text)
    sentence = f"2 problems in {path}"
    for words in (("service", "serve"), ("stack", "list")):
        said = refused(peppy.try_(*words))
        assert sentence in said
        assert "2:9  mode" in said
        assert "3:35 lifecycle.daemon_grace_secs  must be at least 30, not '5'" in said
    assert path.read_text() == text


# Renewing it.


def test_instances_live_through_restarts_that_keep_them(peppy: Peppy) -> None:
    make(peppy, "node", parameters='name: "string"')
    peppy("node", "add", "-r", "node", "-i", "one", "name=ada")
    before, pid = instances(peppy)["one"], peppy.json("info")["pid"]
    for _ in range(3):
        done = peppy.try_("service", "restart", "--keep-nodes")
        assert done.returncode == 0, done.stderr
        renewed = peppy.json("info")["pid"]
        assert renewed != pid
        assert done.stdout == (
            f"Node instance 'one' lives on\nRestarted the peppy daemon (pid {renewed})\n"
        )
        assert "Warning" not in done.stderr
        assert instances(peppy)["one"]["pid"] == before["pid"]
        pid = renewed
    peppy("node", "stop", "one")
    assert instances(peppy) == {}


def test_a_restart_without_keeping_stops_the_instances_in_order(peppy: Peppy) -> None:
    make(peppy, "node", cleanup="print('cleaned', flush=True)")
    peppy("node", "add", "-r", "node", "-i", "one")
    done = peppy.try_("service", "restart")
    assert done.returncode == 0, done.stderr
    assert "Stopped node instance 'one'" in done.stderr
    assert "[stdout] cleaned" in peppy.log_of("one")


# Its log.


def test_the_log_is_shown_and_followed_until_ctrl_c(peppy: Peppy) -> None:
    pid = peppy.json("info")["pid"]
    assert f"peppy daemon ready (pid {pid}, " in peppy("service", "logs", "-n", "1")
    following = peppy.start("service", "logs", "-n", "0", "-f", "--json")
    log = peppy.home / "logs" / "daemon.log"
    assert following.stdout is not None
    with log.open("a") as file:
        # What is written before it has begun belongs to the past, which it was not asked for.
        while following.poll() is None and not _readable(following.stdout):
            file.write("hello\n")
            file.flush()
    assert json.loads(following.stdout.readline()) == {"line": "hello"}
    following.send_signal(signal.SIGINT)
    _, err = following.communicate(timeout=10)
    assert (following.returncode, err) == (130, "")


def _readable(stream: IO[str]) -> bool:
    return bool(select.select([stream], [], [], 0.2)[0])


def test_a_daemon_of_a_service_manager_prints_into_the_log(peppy: Peppy) -> None:
    daemon = peppy.start("service", "serve", "--to-log")
    wait_until(lambda: peppy.try_("service", "status").returncode == 0, "the daemon")
    assert f"peppy daemon ready (pid {daemon.pid}, " in peppy("service", "logs")
    daemon.send_signal(signal.SIGTERM)
    assert daemon.communicate(timeout=30) == ("", "")
    assert daemon.returncode == 0
