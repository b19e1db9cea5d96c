"""`peppy repo`: what is asked, what is printed where, and what is refused."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from peppy.cli.drawing.repositories import repositories
from peppy.cli.run import run
from peppy.schema.frames import Note, Refusal
from peppy.schema.names import Name
from peppy.schema.repositories import (
    AddRepository,
    ExcludeEntry,
    ListRepositories,
    RefreshRepositories,
    RemoveRepository,
    RepositoriesView,
    RepositoryEntry,
    RepositoryView,
)
from peppy.schema.requests import Request
from tests.cli.fake_daemon import FakeDaemon

Start = Callable[..., FakeDaemon]

FLEET = RepositoryView(
    name=Name("fleet"),
    source="https://example.org/fleet.git",
    ref="main",
    origin="https://example.org/fleet.git@4f1b",
    refreshed_at=1_790_000_000.0,
    entries=(
        RepositoryEntry(name="robot", kind="launcher", path="launchers/robot.json5"),
        RepositoryEntry(name="arm:v2", kind="node", path="robots/arm", excluded=True),
        RepositoryEntry(name="camera:v1", kind="node", path=""),
    ),
)
MINE = RepositoryView(name=Name("mine"), source="/home/robot/nodes")

FLEET_AND_MINE = RepositoriesView(repositories=(FLEET, MINE), ambiguous=("camera:v1",))

ENTRIES = """\
┌───────────┬─────────────┬────────────┬───────────────────────┬───────────┐
│ NAME      │ KIND        │ REPOSITORY │ PATH                  │ REMARK    │
├───────────┼─────────────┼────────────┼───────────────────────┼───────────┤
│ robot     │ launch file │ fleet      │ launchers/robot.json5 │           │
│ arm:v2    │ node        │ fleet      │ robots/arm            │ excluded  │
│ camera:v1 │ node        │ fleet      │ .                     │ ambiguous │
└───────────┴─────────────┴────────────┴───────────────────────┴───────────┘
"""


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a daemon that answers with this, in a home of its own."""
    monkeypatch.setenv("PEPPY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    daemons: list[FakeDaemon] = []

    def begin(*items: object) -> FakeDaemon:
        def script(_: Request[Any]) -> tuple[object, ...]:
            return items

        daemons.append(FakeDaemon(tmp_path / "home", script).__enter__())
        return daemons[-1]

    yield begin
    for daemon in daemons:
        daemon.__exit__(None, None, None)


def test_adding_sends_a_directory_whole_and_the_callers_environment(
    start: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    daemon = start(FLEET)
    assert run(["repo", "add", "nodes", "--name", "fleet"]) == 0
    (request,) = daemon.requests
    assert isinstance(request, AddRepository)
    assert (request.source, request.ref, request.name) == (str(tmp_path / "nodes"), None, "fleet")
    assert request.environment["SSH_AUTH_SOCK"] == "/run/agent"
    out = capsys.readouterr().out
    assert out == "Added repository 'fleet': 1 node, 1 launch file (1 excluded)\n"


@pytest.mark.parametrize(
    "source", ["https://example.org/fleet.git", "git@example.org:a/b.git", "camera:v1"]
)
def test_an_address_is_sent_as_it_is_typed(start: Start, source: str) -> None:
    daemon = start(FLEET)
    assert run(["repo", "add", source, "--ref", "main"]) == 0
    (request,) = daemon.requests
    assert isinstance(request, AddRepository)
    assert (request.source, request.ref, request.name) == (source, "main", None)


def test_a_directory_that_is_there_is_one_whatever_it_is_called(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "camera:v1").mkdir()
    daemon = start(FLEET)
    assert run(["repo", "add", "camera:v1"]) == 0
    (request,) = daemon.requests
    assert isinstance(request, AddRepository)
    assert request.source == str(tmp_path / "camera:v1")


def test_problems_and_progress_are_told_beside_the_result(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    view = replace(FLEET, problems=("bad/peppy.json5: the document\nis \x1b[2Jempty",))
    start(Note(stream="step", text="Looking at repository 'fleet'"), view)
    assert run(["repo", "add", "x"]) == 0
    assert capsys.readouterr().err == (
        "Looking at repository 'fleet'\n"
        "Warning: repository 'fleet': bad/peppy.json5: the document is empty\n"
    )


def test_the_list_has_a_table_of_repositories_and_one_of_what_they_hold(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = start(FLEET_AND_MINE)
    assert run(["repo", "list"]) == 0
    assert daemon.requests == [ListRepositories()]
    captured = capsys.readouterr()
    assert captured.out.endswith(ENTRIES)
    rows = captured.out.removesuffix(ENTRIES).splitlines()
    assert [cell.strip() for cell in rows[1].strip("│").split("│")] == [
        *("REPOSITORY", "NODES", "LAUNCH FILES", "REFRESHED", "SOURCE")
    ]
    fleet, mine = ([cell.strip() for cell in row.strip("│").split("│")] for row in rows[3:5])
    assert (*fleet[:3], fleet[4]) == ("fleet", "1", "1", "https://example.org/fleet.git @ main")
    assert mine == ["mine", "0", "0", "never", "/home/robot/nodes"]
    assert captured.err == (
        "Warning: repository 'mine' has not been looked at: run 'peppy repo refresh'\n"
    )


def test_foreign_names_do_not_move_the_cursor() -> None:
    entry = RepositoryEntry(name="a\x1b[2Jb", kind="launcher", path="x\ny\x07")
    view = RepositoriesView(repositories=(replace(FLEET, entries=(entry,)),))
    assert "│ ab   │ launch file │ fleet      │ x y  │" in repositories(view)
    assert "\x1b" not in repositories(view)


def test_the_list_as_json_is_the_whole_view(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start(FLEET_AND_MINE)
    assert run(["repo", "list", "--json"]) == 0
    view = json.loads(capsys.readouterr().out)
    assert view["ambiguous"] == ["camera:v1"]
    assert [each["name"] for each in view["repositories"]] == ["fleet", "mine"]
    assert view["repositories"][0]["entries"][1] == {
        "name": "arm:v2",
        "kind": "node",
        "path": "robots/arm",
        "excluded": True,
    }


def test_a_list_of_nothing_says_what_to_do(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start(RepositoriesView(repositories=()))
    assert run(["repo", "list"]) == 0
    expected = "There are no repositories: 'peppy repo add SOURCE' adds one\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("verb", ["refresh", "update"])
def test_a_refresh_asks_for_those_that_are_named_and_shows_those(
    start: Start, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = start(FLEET_AND_MINE)
    assert run(["repo", verb, "fleet"]) == 0
    (request,) = daemon.requests
    assert isinstance(request, RefreshRepositories)
    assert request.names == ("fleet",)
    assert request.environment
    captured = capsys.readouterr()
    assert captured.out == ("Refreshed repository 'fleet': 1 node, 1 launch file (1 excluded)\n")
    assert captured.err == ""


def test_a_refresh_that_reaches_some_says_which_it_does_not(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start(RepositoriesView(repositories=(FLEET, replace(MINE, failed="there is no network"))))
    assert run(["repo", "refresh"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("Refreshed repository 'fleet'")
    assert captured.err == (
        "Warning: repository 'mine' could not be looked at again: there is no network\n"
    )


def test_a_refresh_that_reaches_none_fails(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = tuple(replace(each, failed="there is no network") for each in (FLEET, MINE))
    start(RepositoriesView(repositories=lost))
    assert run(["repo", "refresh"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("there is no network") == 2
    assert "Error: no repository could be looked at again" in captured.err
    assert run(["repo", "refresh", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["sentence"] == "no repository could be looked at again"


@pytest.mark.parametrize(
    ("options", "excluded", "said"),
    [([], True, "Excluded"), (["--undo"], False, "Took back")],
)
def test_an_entry_is_excluded_and_taken_back(
    options: list[str],
    excluded: bool,
    said: str,
    start: Start,
    capsys: pytest.CaptureFixture[str],
) -> None:
    daemon = start(FLEET)
    assert run(["repo", "exclude", *options, "fleet", "arm:v2"]) == 0
    assert daemon.requests == [ExcludeEntry(repository="fleet", entry="arm:v2", excluded=excluded)]
    assert capsys.readouterr().out == f"{said} 'arm:v2' of repository 'fleet'\n"


def test_a_repository_is_removed(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    daemon = start(FLEET)
    assert run(["repo", "remove", "fleet"]) == 0
    assert daemon.requests == [RemoveRepository(name="fleet")]
    assert capsys.readouterr().out == "Removed repository 'fleet'\n"


def test_a_refusal_ends_with_its_hint(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    start(Refusal(kind="unknown_repository", sentence="there is no repository 'x'", hint="look"))
    assert run(["repo", "remove", "x"]) == 1
    assert capsys.readouterr().err == "Error: there is no repository 'x'\n  look\n"
