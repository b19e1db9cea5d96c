"""What is seen, and what a signal does, while a command takes its time."""

import itertools
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from peppy.cli.style import printable
from peppy.schema.frames import Note
from peppy.schema.requests import Request
from tests.cli.fake_daemon import FakeDaemon
from tests.cli.sample_views import BUILT

BUILD = [sys.executable, "-m", "peppy", "node", "build", "hello_world:0.1.0"]


def endless(_request: Request[Any]) -> Iterator[object]:
    """Print lines until nobody listens any more."""
    for number in itertools.count(1):
        yield Note(stream="stdout", text=f"line {number}")


def short(_request: Request[Any]) -> Iterator[object]:
    yield Note(stream="stdout", text="compiling the arm")
    yield BUILT


def test_ctrl_c_ends_the_command_and_its_request(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path, endless):
        process = subprocess.Popen(
            BUILD,
            env={**os.environ, "PEPPY_HOME": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        while "line 3" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert err.splitlines()[-1] == "interrupted"
    assert "Traceback" not in err


def test_a_terminal_shows_build_output_faintly_and_keeps_every_line(tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    with FakeDaemon(tmp_path, short):
        process = subprocess.Popen(
            BUILD,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={"PATH": os.environ["PATH"], "TERM": "xterm", "PEPPY_HOME": str(tmp_path)},
        )
        os.close(terminal)
        seen = b""
        while True:
            try:
                seen += os.read(controller, 4096)
            except OSError:
                break
        os.close(controller)
    text = seen.decode()
    assert process.wait() == 0
    assert "\x1b[2mcompiling the arm\x1b[0m\r\n" in text
    assert "Built node hello_world:0.1.0. Artifact: /built_nodes/hello.tar.zst\r\n" in text


def test_a_spinner_on_stderr_does_not_touch_a_stdout_that_leads_elsewhere(tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    with FakeDaemon(tmp_path, short):
        done = subprocess.run(
            BUILD,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=terminal,
            env={"PATH": os.environ["PATH"], "TERM": "xterm", "PEPPY_HOME": str(tmp_path)},
            check=True,
            text=True,
        )
    os.close(terminal)
    os.close(controller)
    assert done.stdout.splitlines() == [
        f"Log file: {BUILT.log}",
        f"Built node hello_world:0.1.0. Artifact: {BUILT.artifact}",
    ]


def test_foreign_output_cannot_move_the_cursor() -> None:
    assert printable("\x1b[2J\x1b]0;title\x07a\tb\rc\x1b[31md\x00") == "a\tbcd"
