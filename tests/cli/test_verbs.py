"""Each verb against a daemon that answers as it is told."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from peppy.cli.drawing.node_info import node_info
from peppy.cli.drawing.stack import dot_graph, stack
from peppy.cli.run import run
from peppy.schema.control import (
    AddNode,
    BuildNode,
    DescribeNode,
    InitNode,
    InitView,
    ListStack,
    RemoveNode,
    RemoveView,
    RunNode,
    StopInstance,
    StopView,
    SyncNode,
    SyncView,
)
from peppy.schema.errors import Problem
from peppy.schema.frames import Note, Refusal
from peppy.schema.names import InstanceId
from peppy.schema.requests import Request
from tests.cli.fake_daemon import FakeDaemon, Script
from tests.cli.sample_views import ADDED, BUILT, DAEMON, HELLO, NODE_INFO, STACK, STARTED

Start = Callable[[Script], FakeDaemon]

CONSENT = Refusal(
    kind="needs_consent",
    sentence="node 'hello_world:0.1.0' has 1 instance",
    hint="use '--stop-instances'",
    needs="stop_instances",
)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a daemon that follows a script, in a home of its own."""
    monkeypatch.setenv("PEPPY_HOME", str(tmp_path))
    daemons: list[FakeDaemon] = []

    def begin(script: Script) -> FakeDaemon:
        daemon = FakeDaemon(tmp_path, script).__enter__()
        daemons.append(daemon)
        return daemon

    yield begin
    for daemon in daemons:
        daemon.__exit__(None, None, None)


def chain(request: Request[Any]) -> Iterator[object]:
    """Answer adding, building and running, with what a daemon says on the way."""
    match request:
        case AddNode():
            yield Note(stream="log", text=ADDED.log)
            yield ADDED
        case BuildNode():
            yield Note(stream="log", text=BUILT.log)
            yield Note(stream="stdout", text="\x1b[32mResolved\x1b[0m 3 packages")
            yield BUILT
        case RunNode():
            yield STARTED
        case _:
            raise AssertionError(request)


def test_stack_list_draws_the_stack(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    daemon = start(lambda _: [STACK])
    assert run(["stack", "list"]) == 0
    assert capsys.readouterr() == (stack(STACK) + "\n", "")
    assert daemon.requests == [ListStack()]


def test_stack_list_writes_a_graph_where_it_is_told(start: Start, tmp_path: Path) -> None:
    start(lambda _: [STACK])
    assert run(["stack", "list", str(tmp_path / "stack.dot")]) == 0
    assert (tmp_path / "stack.dot").read_text() == dot_graph(STACK)


def test_a_graph_that_cannot_be_written_is_a_failure(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start(lambda _: [STACK])
    assert run(["stack", "list", str(tmp_path / "absent" / "stack.dot")]) == 1
    assert "no such file" in capsys.readouterr().err


def test_json_is_one_document_on_stdout(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    daemon = start(lambda _: [STACK])
    assert run(["stack", "list", "--json"]) == 0
    assert daemon.requests == [ListStack(traffic=True)]
    document = json.loads(capsys.readouterr().out)
    assert document["nodes"][1]["node"] == {"name": "hello_world", "tag": "0.1.0"}


def test_add_puts_results_on_stdout_and_progress_on_stderr(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start(chain)
    assert run(["node", "add", str(tmp_path)]) == 0
    assert capsys.readouterr() == (
        "Log file: /logs/add/hello.log\nAdded node hello_world:0.1.0 to the node stack\n",
        f"Adding node from {tmp_path}...\n",
    )


@pytest.mark.parametrize(
    "flags",
    [
        ["-sr", "."],
        ["-s", "-r", "."],
        ["--sync", "--run", "."],
        [".", "-sr"],
        ["-sbr", "."],
    ],
)
def test_add_and_run_make_the_whole_chain_in_any_spelling(
    start: Start, flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    daemon = start(chain)
    assert run(["node", "add", *flags, "name=planet", "offset=-1"]) == 0
    add, build, started = daemon.requests
    assert isinstance(add, AddNode)
    assert (add.source, add.sync) == (str(tmp_path), True)
    assert isinstance(build, BuildNode)
    assert isinstance(started, RunNode)
    assert started.arguments == ("name=planet", "offset=-1")


def test_the_chain_prints_the_lines_of_the_pages(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start(chain)
    assert run(["node", "add", "-sr", "/nodes/hello", "name=planet"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "Log file: /logs/add/hello.log",
        "Added node hello_world:0.1.0 to the node stack",
        "Log file: /logs/build/hello.log",
        "Built node hello_world:0.1.0. Artifact: /built_nodes/hello.tar.zst",
        "Log file: /logs/run/vigorous-buck-8117.log",
        "Started node instance 'vigorous-buck-8117' (pid: 77190)",
    ]
    assert err.splitlines() == [
        "Adding node from /nodes/hello...",
        "Building node hello_world:0.1.0...",
        "Resolved 3 packages",
        "Running node hello_world:0.1.0...",
        "Starting node hello_world:0.1.0 with instance_id 'vigorous-buck-8117' and 1 argument(s)"
        "...",
    ]


def test_add_with_build_alone_runs_nothing(start: Start) -> None:
    daemon = start(chain)
    assert run(["node", "add", "-sb", "."]) == 0
    assert [type(request) for request in daemon.requests] == [AddNode, BuildNode]


def test_the_chain_is_one_json_document(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    start(chain)
    assert run(["node", "add", "-b", ".", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["node"]["name"] == "hello_world"
    assert document["build"]["artifact"] == BUILT.artifact
    assert document["run"] is None


def test_a_build_gets_the_environment_of_its_caller(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROBOT_ARM", "left")
    monkeypatch.setenv("NOT_TEXT", "\udcff")
    daemon = start(chain)
    assert run(["node", "build", "hello_world:0.1.0", "--idle-timeout", "5", "-f"]) == 0
    (request,) = daemon.requests
    assert isinstance(request, BuildNode)
    assert request.environment["ROBOT_ARM"] == "left"
    assert "NOT_TEXT" not in request.environment
    assert (request.idle_timeout, request.force) == (5.0, True)


@pytest.mark.parametrize(
    "words",
    [
        ["hello_world:0.1.0", "name=you", "-i", "second"],
        ["--node-name", "hello_world", "--tag", "0.1.0", "name=you", "--instance-id", "second"],
    ],
)
def test_run_takes_the_node_in_either_form(start: Start, words: list[str]) -> None:
    daemon = start(chain)
    assert run(["node", "run", *words]) == 0
    (request,) = daemon.requests
    assert isinstance(request, RunNode)
    assert (request.node, request.arguments) == (HELLO, ("name=you",))
    assert request.instance_id == "second"


def test_run_with_build_goes_on_where_the_node_is_built_already(start: Start) -> None:
    def script(request: Request[Any]) -> Iterator[object]:
        if isinstance(request, BuildNode):
            yield Refusal(kind="already_built", sentence="it is built")
        yield from chain(request)

    daemon = start(script)
    assert run(["node", "run", "-b", "hello_world:0.1.0"]) == 0
    assert [type(request) for request in daemon.requests] == [BuildNode, RunNode]


def test_run_with_build_ends_where_the_build_fails(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal = Refusal(kind="build_failed", sentence="it failed", hint="log file: /x")
    daemon = start(lambda _: [refusal])
    assert run(["node", "run", "-b", "hello_world:0.1.0"]) == 1
    assert len(daemon.requests) == 1
    assert capsys.readouterr().err.endswith("Error: it failed\n  log file: /x\n")


def test_relative_paths_are_made_absolute_before_they_travel(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    view = SyncView(node=HELLO, directory="/x", bindings="/x/.peppy", warnings=("look",))
    daemon = start(lambda _: [view])
    assert run(["node", "sync"]) == 0
    assert run(["node", "sync", "../hello"]) == 0
    assert daemon.requests == [
        SyncNode(directory=str(tmp_path)),
        SyncNode(directory=str(tmp_path.parent / "hello")),
    ]


@pytest.mark.parametrize("verb", ["init", "create"])
def test_init_asks_for_a_new_directory(start: Start, tmp_path: Path, verb: str) -> None:
    daemon = start(lambda _: [InitView(directory="/x/arm", files=())])
    assert run(["node", verb, "--toolchain", "cargo", "arm", "--to-dir", str(tmp_path)]) == 0
    assert daemon.requests == [InitNode(name="arm", toolchain="cargo", to_dir=str(tmp_path))]


def test_a_killed_instance_is_a_warning_and_no_failure(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    view = StopView(
        node=HELLO,
        instance_id=InstanceId("arm"),
        forced=True,
        ended="signal SIGKILL",
        seconds=12.04,
        doing="hook 'park_arm' blocks, 11.9 s of 5 s",
    )
    daemon = start(lambda _: [view])
    assert run(["node", "stop", "arm"]) == 0
    out, err = capsys.readouterr()
    assert out == "Stopped node instance 'arm' by force (signal SIGKILL)\n"
    assert err.splitlines()[-1] == (
        "Warning: node instance 'arm' did not exit within 12 s and was force-killed"
        " while hook 'park_arm' blocked"
    )
    assert daemon.requests == [StopInstance(instance_id=InstanceId("arm"))]


def test_node_info_draws_what_is_known(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    daemon = start(lambda _: [NODE_INFO])
    assert run(["node", "info", "hello_world:0.1.0"]) == 0
    assert capsys.readouterr().out == node_info(NODE_INFO) + "\n"
    assert daemon.requests == [DescribeNode(node=HELLO, traffic=True)]


def test_without_a_person_missing_consent_is_a_failure_that_names_the_flag(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = start(lambda _: [CONSENT])
    assert run(["node", "remove", "hello_world:0.1.0"]) == 1
    assert "--stop-instances" in capsys.readouterr().err
    assert daemon.requests == [RemoveNode(node=HELLO)]


@pytest.mark.parametrize("flag", ["--stop-instances", "--force", "-f"])
def test_remove_takes_consent_from_a_flag(start: Start, flag: str) -> None:
    daemon = start(lambda _: [RemoveView(node=HELLO)])
    assert run(["node", "remove", "hello_world:0.1.0", flag]) == 0
    assert daemon.requests == [RemoveNode(node=HELLO, stop_instances=True)]


def test_a_removal_says_who_is_left_without_the_node(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start(lambda _: [RemoveView(node=HELLO, warnings=("`ear:v1` depends on it",))])
    assert run(["node", "remove", "hello_world:0.1.0"]) == 0
    out, err = capsys.readouterr()
    assert out == "Removed node hello_world:0.1.0 from the node stack\n"
    assert err.splitlines()[1:] == ["Warning: `ear:v1` depends on it"]


def test_a_refusal_in_json_keeps_its_kind_and_its_problems(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = Problem(line=1, column=2, path="manifest", what="it is missing")
    refusal = Refusal(
        kind="document", sentence="1 problem", problems=(problem,), source="/x/peppy.json5"
    )
    start(lambda _: [refusal])
    assert run(["node", "sync", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["kind"], error["source"]) == ("document", "/x/peppy.json5")
    assert error["problems"][0]["path"] == "manifest"


def test_info_and_status_show_facts_about_the_daemon(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start(lambda _: [DAEMON])
    assert run(["info"]) == 0
    assert run(["service", "status"]) == 0
    assert capsys.readouterr().out.count(f"Core node: {DAEMON.core_node}") == 2


def test_status_does_not_start_a_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PEPPY_HOME", str(tmp_path))
    assert run(["service", "status"]) == 1
    assert "no peppy daemon answers" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_stopping_what_does_not_run_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PEPPY_HOME", str(tmp_path))
    assert run(["service", "stop", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"pid": None, "instances": []}


def test_ctrl_c_ends_with_130_and_the_daemon_hears_of_it(
    start: Start, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    start(lambda _: [Note(stream="step", text="working")])
    monkeypatch.setattr("peppy.cli.terminal.Terminal.note", interrupt)
    assert run(["node", "build", "hello_world:0.1.0"]) == 130
    assert capsys.readouterr().err.endswith("interrupted\n")
