"""What a whole process of `peppy` imports, prints and returns."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.fake_daemon import FakeDaemon
from tests.cli.sample_views import STACK

HEAVY = {"trio", "anyio", "zenoh", "cyclopts", "rich", "msgspec", "subprocess"}


def imported_by(*words: str, home: Path) -> set[str]:
    """Return the top-level modules that one command imports."""
    program = (
        "import sys; from peppy.cli.app import main; code = main();"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PEPPY_HOME": str(home)},
    )
    return set(done.stderr.split())


def peppy(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "peppy", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PEPPY_HOME": str(home)},
    )


def test_the_version_imports_nothing_heavy(tmp_path: Path) -> None:
    assert imported_by("--version", home=tmp_path).isdisjoint(HEAVY)


def test_a_question_imports_neither_trio_nor_zenoh(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path, lambda _: [STACK]):
        assert imported_by("stack", "list", home=tmp_path).isdisjoint({"trio", "anyio", "zenoh"})


def test_the_module_is_the_command(tmp_path: Path) -> None:
    done = peppy("--version", home=tmp_path)
    assert (done.returncode, done.stdout) == (0, "peppy 0.1.0\n")


def test_a_reader_that_leaves_early_causes_no_complaint(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path, lambda _: [STACK]):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [sys.executable, "-m", "peppy", "stack", "list"],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            env={**os.environ, "PEPPY_HOME": str(tmp_path)},
        )
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_output_in_a_pipe_has_no_colour_and_is_not_wrapped(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path, lambda _: [STACK]):
        done = peppy("stack", "list", home=tmp_path)
    assert "\x1b" not in done.stdout
    assert STACK.nodes[1].path in done.stdout


@pytest.mark.parametrize(("variable", "coloured"), [("PLAIN", True), ("NO_COLOR", False)])
def test_errors_are_coloured_on_a_terminal_unless_that_is_not_wanted(
    tmp_path: Path, variable: str, coloured: bool
) -> None:
    controller, terminal = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "peppy", "service", "status"],
        stderr=terminal,
        check=False,
        env={"PATH": os.environ["PATH"], "TERM": "xterm", "PEPPY_HOME": str(tmp_path)}
        | {variable: "1"},
    )
    os.close(terminal)
    text = os.read(controller, 4096).decode()
    os.close(controller)
    assert "no peppy daemon answers" in text
    assert ("\x1b[1;31mError:" in text) is coloured
