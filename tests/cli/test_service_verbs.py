"""The verbs that manage the daemon, against one that does as it is told and a small systemctl."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from peppy.cli.run import run
from peppy.cli.service_units import MARK
from peppy.schema.control import (
    DaemonView,
    DescribeDaemon,
    InstanceState,
    ListStack,
    ServiceStopView,
    StackView,
    StopDaemon,
)
from peppy.schema.frames import Refusal
from peppy.schema.names import InstanceId
from peppy.schema.requests import Request
from tests.cli.fake_daemon import FakeDaemon
from tests.cli.sample_views import CORE_ROW, DAEMON, STACK, instance, row

LEFT, RIGHT = InstanceId("left"), InstanceId("right")

SYSTEMCTL = """#!/bin/sh
echo "$*" >> "{calls}"
case "$*" in *MainPID*) echo {pid} ;; esac
{then}
"""


class Place:
    """A user's directories: a home of peppy, settings, and programs on the PATH."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.unit = root / "config" / "systemd" / "user" / "peppy.service"
        self.programs = root / "bin"
        self._calls = root / "calls"

    def systemctl(self, *, pid: int = 0, then: str = "exit 0") -> None:
        """Put a systemctl on the PATH which notes what it is told."""
        script = self.programs / "systemctl"
        script.write_text(SYSTEMCTL.format(calls=self._calls, pid=pid, then=then))
        script.chmod(0o755)

    @property
    def told(self) -> list[str]:
        return self._calls.read_text().splitlines() if self._calls.exists() else []


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    place = Place(tmp_path)
    for directory in (place.home, place.programs):
        directory.mkdir()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PEPPY_HOME", str(place.home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PATH", str(place.programs))
    return place


@pytest.fixture
def ended() -> int:
    """The id of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


class OneAfterAnother:
    """A daemon that is stopped, and the one that answers at its place from then on."""

    def __init__(self, first: int, *, kept: tuple[InstanceId, ...] = ()) -> None:
        self.daemon = msgspec.structs.replace(DAEMON, pid=first)
        self.stack = STACK
        self._kept = kept

    def __call__(self, request: Request[Any]) -> Iterator[object]:
        match request:
            case StopDaemon(keep_nodes=keep_nodes):
                kept = self._kept if keep_nodes else ()
                stopped = () if keep_nodes else self._kept
                before = self.daemon.pid
                # Before the answer: whoever has that may ask the next one at once.
                self.daemon = msgspec.structs.replace(DAEMON, pid=before + 1)
                yield ServiceStopView(pid=before, instances=stopped, kept=kept)
            case DescribeDaemon():
                yield self.daemon
            case ListStack():
                yield self.stack
            case _:
                raise AssertionError(request)


def stack_of(*states: tuple[str, InstanceState]) -> StackView:
    instances = (instance(name, state) for name, state in states)
    return msgspec.structs.replace(STACK, nodes=(CORE_ROW, row(*instances)))


# install, uninstall, status


def test_install_prints_the_file_and_touches_nothing(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.systemctl()
    assert run(["service", "install", "--print"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"# {MARK}\n[Unit]\n")
    assert f"Environment=PEPPY_HOME={place.home}" in out
    assert err == ""
    assert (place.unit.exists(), place.told) == (False, [])
    assert run(["service", "install", "--print", "--system"]) == 0
    assert "WantedBy=multi-user.target" in capsys.readouterr().out


def test_install_writes_the_file_and_has_systemd_start_it(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.systemctl()
    assert run(["service", "install"]) == 0
    assert capsys.readouterr() == (
        f"Wrote {place.unit}\nsystemd runs the peppy daemon now\n", ""
    )  # fmt: skip
    assert MARK in place.unit.read_text()
    assert place.told == ["--user daemon-reload", "--user enable --now peppy.service"]
    assert run(["service", "install"]) == 0


def test_install_leaves_a_daemon_that_runs_alone_and_says_how_to_hand_it_over(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.systemctl()
    with FakeDaemon(place.home, lambda _: [DAEMON]):
        assert run(["service", "install", "--json"]) == 0
    assert place.told == ["--user daemon-reload", "--user enable peppy.service"]
    assert json.loads(capsys.readouterr().out) == {
        "path": str(place.unit),
        "active": True,
        "todo": ["peppy service stop --keep-nodes", "systemctl --user start peppy.service"],
    }


@pytest.mark.parametrize("there", [True, False])
def test_without_a_systemd_that_answers_the_file_is_written_and_the_rest_is_said(
    place: Place, capsys: pytest.CaptureFixture[str], there: bool
) -> None:
    if there:
        place.systemctl(then="echo 'Failed to connect to bus' >&2; exit 1")
    assert run(["service", "install"]) == 0
    out, err = capsys.readouterr()
    assert out == f"Wrote {place.unit}\n"
    why = "'systemctl --user daemon-reload' says: Failed to connect to bus"
    assert (why if there else "there is no 'systemctl' on this machine") in err
    assert "systemctl --user daemon-reload && systemctl --user enable --now peppy.service" in err
    assert place.unit.exists()


def test_a_file_of_somebody_else_is_neither_replaced_nor_removed(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.systemctl()
    place.unit.parent.mkdir(parents=True)
    place.unit.write_text("[Service]\n")
    for verb in ("install", "uninstall"):
        assert run(["service", verb]) == 1
        assert f"'{place.unit}' was not written by" in capsys.readouterr().err
    assert place.unit.read_text() == "[Service]\n"
    assert place.told == []


def test_uninstall_removes_the_file_and_stops_nothing(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.systemctl()
    assert run(["service", "install"]) == 0
    capsys.readouterr()
    assert run(["service", "uninstall"]) == 0
    assert capsys.readouterr() == (f"Removed {place.unit}\n", "")
    assert not place.unit.exists()
    assert place.told[2:] == ["--user disable peppy.service", "--user daemon-reload"]
    assert run(["service", "uninstall", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"path": str(place.unit), "removed": False}


def test_status_says_whether_a_service_manager_knows_the_daemon(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeDaemon(place.home, lambda _: [DAEMON]):
        assert run(["service", "status"]) == 0
        assert capsys.readouterr().out.endswith("Service file: none\n")
        place.systemctl()
        run(["service", "install"])
        capsys.readouterr()
        assert run(["service", "status", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["unit"] == str(place.unit)
    assert msgspec.convert(document, DaemonView) == DAEMON


def test_status_of_a_service_that_does_not_run_says_who_starts_it(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.systemctl()
    run(["service", "install"])
    assert run(["service", "status"]) == 1
    assert "systemd starts one with 'systemctl --user start" in capsys.readouterr().err


# stop, restart


def test_stop_can_let_the_instances_live_on(
    place: Place, ended: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeDaemon(place.home, OneAfterAnother(ended, kept=(LEFT,))) as daemon:
        assert run(["service", "stop", "--keep-nodes"]) == 0
    assert StopDaemon(keep_nodes=True) in daemon.requests
    assert capsys.readouterr() == (
        f"Stopped the peppy daemon (pid {ended})\n", "Node instance 'left' lives on\n"
    )  # fmt: skip


def test_stop_says_what_it_has_stopped(
    place: Place, ended: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeDaemon(place.home, OneAfterAnother(ended, kept=(LEFT,))) as daemon:
        assert run(["service", "stop"]) == 0
    assert StopDaemon() in daemon.requests
    assert capsys.readouterr().err == "Stopped node instance 'left'\n"


def test_a_daemon_that_cannot_show_its_stack_is_stopped_all_the_same(
    place: Place, ended: int
) -> None:
    def script(request: Request[Any]) -> Iterator[object]:
        if isinstance(request, StopDaemon):
            yield ServiceStopView(pid=ended, instances=())
        else:
            yield Refusal(kind="going_down", sentence="the daemon is going down")

    with FakeDaemon(place.home, script):
        assert run(["service", "stop"]) == 0


def test_restart_says_which_instances_have_lived_through_it(
    place: Place, ended: int, capsys: pytest.CaptureFixture[str]
) -> None:
    script = OneAfterAnother(ended, kept=(LEFT, RIGHT))
    script.stack = stack_of(("left", InstanceState.RUNNING), ("right", InstanceState.FAILED))
    with FakeDaemon(place.home, script) as daemon:
        assert run(["service", "restart", "--keep-nodes"]) == 0
    assert StopDaemon(keep_nodes=True) in daemon.requests
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "Node instance 'left' lives on",
        f"Restarted the peppy daemon (pid {ended + 1})",
    ]
    assert err.startswith("Warning: instance 'right' has not lived through it")


def test_restart_without_keeping_stops_the_instances(
    place: Place, ended: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeDaemon(place.home, OneAfterAnother(ended, kept=(LEFT,))):
        assert run(["service", "restart", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "before": ended,
        "pid": ended + 1,
        "kept": [],
        "lost": [],
        "stopped": ["left"],
    }


def test_a_daemon_that_systemd_runs_is_started_again_by_systemd(place: Place, ended: int) -> None:
    place.systemctl(pid=ended)
    run(["service", "install"])
    with FakeDaemon(place.home, OneAfterAnother(ended)):
        assert run(["service", "restart"]) == 0
    assert place.told[2:] == [
        "--user show --property=MainPID --value peppy.service",
        "--user start peppy.service",
    ]


def test_a_daemon_that_systemd_does_not_run_is_not_handed_to_it(place: Place, ended: int) -> None:
    place.systemctl(pid=0)
    run(["service", "install"])
    with FakeDaemon(place.home, OneAfterAnother(ended)):
        assert run(["service", "restart"]) == 0
    assert place.told[2:] == ["--user show --property=MainPID --value peppy.service"]


def test_a_restart_that_changes_nothing_is_a_failure(
    place: Place, ended: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(request: Request[Any]) -> Iterator[object]:
        yield from OneAfterAnother(ended)(request)

    with FakeDaemon(place.home, script):
        assert run(["service", "restart"]) == 1
    assert f"the daemon with pid {ended} answers still" in capsys.readouterr().err


# logs


def write_log(home: Path, text: str) -> None:
    (home / "logs").mkdir()
    (home / "logs" / "daemon.log").write_bytes(text.encode())


def test_logs_are_plain_lines(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    write_log(place.home, "one\n\x1b[31mtwo\x1b[0m\nthree\n")
    assert run(["service", "logs", "-n", "2"]) == 0
    assert capsys.readouterr().out == "two\nthree\n"


def test_logs_as_json_are_one_object_a_line(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    write_log(place.home, 'say "hi"\n\xff\n')
    assert run(["service", "logs", "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [{"line": 'say "hi"'}, {"line": "\xff"}]


def test_logs_that_are_not_there_are_a_failure(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["service", "logs"]) == 1
    assert f"there is no log at '{place.home}/logs/daemon.log' yet" in capsys.readouterr().err
    assert run(["service", "logs", "-n", "-1"]) == 2
