"""Starting a daemon where another has the home: one that comes up, and one on its way out."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peppy.cli.starting import LOCK_NAME, DaemonDidNotStart, await_daemon, start_daemon
from peppy.runtime.control_client import ControlClient, NoDaemon, socket_path
from peppy.schema.control import DaemonView
from tests.cli.sample_views import DAEMON


class Late(ControlClient):
    """Nobody answers, until somebody does."""

    def __init__(self, home: Path, answers: Callable[[int], bool]) -> None:
        super().__init__(socket_path(home))
        self._answers = answers
        self.asked = 0

    def call(self, request: Any, on_note: Any = None, timeout: float | None = None) -> Any:
        self.asked += 1
        if self._answers(self.asked):
            return DAEMON
        raise NoDaemon(self.path)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home for which a program runs that loses it to this test."""
    program = tmp_path / "loser"
    program.write_text(
        f"#!/bin/sh\nruns='{tmp_path}/runs'\n"
        f'[ -s "$runs" ] || echo {os.getpid()} > "{tmp_path}/home/{LOCK_NAME}"\n'
        'echo run >> "$runs"\necho lost\nexit 1\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr("peppy.cli.starting.LOSER_BUDGET", 0.0)
    return tmp_path / "home"


def runs(home: Path) -> int:
    path = home.parent / "runs"
    return path.read_text().count("run") if path.exists() else 0


def test_whoever_loses_waits_for_the_winner_as_long_as_a_start_takes(home: Path) -> None:
    ended_at: list[int] = []

    def answers(asked: int) -> bool:
        if runs(home) == 1:
            ended_at.append(asked)
        return len(ended_at) > 20

    said: list[str] = []
    start_daemon(home, Late(home, answers), said.append)
    assert (said, runs(home)) == ([], 1)


def test_a_daemon_on_its_way_out_is_followed_by_another_start(home: Path) -> None:
    seen: list[int] = []

    def answers(asked: int) -> bool:
        if runs(home) == 1:
            seen.append(asked)
        if len(seen) == 20:
            (home / LOCK_NAME).write_text("")
        return False

    with pytest.raises(DaemonDidNotStart):
        start_daemon(home, Late(home, answers), print)
    assert runs(home) == 2


@pytest.mark.parametrize("holder", ["", "nonsense", "0", "4194304999"])
def test_where_nobody_has_the_home_the_failure_is_told_at_once(home: Path, holder: str) -> None:
    (home.parent / "runs").write_text("before ")
    home.mkdir()
    (home / LOCK_NAME).write_text(holder)
    with pytest.raises(DaemonDidNotStart, match="exit code 1\n  lost"):
        start_daemon(home, Late(home, lambda _: False), print)


def test_a_second_command_starts_nothing_where_the_first_has(home: Path) -> None:
    client = Late(home, lambda _: True)
    start_daemon(home, client, print)
    assert (client.asked, runs(home)) == (1, 0)


def test_a_daemon_that_somebody_else_starts_is_waited_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view: DaemonView | None = await_daemon(Late(home, lambda asked: asked > 2))
    assert view == DAEMON
    monkeypatch.setattr("peppy.cli.starting.START_BUDGET", 0.0)
    assert await_daemon(Late(home, lambda _: False)) is None
