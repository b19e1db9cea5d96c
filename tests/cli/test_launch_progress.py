"""What a person sees of a launch, and what Ctrl+C does to it, on a real terminal."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from peppy.cli.style import printable
from peppy.schema.frames import Note, Refusal
from peppy.schema.launch import CancelLaunch, CancelView, Launch, NodeProgress
from peppy.schema.requests import Request
from tests.cli.fake_daemon import FakeDaemon
from tests.cli.on_a_terminal import PATIENCE, OnTerminal
from tests.cli.sample_launches import BRAIN, CAMERA, LAUNCHED, printed, told

LAUNCH = ("stack", "launch", "robot")

KEPT = Refusal(
    kind="launch_cancelled",
    sentence="the launch was cancelled before anything was stopped",
    hint="the stack is as it was",
)


class Robot:
    """A daemon's launch that goes on until it is cancelled or told to end."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.go_on = threading.Event()
        self.left = threading.Event()
        """Whether the client of the launch was gone before its answer."""
        self.answers_cancel = True

    def script(self, request: Request[Any]) -> Iterator[object]:
        match request:
            case Launch():
                yield from self._until_told()
            case CancelLaunch():
                self.cancelled.set()
                yield CancelView(cancelled=True)
            case _:
                raise AssertionError(request)

    def _until_told(self) -> Iterator[object]:
        try:
            yield told(CAMERA, NodeProgress.BUILDING)
            yield printed(CAMERA, "compiling the \x1b[2Jlens")
            yield told(BRAIN, NodeProgress.BUILT)
            while not self.go_on.wait(0.02):
                if self.cancelled.is_set() and self.answers_cancel:
                    yield KEPT
                    return
                yield printed(CAMERA, "compiling the \x1b[2Jlens")
        except GeneratorExit:
            self.left.set()
            raise
        yield LAUNCHED


def test_a_terminal_shows_each_node_with_its_state_and_its_last_line(tmp_path: Path) -> None:
    robot = Robot()
    with FakeDaemon(tmp_path, robot.script), OnTerminal(tmp_path, *LAUNCH) as peppy:
        peppy.until("compiling the lens")
        assert re.search(r"camera:v1  building +\d\.\d s  .*compiling", printable(peppy.seen))
        peppy.until("brain:v1   built")
        robot.go_on.set()
        assert peppy.end() == 0
    last = printable(peppy.seen.rpartition("\x1b[2K")[2])
    assert "2 nodes, 2 instances, 1 built" in last
    assert "building" not in last


def test_what_happens_beside_the_nodes_is_written_above_them(tmp_path: Path) -> None:
    def script(_request: Request[Any]) -> Iterator[object]:
        yield told(CAMERA, NodeProgress.RUNNING)
        yield told(BRAIN, NodeProgress.RUNNING)
        for number in range(3):
            yield Note(stream="step", text=f"step {number}")
        yield LAUNCHED

    with FakeDaemon(tmp_path, script), OnTerminal(tmp_path, *LAUNCH) as peppy:
        assert peppy.end() == 0
    rows = shown(peppy.seen)
    assert rows[:3] == ["step 0", "step 1", "step 2"]
    assert rows[-1].startswith("Applied the launch configuration")


def test_more_nodes_than_rows_are_folded_and_those_that_work_are_shown(tmp_path: Path) -> None:
    robot = Robot()

    def script(request: Request[Any]) -> Iterator[object]:
        if isinstance(request, Launch):
            yield from (told(f"node_{n}:v1", NodeProgress.RUNNING) for n in range(20))
        yield from robot.script(request)

    with FakeDaemon(tmp_path, script), OnTerminal(tmp_path, *LAUNCH, rows=8) as peppy:
        rest = "and 17 more: 17 running"
        peppy.until(rest)
        peppy.until(rest)
        frame = shown(peppy.seen[: peppy.seen.rindex(rest) + len(rest)])
        robot.go_on.set()
        assert peppy.end() == 0
    names = [row.split()[0] for row in frame]
    assert names == ["node_0:v1", "node_1:v1", "node_2:v1", "camera:v1", "brain:v1", "and"]


def test_ctrl_c_cancels_the_launch_and_says_what_was_kept(tmp_path: Path) -> None:
    robot = Robot()
    with FakeDaemon(tmp_path, robot.script) as daemon, OnTerminal(tmp_path, *LAUNCH) as peppy:
        peppy.until("compiling the lens")
        peppy.type("\x03")
        peppy.until("Cancelling the launch")
        assert peppy.end() == 130
    launch, cancel = daemon.requests
    assert isinstance(launch, Launch)
    assert isinstance(cancel, CancelLaunch)
    assert launch.token == cancel.token != ""
    rows = shown(peppy.seen)
    assert rows[-2:] == [
        "Error: the launch was cancelled before anything was stopped",
        "  the stack is as it was",
    ]
    assert [row for row in rows if row.startswith("camera:v1  building")]
    assert "Traceback" not in peppy.seen


def test_a_second_ctrl_c_leaves_at_once(tmp_path: Path) -> None:
    robot = Robot()
    robot.answers_cancel = False
    with FakeDaemon(tmp_path, robot.script), OnTerminal(tmp_path, *LAUNCH) as peppy:
        peppy.until("compiling the lens")
        peppy.type("\x03")
        assert robot.cancelled.wait(PATIENCE)
        peppy.type("\x03")
        assert peppy.end() == 130
        assert robot.left.wait(PATIENCE)
    assert shown(peppy.seen)[-1] == "interrupted"
    assert "Traceback" not in peppy.seen


def test_a_launch_that_comes_up_in_spite_of_ctrl_c_is_a_success(tmp_path: Path) -> None:
    robot = Robot()
    robot.answers_cancel = False
    with FakeDaemon(tmp_path, robot.script), OnTerminal(tmp_path, *LAUNCH) as peppy:
        peppy.until("compiling the lens")
        peppy.type("\x03")
        assert robot.cancelled.wait(PATIENCE)
        robot.go_on.set()
        assert peppy.end() == 0
    assert "Applied the launch configuration" in peppy.seen


def test_a_person_who_agrees_has_the_stack_replaced(tmp_path: Path) -> None:
    def script(request: Request[Any]) -> Iterator[object]:
        assert isinstance(request, Launch)
        yield told("./camera", NodeProgress.RESOLVING)
        if request.clear_stack:
            yield LAUNCHED
        else:
            yield Refusal(kind="needs_consent", sentence="3 instances run", needs="clear_stack")

    with FakeDaemon(tmp_path, script) as daemon, OnTerminal(tmp_path, *LAUNCH) as peppy:
        peppy.until("[y/n]")
        peppy.type("y\n")
        assert peppy.end() == 0
    consents = [request.clear_stack for request in daemon.requests if isinstance(request, Launch)]
    assert consents == [False, True]
    assert "resolving" not in "".join(shown(peppy.seen))


def test_ctrl_c_at_the_question_leaves_without_a_cancel(tmp_path: Path) -> None:
    def script(_request: Request[Any]) -> Iterator[object]:
        yield Refusal(kind="needs_consent", sentence="3 instances run", needs="clear_stack")

    with FakeDaemon(tmp_path, script) as daemon, OnTerminal(tmp_path, *LAUNCH) as peppy:
        peppy.until("[y/n]")
        peppy.type("\x03")
        assert peppy.end() == 130
    assert [type(request) for request in daemon.requests] == [Launch]


def in_a_pipe(home: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "peppy", *LAUNCH],
        env={**os.environ, "PEPPY_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_sigint_cancels_a_launch_whose_output_goes_into_a_pipe(tmp_path: Path) -> None:
    robot = Robot()
    with FakeDaemon(tmp_path, robot.script):
        process = in_a_pipe(tmp_path)
        assert process.stderr is not None
        assert process.stderr.readline() == "camera:v1: building\n"
        assert process.stderr.readline() == "brain:v1: built\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines() == [
        "Cancelling the launch; Ctrl+C again leaves at once...",
        "Error: the launch was cancelled before anything was stopped",
        "  the stack is as it was",
    ]


def test_a_killed_command_closes_its_connection(tmp_path: Path) -> None:
    robot = Robot()
    with FakeDaemon(tmp_path, robot.script):
        process = in_a_pipe(tmp_path)
        assert process.stderr is not None
        assert process.stderr.readline() == "camera:v1: building\n"
        process.kill()
        process.communicate(timeout=PATIENCE)
        assert robot.left.wait(PATIENCE)


def shown(output: str) -> list[str]:
    """Return the rows of an endless terminal after all this has been written on it."""
    rows, row = [""], 0
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", output):
        match part:
            case "\n":
                row += 1
                rows += [""] * (row + 1 - len(rows))
            case "\x1b[1A":
                row -= 1
            case "\x1b[2K":
                rows[row] = ""
            case _ if part.startswith(("\x1b", "\r")):
                continue
            case _:
                rows[row] += part
    return [each.rstrip() for each in rows if each.strip()]
