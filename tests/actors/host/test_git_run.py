"""Running git: it is given so much time and room, and it leaves nothing running."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from peppy.actors.host import git_run
from peppy.actors.host.git_run import Limits, TooMuch, TooSlow, run
from peppy.actors.host.ports import HostError
from tests.e2e.harness import wait_until

pytestmark = pytest.mark.e2e

ENVIRONMENT = {"PATH": os.environ["PATH"]}

BRANCHING = "sleep 60 & echo $! >&2; sleep 61 & echo $! >&2; exec sleep 62"
"""A shell's words: a program with two that it has started and told of."""


def lives(pid: int) -> bool:
    """Say whether a process is there and has not ended."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def all_end(pids: list[int]) -> None:
    wait_until(lambda: not any(lives(pid) for pid in pids), "the end of all of it", 10)


async def test_output_code_and_complaints_come_back(tmp_path: Path) -> None:
    script = "echo out; echo one >&2; printf '1%%\\r2%%\\r3%%\\nlast' >&2; exit 3"
    lines: list[str] = []
    ran = await run(["sh", "-c", script], ENVIRONMENT, tmp_path, on_line=lines.append, watched=True)
    assert (ran.code, ran.output) == (3, b"out\n")
    assert ran.complaints == tuple(lines) == ("one", "1%", "2%", "3%", "last")


async def test_files_stand_in_for_both_ends(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"hello")
    with (tmp_path / "in").open("rb") as stdin, (tmp_path / "out").open("wb") as stdout:
        ran = await run(["cat"], ENVIRONMENT, tmp_path, stdin=stdin, stdout=stdout)
        assert stdout.closed
    assert (ran.code, ran.output, (tmp_path / "out").read_bytes()) == (0, b"", b"hello")


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (Limits(idle=0.2, total=60), "nothing came for 0.2 s"),
        (Limits(idle=60, total=0.2), "it took more than 0.2 s"),
    ],
)
async def test_what_takes_too_long_is_ended_with_all_that_it_has_started(
    tmp_path: Path, limits: Limits, why: str
) -> None:
    lines: list[str] = []
    with pytest.raises(TooSlow, match=why):
        await run(
            ["sh", "-c", BRANCHING],
            ENVIRONMENT,
            tmp_path,
            limits=limits,
            on_line=lines.append,
            watched=True,
        )
    assert len(lines) == 2
    all_end([int(line) for line in lines])


async def test_what_goes_on_talking_is_not_idle(tmp_path: Path) -> None:
    script = "for n in 1 2 3 4 5 6; do echo $n >&2; sleep 0.1; done"
    ran = await run(["sh", "-c", script], ENVIRONMENT, tmp_path, limits=Limits(idle=0.4))
    assert ran.code == 0


async def test_cancelling_ends_it_with_all_that_it_has_started(tmp_path: Path) -> None:
    lines: list[str] = []
    with trio.CancelScope() as scope:

        def take(line: str) -> None:
            lines.append(line)
            if len(lines) == 2:
                scope.cancel()

        await run(["sh", "-c", BRANCHING], ENVIRONMENT, tmp_path, on_line=take, watched=True)
    assert scope.cancelled_caught
    all_end([int(line) for line in lines])


async def test_what_it_leaves_in_the_background_holds_nobody_up(tmp_path: Path) -> None:
    lines: list[str] = []
    script = "sleep 60 & echo $! >&2"
    ran = await run(["sh", "-c", script], ENVIRONMENT, tmp_path, on_line=lines.append, watched=True)
    assert ran.code == 0
    all_end([int(lines[0])])


async def test_a_check_ends_it(tmp_path: Path) -> None:
    def full() -> HostError:
        return HostError("it is full")

    with pytest.raises(HostError, match="it is full"):
        await run(["sleep", "60"], ENVIRONMENT, tmp_path, check=full)


async def test_output_without_end_is_cut_off(tmp_path: Path) -> None:
    with pytest.raises(TooMuch):
        await run(["cat", "/dev/zero"], ENVIRONMENT, tmp_path)


def test_it_ends_with_a_daemon_that_was_killed(tmp_path: Path) -> None:
    daemon = (
        "import sys, trio\n"
        "from pathlib import Path\n"
        "from peppy.actors.host.git_run import run\n"
        "say = lambda line: print(line, flush=True)\n"
        f"words = ['sh', '-c', {BRANCHING!r}]\n"
        f"trio.run(lambda: run(words, {ENVIRONMENT!r}, Path('/'), on_line=say, watched=True))\n"
    )
    top = Path(git_run.__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", daemon], stdout=subprocess.PIPE, cwd=top, env={**os.environ}
    ) as process:
        assert process.stdout is not None
        pids = [int(process.stdout.readline()) for _ in range(2)]
        assert all(lives(pid) for pid in pids)
        process.send_signal(signal.SIGKILL)
        process.wait()
    all_end(pids)
