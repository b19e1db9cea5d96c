"""`peppy stack graph` against a daemon that answers as it is told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from peppy.cli.drawing.graph import graph_table
from peppy.cli.drawing.stack import instances_cell
from peppy.cli.run import run
from peppy.schema.control import DescribeWire, Edge, ListStack, StackView
from peppy.schema.dot_graph import labelled_dot_graph
from peppy.schema.mermaid_graph import mermaid_graph
from peppy.schema.requests import Request
from peppy.schema.stack_graph import graph_of
from tests.cli.fake_daemon import FakeDaemon
from tests.cli.sample_views import CORE_ROW, HELLO, instance, row
from tests.cli.sample_wire import CAMERA, VIEWER, WIRE
from tests.schema.graph_languages import read_dot

STACK = StackView(
    core_node="core",
    nodes=(
        CORE_ROW,
        msgspec.structs.replace(row(instance()), node=CAMERA),
        msgspec.structs.replace(row(), node=VIEWER),
    ),
    dependencies=(Edge(VIEWER, CAMERA),),
    missing=(Edge(VIEWER, HELLO),),
)
GRAPH = graph_of(STACK, WIRE)
DOT = labelled_dot_graph(GRAPH, instances_cell)

TABLE = """\
Nodes
┌────────────────────────────────────────┬───────┬───────────┐
│ NODE                                   │ STAGE │ INSTANCES │
├────────────────────────────────────────┼───────┼───────────┤
│ core-node-funny-chatterjee-6386:v0.8.0 │ Root  │ 1 running │
│ camera:v1                              │ Ready │ 1 running │
│ viewer:v1                              │ Ready │ 0         │
└────────────────────────────────────────┴───────┴───────────┘
Dependencies
┌───────────┬──────────────┬──────────────────────────────────────────────┐
│ NODE      │ TAKES        │ FROM                                         │
├───────────┼──────────────┼──────────────────────────────────────────────┤
│ viewer:v1 │ topic joints │ any node, and none emits it                  │
│ viewer:v1 │ action pan   │ camera:v1                                    │
│ viewer:v1 │ topic frames │ camera:v1                                    │
│ viewer:v1 │ ?            │ hello_world:0.1.0, which is not in the stack │
└───────────┴──────────────┴──────────────────────────────────────────────┘"""


@pytest.fixture(autouse=True)
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDaemon]:
    """Run a daemon that has the stack, in a home of its own, and be in an empty directory."""
    home, here = tmp_path / "home", tmp_path / "here"
    here.mkdir()
    monkeypatch.setenv("PEPPY_HOME", str(home))
    monkeypatch.chdir(here)

    def script(request: Request[Any]) -> Iterator[object]:
        match request:
            case ListStack():
                yield STACK
            case DescribeWire():
                yield WIRE
            case _:
                raise AssertionError(request)

    with FakeDaemon(home, script) as started:
        yield started


def graphviz(directory: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program called `dot` first on the path."""
    directory.mkdir()
    program = directory / "dot"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")


def test_the_graph_is_a_table_unless_it_is_asked_for_otherwise(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["stack", "graph"]) == 0
    assert capsys.readouterr() == (f"{graph_table(GRAPH)}\n", "")
    assert graph_table(GRAPH).splitlines() == TABLE.splitlines()


def test_the_graph_is_printed_for_graphviz_and_for_mermaid(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["stack", "graph", "--format", "dot"]) == 0
    assert capsys.readouterr() == (DOT, "")
    assert run(["stack", "graph", "--format", "mermaid"]) == 0
    assert capsys.readouterr() == (mermaid_graph(GRAPH, instances_cell), "")


@pytest.mark.parametrize("words", [["--json"], ["--format", "json"]])
def test_the_graph_is_one_json_document(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["stack", "graph", *words]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [node["node"]["name"] for node in document["nodes"][1:]] == ["camera", "viewer"]
    assert document["links"][0] == {
        "dependent": {"name": "viewer", "tag": "v1"},
        "dependency": None,
        "external": True,
        "takes": [{"kind": "topic", "name": "joints"}],
        "missing": False,
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("stack.dot", DOT),
        ("STACK.GV", DOT),
        ("stack.mmd", mermaid_graph(GRAPH, instances_cell)),
        ("stack.txt", graph_table(GRAPH) + "\n"),
    ],
)
def test_a_files_name_says_what_is_written_to_it(
    name: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["stack", "graph", "--output", name]) == 0
    assert Path(name).read_text() == text
    assert capsys.readouterr() == (f"Wrote the graph to {name}\n", "")


def test_a_json_file_holds_what_is_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stack", "graph", "--json", "-o", "stack.json"]) == 0
    assert Path("stack.json").read_text() == capsys.readouterr().out


def test_a_name_that_says_nothing_takes_the_format_that_is_asked_for() -> None:
    assert run(["stack", "graph", "-o", "stack", "--format", "dot"]) == 0
    assert Path("stack").read_text() == DOT


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "stack"], "'stack' does not say what to write"),
        (["-o", "stack.mmd", "--format", "dot"], "'stack.mmd' holds 'mermaid', not 'dot'"),
        (["-o", "stack.svg", "--format", "mermaid"], "'stack.svg' holds 'dot', not 'mermaid'"),
    ],
)
def test_a_name_that_does_not_fit_is_a_mistake_in_the_command(
    words: list[str],
    said: str,
    daemon: FakeDaemon,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["stack", "graph", *words]) == 2
    assert said in capsys.readouterr().err
    assert daemon.requests == []


def test_a_file_that_cannot_be_written_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stack", "graph", "-o", "absent/stack.dot"]) == 1
    assert "cannot write 'absent/stack.dot': no such file" in capsys.readouterr().err


def test_a_picture_is_what_graphviz_makes_of_the_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphviz(tmp_path / "bin", monkeypatch, 'cat > given.dot; echo "drawn with $*"')
    assert run(["stack", "graph", "--output", "stack.SVG", "--format", "dot"]) == 0
    assert Path("stack.SVG").read_text() == "drawn with -Tsvg\n"
    assert read_dot(Path("given.dot").read_text()) == read_dot(DOT)


def test_without_graphviz_a_picture_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(["stack", "graph", "-o", "stack.png"]) == 1
    said = capsys.readouterr().err
    assert "'stack.png' cannot be drawn: there is no 'dot' of Graphviz on this machine" in said
    assert "install Graphviz, or write 'stack.dot' and draw it elsewhere" in said
    assert not Path("stack.png").exists()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'Error: no fonts' >&2; exit 3", "was not drawn: 'dot' says: Error: no fonts"),
        ("exit 3", "was not drawn: 'dot' ended with exit code 3"),
        ("cat > /dev/null", "was not drawn: 'dot' has drawn nothing"),
    ],
)
def test_what_graphviz_complains_of_is_told(
    script: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    graphviz(tmp_path / "bin", monkeypatch, script)
    assert run(["stack", "graph", "-o", "stack.svg"]) == 1
    assert said in capsys.readouterr().err
    assert not Path("stack.svg").exists()
