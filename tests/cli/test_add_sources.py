"""What `node add` makes of the place that is typed, and of what belongs to an instance."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peppy.cli.options import located_source, located_variant
from peppy.cli.run import run
from peppy.schema.control import AddNode, RunNode
from peppy.schema.errors import PeppyError
from peppy.schema.frames import Note
from peppy.schema.requests import Request
from peppy.schema.restart import RestartMode
from tests.cli.fake_daemon import FakeDaemon
from tests.cli.sample_views import ADDED, BUILT, STARTED


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEPPY_HOME", str(tmp_path / "home"))
    for name in ("camera", "camera:v1", "git@camera"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "typed",
    [
        "https://example.com/nodes.git/camera",
        "git@example.com:nodes.git/camera",
        "ssh://git@example.com/nodes.git",
        "file:///nodes.git/camera",
        "https://example.com/camera.tar.zst#sha256=00",
        "arm:v2",
        "arm:0.1.0",
        "example.com/me/nodes.git/camera",
    ],
)
def test_addresses_and_names_travel_as_they_are_typed(typed: str) -> None:
    assert located_source(typed) == typed


@pytest.mark.parametrize("typed", [".", "camera", "./camera", "camera:v1", "git@camera", "absent"])
def test_a_directory_is_absolute_whatever_it_is_called(tmp_path: Path, typed: str) -> None:
    assert located_source(typed) == str((tmp_path / typed).resolve())


@pytest.mark.parametrize(
    ("file", "hint"),
    [
        ("camera/peppy.json5", "name the directory that it lies in: 'camera'"),
        ("peppy.json5", "name the directory that it lies in: '.'"),
        ("camera.tar.zst", "name a directory, an address, or NAME:TAG of a repository"),
    ],
)
def test_a_file_is_no_source_and_the_directory_of_a_document_is_named(
    tmp_path: Path, file: str, hint: str
) -> None:
    (tmp_path / file).touch()
    with pytest.raises(PeppyError, match="is a file, and a source is a directory") as caught:
        located_source(file)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("mock", "mock"),
        ("camera", "camera"),
        ("https://example.com/v.git/mock@main", "https://example.com/v.git/mock@main"),
        ("./camera", "{here}/camera"),
        ("camera/mock", "{here}/camera/mock"),
        (".", "{here}"),
        ("/abs", "/abs"),
    ],
)
def test_a_variant_is_a_directory_only_if_it_is_written_as_a_path(
    tmp_path: Path, typed: str, meant: str
) -> None:
    assert located_variant(typed) == meant.format(here=tmp_path)


def chain(request: Request[Any]) -> Iterator[object]:
    match request:
        case AddNode():
            yield Note(stream="doing", text="fetching, 1 MB of 3 MB")
            yield ADDED
        case RunNode():
            yield STARTED
        case _:
            yield BUILT


def test_what_is_typed_about_a_source_reaches_the_daemon(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path / "home", chain) as daemon:
        words = ["--ref", "v1.2", "--variant", "./camera", "--offline"]
        assert run(["node", "add", "https://example.com/nodes.git/camera", *words]) == 0
    (request,) = daemon.requests
    assert isinstance(request, AddNode)
    assert request.environment["PEPPY_HOME"] == str(tmp_path / "home")
    assert request == AddNode(
        source="https://example.com/nodes.git/camera",
        ref="v1.2",
        variant=str(tmp_path / "camera"),
        environment=request.environment,
        offline=True,
    )


def test_no_password_of_an_address_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeDaemon(tmp_path / "home", chain):
        assert run(["node", "add", "https://me:secret@example.com/nodes.git?token=secret"]) == 0
    said = "".join(capsys.readouterr())
    assert "Adding node from https://example.com/nodes.git" in said
    assert "secret" not in said


def test_an_added_instance_has_the_restart_policy_that_is_typed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeDaemon(tmp_path / "home", chain) as daemon:
        words = ["-r", "--restart", "always", "--restart-limit", "2", "--json"]
        assert run(["node", "add", ".", *words]) == 0
    started = daemon.requests[-1]
    assert isinstance(started, RunNode)
    assert (started.restart.mode, started.restart.limit) == (RestartMode.ALWAYS, 2)
    assert json.loads(capsys.readouterr().out)["run"]["pid"] == STARTED.pid


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--restart", "always"], "'--restart' is for an instance, and none is asked for"),
        (["-i", "front", "--restart", "always"], "'--instance-id' is for an instance"),
        (["-r", "--restart-limit", "3"], "what follows '--restart-' needs '--restart'"),
    ],
)
def test_a_policy_without_an_instance_is_a_usage_error(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["node", "add", ".", *words]) == 2
    assert said in capsys.readouterr().err
