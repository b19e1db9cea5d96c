"""Consent, which only a person at a terminal can give, and daemons that do not start."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peppy.cli.starting import DaemonDidNotStart, start_daemon
from peppy.runtime.control_client import ControlClient, socket_path
from peppy.schema.control import RemoveNode, RemoveView
from peppy.schema.frames import Refusal
from peppy.schema.names import parse_node_id
from peppy.schema.requests import Request
from tests.cli.fake_daemon import FakeDaemon

HELLO = parse_node_id("hello_world:v1")


def hesitant(request: Request[Any]) -> Iterator[object]:
    """Remove the node only with consent."""
    assert isinstance(request, RemoveNode)
    if request.stop_instances:
        yield RemoveView(node=HELLO)
    else:
        yield Refusal(kind="needs_consent", sentence="it has 1 instance", needs="stop_instances")


def remove_at_a_terminal(home: Path, typed: bytes) -> tuple[int, str]:
    """Return the exit code and what stood on the terminal when a person types `typed`."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "peppy", "node", "remove", str(HELLO)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "PEPPY_HOME": str(home), "TERM": "dumb"},
    )
    os.close(terminal)
    seen = b""
    while b"[y/n]" not in seen:
        seen += os.read(controller, 1024)
    os.write(controller, typed)
    code = process.wait()
    while True:
        try:
            seen += os.read(controller, 1024)
        except OSError:
            break
    os.close(controller)
    return code, seen.decode()


def test_a_person_who_agrees_has_the_request_repeated_with_consent(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path, hesitant) as daemon:
        code, seen = remove_at_a_terminal(tmp_path, b"maybe\ny\n")
    assert code == 0
    assert "Removed node hello_world:v1 from the node stack" in seen
    assert daemon.requests == [RemoveNode(node=HELLO), RemoveNode(node=HELLO, stop_instances=True)]


@pytest.mark.parametrize(
    "typed", [pytest.param(b"n\n", id="no"), pytest.param(b"\x04", id="the end of input")]
)
def test_anything_but_yes_leaves_everything_as_it_is(tmp_path: Path, typed: bytes) -> None:
    with FakeDaemon(tmp_path, hesitant) as daemon:
        code, seen = remove_at_a_terminal(tmp_path, typed)
    assert code == 1
    assert "Error: removal aborted by user" in seen
    assert daemon.requests == [RemoveNode(node=HELLO)]


def test_a_daemon_that_ends_at_once_is_reported_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "broken"
    program.write_text("#!/bin/sh\necho the disk is full\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr("peppy.cli.starting.LOSER_BUDGET", 0.0)
    home = tmp_path / "home"
    said: list[str] = []
    with pytest.raises(DaemonDidNotStart, match="exit code 3\n  the disk is full"):
        start_daemon(home, ControlClient(socket_path(home)), said.append)
    assert said == []
