"""`stack launch`, `lock`, `down` and `restart` against a daemon that answers as it is told."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from peppy.cli.launch_options import launcher
from peppy.cli.run import run
from peppy.schema.errors import PeppyError, Problem
from peppy.schema.frames import Note, Refusal
from peppy.schema.launch import (
    ClearStack,
    Launch,
    LockLaunch,
    NodeProgress,
    PlanLaunch,
    RestartStack,
)
from peppy.schema.requests import Request
from tests.cli.fake_daemon import FakeDaemon, Script
from tests.cli.sample_launches import (
    BRAIN,
    CAMERA,
    DOWN,
    LAUNCHED,
    LOCKED,
    PLAN,
    RESTARTED,
    printed,
    told,
)

Start = Callable[[Script], FakeDaemon]

CONSENT = Refusal(
    kind="needs_consent",
    sentence="3 instances run",
    hint="use '--yes'",
    needs="clear_stack",
)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a daemon that follows a script, in a home of its own."""
    monkeypatch.setenv("PEPPY_HOME", str(tmp_path / "home"))
    daemons: list[FakeDaemon] = []

    def begin(script: Script) -> FakeDaemon:
        daemon = FakeDaemon(tmp_path / "home", script).__enter__()
        daemons.append(daemon)
        return daemon

    yield begin
    for daemon in daemons:
        daemon.__exit__(None, None, None)


@pytest.fixture
def robot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a launch file in it, in which the command is typed."""
    directory = tmp_path / "robot"
    directory.mkdir()
    (directory / "peppy_launcher.json5").write_text("{}")
    (directory / "plain").write_text("{}")
    monkeypatch.chdir(directory)
    return directory


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (".", "peppy_launcher.json5"),
        ("../robot", "peppy_launcher.json5"),
        ("peppy_launcher.json5", "peppy_launcher.json5"),
        ("./peppy_launcher.json5", "peppy_launcher.json5"),
        ("plain", "plain"),
    ],
)
def test_a_path_is_made_absolute_and_a_directory_means_its_launch_file(
    robot: Path, typed: str, meant: str
) -> None:
    assert launcher(typed) == str(robot / meant)


@pytest.mark.usefixtures("robot")
@pytest.mark.parametrize("typed", ["robot", "fleet_of-two", "plane"])
def test_what_has_no_slash_no_suffix_and_no_file_is_the_name_of_one_in_a_repository(
    typed: str,
) -> None:
    assert launcher(typed) == typed


@pytest.mark.usefixtures("robot")
@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("pepy_launcher.json5", "did you mean 'peppy_launcher.json5'?"),
        ("./nothing", "name a launch file"),
        ("absent/x.json5", "name a launch file"),
        ("..", "name a launch file"),
    ],
)
def test_a_path_where_no_launch_file_is_is_refused_before_a_daemon_is_asked(
    typed: str, hint: str
) -> None:
    with pytest.raises(PeppyError, match="there is no launch file") as caught:
        launcher(typed)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(hint)


def test_every_option_of_a_launch_reaches_the_daemon(start: Start, robot: Path) -> None:
    daemon = start(lambda _: [LAUNCHED])
    words = [
        "--yes",
        "--no-rollback",
        "--frozen",
        "--offline",
        "--rebuild",
        "--lock-file",
        "x.json5",
    ]
    limits = [
        "--node-add-idle-timeout-secs",
        "1",
        "--node-build-idle-timeout-secs",
        "2",
        "--node-run-idle-timeout-secs",
        "3",
        "--max-timeout-secs",
        "4",
    ]
    assert run(["stack", "launch", ".", *words, *limits]) == 0
    (request,) = daemon.requests
    assert isinstance(request, Launch)
    assert request.environment["PEPPY_HOME"]
    assert request == Launch(
        token=request.token,
        launcher=str(robot / "peppy_launcher.json5"),
        environment=request.environment,
        frozen=True,
        offline=True,
        lock_file=str(robot / "x.json5"),
        rebuild=True,
        rollback=False,
        clear_stack=True,
        add_idle_timeout=1.0,
        build_idle_timeout=2.0,
        run_idle_timeout=3.0,
        max_timeout=4.0,
    )


def test_a_lock_is_compared_or_taken_as_it_is(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = start(lambda _: [LAUNCHED])
    assert run(["stack", "launch", "robot", "--locked"]) == 0
    (request,) = daemon.requests
    assert isinstance(request, Launch)
    assert request.locked
    assert run(["stack", "launch", "robot", "--locked", "--frozen"]) == 2
    assert "do not go together" in capsys.readouterr().err


def test_a_launch_without_options_is_careful(start: Start) -> None:
    daemon = start(lambda _: [LAUNCHED])
    assert run(["stack", "launch", "robot"]) == 0
    (request,) = daemon.requests
    assert isinstance(request, Launch)
    assert request == Launch(launcher="robot", environment=request.environment, token=request.token)


@pytest.mark.parametrize("option", ["--max-timeout-secs", "--node-build-idle-timeout-secs"])
def test_a_time_out_that_is_none_is_a_usage_error(
    start: Start, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = start(lambda _: [LAUNCHED])
    assert run(["stack", "launch", "robot", option, "0"]) == 2
    assert f"'{option}' takes a positive number" in capsys.readouterr().err
    assert daemon.requests == []


def test_a_launch_ends_with_what_runs_and_where_it_logs(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start(lambda _: [LAUNCHED])
    assert run(["stack", "launch", "robot"]) == 0
    out, err = capsys.readouterr()
    assert out == (
        "Log file: /logs/launch/launch_1.log\n"
        "┌───────────┬──────────┬──────┬─────────────────┐\n"
        "│ NODE      │ INSTANCE │ PID  │ LOG             │\n"
        "├───────────┼──────────┼──────┼─────────────────┤\n"
        "│ camera:v1 │ front    │ 4711 │ /logs/front.log │\n"
        "│ brain:v1  │ mind     │ 4712 │ /logs/mind.log  │\n"
        "└───────────┴──────────┴──────┴─────────────────┘\n"
        "Applied the launch configuration of /robot/peppy_launcher.json5 in 12.3 s:"
        " 2 nodes, 2 instances, 1 built\n"
    )
    assert err == "Warning: a variant's manifest is ignored\n"


def test_a_pipe_gets_a_line_for_each_state_and_none_of_what_builds_print(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(_request: Request[Any]) -> Iterator[object]:
        yield told("./camera", NodeProgress.RESOLVING)
        yield Note(stream="step", text="Checked 2 nodes")
        yield told(CAMERA, NodeProgress.BUILDING)
        yield printed(CAMERA, "Resolved 3 packages")
        yield told(CAMERA, NodeProgress.BUILDING, "still")
        yield told(CAMERA, NodeProgress.STARTING, "starting \x1b[31m'front'")
        yield told(CAMERA, NodeProgress.STARTING, "starting 'rear'")
        yield told(CAMERA, NodeProgress.RUNNING, "'rear' runs")
        yield told(CAMERA, NodeProgress.FAILED, "'front' did not start")
        yield told(CAMERA, NodeProgress.STARTING)
        yield LAUNCHED

    start(script)
    assert run(["stack", "launch", "robot"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "./camera: resolving",
        "Checked 2 nodes",
        "camera:v1: building",
        "camera:v1: starting 'front'",
        "camera:v1: starting 'rear'",
        "camera:v1: 'rear' runs",
        "camera:v1: failed: 'front' did not start",
        "camera:v1: starting",
        "Warning: a variant's manifest is ignored",
    ]


def test_a_launch_in_json_is_one_document_and_its_progress_stays_on_stderr(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start(lambda _: [told(CAMERA, NodeProgress.RUNNING), LAUNCHED])
    assert run(["stack", "launch", "robot", "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert [each["instance_id"] for each in document["started"]] == ["front", "mind"]
    assert "camera:v1: running" in err


def test_a_dry_run_shows_the_whole_plan_and_launches_nothing(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = start(lambda _: [PLAN])
    assert run(["stack", "launch", "robot", "--dry-run", "--locked", "--rebuild"]) == 0
    (request,) = daemon.requests
    assert isinstance(request, PlanLaunch)
    assert (request.locked, request.offline, request.rebuild) == (True, False, True)
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "The launch of /robot/peppy_launcher.json5 would",
        "stop: old_two, old_one",
        "remove: old:v1",
        "start, wave by wave:",
        "┌──────┬───────────┬─────────┬────────────┬───────────────────────────────────────────┐",
        "│ WAVE │ NODE      │ VARIANT │ ARTIFACT   │ ORIGIN                                    │",
        "├──────┼───────────┼─────────┼────────────┼───────────────────────────────────────────┤",
        "│ 0    │ camera:v1 │ mock    │ reused     │ /robot/camera                             │",
        "│ 1    │ brain:v1  │ default │ built anew │ https://example.com/hub.git/brain@0123abc │",
        "└──────┴───────────┴─────────┴────────────┴───────────────────────────────────────────┘",
        "Instances",
        "- front (camera:v1) [restart: on_failure]:"
        ' video.rate=30 video.size=[1,2] device="/dev/video0"',
        "- (a made-up id) (camera:v1)",
        "- mind (brain:v1): limits={}",
        "Dependencies",
        "brain:v1 -> camera:v1",
    ]
    assert err == "Warning: a variant's manifest is ignored\n"


def test_a_launch_that_would_stop_something_is_refused_where_nobody_can_be_asked(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = start(lambda _: [CONSENT])
    assert run(["stack", "launch", "robot"]) == 1
    assert capsys.readouterr().err == "Error: 3 instances run\n  use '--yes'\n"
    assert len(daemon.requests) == 1


def test_problems_of_a_launch_file_are_shown_one_by_one(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    problems = (
        Problem(line=3, column=5, path="deployments[0].source", what="it is missing"),
        Problem(line=9, column=7, path="deployments[1].instances", what="it is empty"),
    )
    refusal = Refusal(
        kind="document", sentence="2 problems", problems=problems, source="/r/robot.json5"
    )
    start(lambda _: [refusal])
    assert run(["stack", "launch", "robot"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "Error: 2 problems in /r/robot.json5",
        "  3:5 deployments[0].source     it is missing",
        "  9:7 deployments[1].instances  it is empty",
    ]


def test_a_lock_says_what_has_changed_and_where_it_is(
    start: Start, robot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = start(lambda _: [told(BRAIN, NodeProgress.RESOLVING), LOCKED])
    assert run(["stack", "lock", ".", "--offline", "--lock-file", "l.json5"]) == 0
    assert capsys.readouterr() == (
        "brain:v1: commit 0123abc is now 4567def\n"
        "Locked 2 nodes in /robot/peppy_launcher.lock.json5\n",
        "brain:v1: resolving\n",
    )
    (request,) = daemon.requests
    assert isinstance(request, LockLaunch)
    assert (request.launcher, request.lock_file, request.offline) == (
        str(robot / "peppy_launcher.json5"),
        str(robot / "l.json5"),
        True,
    )


@pytest.mark.parametrize(
    ("words", "keep", "consent"),
    [([], False, False), (["--keep-nodes"], True, False), (["-y"], False, True)],
)
def test_taking_the_stack_down_says_what_ended_in_which_order(
    start: Start, words: list[str], keep: bool, consent: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = start(lambda _: [DOWN])
    assert run(["stack", "down", *words]) == 0
    assert daemon.requests[-1] == ClearStack(keep_nodes=keep, clear_stack=consent)
    assert capsys.readouterr() == (
        "Stopped node instance 'mind'\n"
        "Stopped node instance 'front'\n"
        "Removed node brain:v1 from the node stack\n"
        "Removed node camera:v1 from the node stack\n"
        "Took the stack down: 2 instances stopped, 2 nodes removed\n",
        "Taking the stack down...\n",
    )


def test_a_restart_shows_what_runs_again(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    daemon = start(lambda _: [RESTARTED])
    assert run(["stack", "restart", "--yes"]) == 0
    assert daemon.requests == [RestartStack(clear_stack=True)]
    out = capsys.readouterr().out
    assert "│ brain:v1  │ mind     │ 4712 │ /logs/mind.log  │" in out
    assert out.endswith("Restarted 2 instances in 2.0 s\n")


@pytest.mark.parametrize("verb", ["down", "restart"])
def test_without_a_person_a_stack_that_runs_is_left_alone(
    start: Start, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    start(lambda _: [CONSENT])
    assert run(["stack", verb]) == 1
    assert "use '--yes'" in capsys.readouterr().err
