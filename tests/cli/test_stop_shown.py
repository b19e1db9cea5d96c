"""What an instance does while it is stopped, as people and pipes see it."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peppy.cli.drawing.orders import force_killed, stopped
from peppy.cli.style import printable
from peppy.schema.control import StopInstance, StopView
from peppy.schema.frames import Note
from peppy.schema.names import InstanceId
from peppy.schema.requests import Request
from tests.cli.fake_daemon import FakeDaemon
from tests.cli.sample_views import HELLO

STOP = [sys.executable, "-m", "peppy", "node", "stop", "arm"]

DOING = [
    "running hook 'release_lock', 0.0 s of 5 s",
    "running hook 'release_lock', 0.5 s of 5 s",
    "running hook 'release_lock', 1.0 s of 5 s",
    "running hook 'park_arm', 0.0 s of 3.9 s",
    "hook 'park_arm' blocks, 0.5 s of 3.9 s",
    "hook 'park_arm' blocks, 1.0 s of 3.9 s",
    "ending tasks, 0.0 s of 5 s",
    "the process is ending",
]


def view(*, forced: bool = False, ended: str = "exit code 0", doing: str | None = None) -> StopView:
    return StopView(
        node=HELLO,
        instance_id=InstanceId("arm"),
        forced=forced,
        ended=ended,
        seconds=2.5,
        doing=doing,
    )


def leaving(request: Request[Any]) -> Iterator[object]:
    assert isinstance(request, StopInstance)
    for text in DOING:
        yield Note(stream="doing", text=text)
    yield view()


def test_a_pipe_gets_a_line_for_each_step_and_none_for_the_time_that_passes(
    tmp_path: Path,
) -> None:
    with FakeDaemon(tmp_path, leaving):
        done = subprocess.run(
            STOP,
            env={**os.environ, "PEPPY_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout == "Stopped node instance 'arm' gracefully (exit code 0)\n"
    assert done.stderr.splitlines() == [
        "Stopping node instance 'arm'...",
        "running hook 'release_lock'",
        "running hook 'park_arm'",
        "hook 'park_arm' blocks",
        "ending tasks",
        "the process is ending",
    ]


def test_a_terminal_shows_it_beside_the_spinner_and_keeps_no_line_of_it(tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    go_on = tmp_path / "go_on"
    os.mkfifo(go_on)

    def until_seen(_request: Request[Any]) -> Iterator[object]:
        yield Note(stream="doing", text=DOING[0])
        yield Note(stream="doing", text=DOING[4])
        go_on.read_bytes()
        yield view()

    with FakeDaemon(tmp_path, until_seen):
        process = subprocess.Popen(
            STOP,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={"PATH": os.environ["PATH"], "TERM": "xterm", "PEPPY_HOME": str(tmp_path)},
        )
        os.close(terminal)
        seen = b""
        while b"hook 'park_arm' blocks, 0.5 s of 3.9 s" not in seen:
            seen += os.read(controller, 4096)
        go_on.write_bytes(b"")
        while True:
            try:
                seen += os.read(controller, 4096)
            except OSError:
                break
        os.close(controller)
    assert process.wait() == 0
    lines = [printable(line).strip() for line in seen.decode().split("\n")]
    assert not [line for line in lines if line.startswith(("running", "hook"))]
    assert "Stopped node instance 'arm' gracefully (exit code 0)" in lines


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (view(), "Stopped node instance 'arm' gracefully (exit code 0)"),
        (view(ended="exit code 3"), "Stopped node instance 'arm' (exit code 3)"),
        (
            view(forced=True, ended="signal SIGKILL"),
            "Stopped node instance 'arm' by force (signal SIGKILL)",
        ),
    ],
)
def test_the_report_says_whether_it_ended_well_by_itself(answer: StopView, text: str) -> None:
    assert stopped(answer) == text


@pytest.mark.parametrize(
    ("doing", "tail"),
    [
        (None, "force-killed"),
        ("running hook 'a', 5.0 s of 5 s", "force-killed while running hook 'a'"),
        ("hook 'a' blocks, 5.0 s of 5 s", "force-killed while hook 'a' blocked"),
        ("the process is ending", "force-killed while the process was ending"),
    ],
)
def test_who_had_to_be_killed_is_named_with_what_it_was_doing(doing: str | None, tail: str) -> None:
    text = force_killed(view(forced=True, ended="signal SIGKILL", doing=doing))
    assert text == f"node instance 'arm' did not exit within 2 s and was {tail}"
