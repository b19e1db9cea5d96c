"""The log of a process where the disk does not do as it should."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from peppy.actors.host.shim_log import Log

ROOT = Path(__file__).resolve().parents[3]

FULL = """
import resource, signal, sys
sys.path.insert(0, {root!r})
from peppy.actors.host.shim_log import Log

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = Log({path!r}, 1 << 20)
log.write(b"one\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
log.write(b"two\\nthree\\nfour\\n")
log.write(b"five\\n")
print(log.lost)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
log.write(b"six\\n")
print(log.lost)
log.write(b"seven\\n")
"""
"""A disk with room for ten bytes, for a while."""


def test_lines_without_room_are_lost_and_counted_once_there_is_room_again(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    code = FULL.format(root=str(ROOT), path=str(path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3", "0"], done.stderr
    lines = path.read_text().splitlines()
    notice = lines.pop(3)
    assert lines == ["one", "two", "th", "six", "seven"]
    assert re.fullmatch(r"\[.{23}\] \[warning\] 3 lines are missing here: file too large", notice)


def test_a_disk_that_never_has_room_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.symlink_to("/dev/full")
    log = Log(str(path), 1000)
    for _ in range(10):
        log.write(b"line\n" * 100)
    assert log.lost == 1000
    log.close()


def test_a_log_that_cannot_be_rotated_grows(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        (tmp_path / f"run.log.{number}" / "in_the_way").mkdir(parents=True)
    log = Log(str(tmp_path / "run.log"), 10)
    for n in range(5):
        log.write(b"line %d\n" % n)
    log.close()
    assert (tmp_path / "run.log").read_text().split()[1::2] == list("01234")


def test_what_others_add_to_a_log_counts_as_well(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    log = Log(str(path), 100)
    log.write(b"ours\n")
    with path.open("ab") as other:
        other.write(b"x" * 94 + b"\n")
    log.write(b"ours\n")
    log.close()
    assert path.read_bytes() == b"ours\n"
    assert (tmp_path / "run.log.1").stat().st_size == 100


@pytest.mark.parametrize("limit", [1, 7, 100, 10_000])
def test_no_line_is_cut_and_none_is_lost_whatever_the_limit(tmp_path: Path, limit: int) -> None:
    lines = [f"{n:03d} {'x' * n}\n".encode() for n in range(60)]
    log = Log(str(tmp_path / "run.log"), limit)
    log.write(b"".join(lines))
    log.close()
    names = [f"run.log.{n}" for n in (3, 2, 1)] + ["run.log"]
    kept = b"".join((tmp_path / n).read_bytes() for n in names if (tmp_path / n).exists())
    assert kept
    assert b"".join(lines).endswith(kept)
    assert re.match(rb"\d{3} ", kept)
