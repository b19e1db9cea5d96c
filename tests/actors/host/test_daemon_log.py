"""The daemon's own log: rotated, whole, and never a reason to fail."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

PROGRAM = """
import os, subprocess, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from peppy.actors.host.daemon_log import steady_output

with steady_output(Path({log!r}), limit=400):
    {body}
print("after", file=sys.stderr)
"""


def run(log: Path, body: str, output: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """Have a process do `body` as the daemon does; it prints into `output`, or into `log`."""
    code = PROGRAM.format(root=str(ROOT), log=str(log), body=body)
    with (output or log).open("ab") as file:
        return subprocess.run(
            [sys.executable, "-c", code], stdout=file, stderr=file, check=False, timeout=30
        )


def files(log: Path) -> list[str]:
    """Return the texts of the log's files, oldest first."""
    paths = [*(log.with_name(f"{log.name}.{n}") for n in (3, 2, 1)), log]
    return [path.read_text() for path in paths if path.exists()]


def test_what_is_printed_is_rotated_line_by_line(tmp_path: Path) -> None:
    log = tmp_path / "daemon.log"
    body = "for n in range(300): print('line', f'{n:03}', file=sys.stderr if n % 2 else sys.stdout)"
    assert run(log, body).returncode == 0
    found = files(log)
    assert len(found) == 4
    assert all(len(text) <= 400 for text in found)
    lines = "".join(found).splitlines()
    assert lines.pop() == "after"
    assert lines == [f"line {n:03}" for n in range(300 - len(lines), 300)]


def test_what_others_print_goes_to_the_present_file_and_counts(tmp_path: Path) -> None:
    log = tmp_path / "daemon.log"
    log.write_text("old\n")
    body = (
        "os.write(2, b'x' * 399 + b'\\n'); print('one');"
        " subprocess.run(['sh', '-c', 'echo two; echo three >&2'])"
    )
    assert run(log, body).returncode == 0
    assert files(log) == ["old\n" + "x" * 399 + "\n", "one\ntwo\nthree\nafter\n"]


def test_a_last_word_without_a_line_end_is_kept_and_so_is_what_is_no_text(tmp_path: Path) -> None:
    log = tmp_path / "daemon.log"
    body = "print('caf\\udce9'); print('x' * 5000); sys.stderr.write('last')"
    assert run(log, body).returncode == 0
    assert "".join(files(log)) == "caf\\udce9\n" + "x" * 5000 + "\nlast\nafter\n"


def test_an_error_is_printed_where_it_would_have_been(tmp_path: Path) -> None:
    log = tmp_path / "daemon.log"
    assert run(log, "raise SystemError('broken')").returncode == 1
    assert re.fullmatch(
        r"Traceback .*SystemError: broken\n", "".join(files(log)), re.DOTALL | re.MULTILINE
    )


def test_a_log_that_is_somewhere_else_is_left_alone(tmp_path: Path) -> None:
    log, terminal = tmp_path / "daemon.log", tmp_path / "terminal"
    log.write_text("old\n")
    assert run(log, "print('x' * 1000, file=sys.stderr)", terminal).returncode == 0
    assert (files(log), terminal.read_text()) == (["old\n"], "x" * 1000 + "\nafter\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize("in_log", [True, False])
def test_what_cannot_be_printed_ends_nothing(tmp_path: Path, in_log: bool) -> None:
    log, done = tmp_path / "daemon.log", tmp_path / "done"
    if in_log:
        log.symlink_to("/dev/full")
    lost = "print('lost', file=sys.stderr)"
    body = f"{lost}; {lost}; Path({str(done)!r}).touch()"
    run(log, body, Path("/dev/full"))
    assert done.exists()
