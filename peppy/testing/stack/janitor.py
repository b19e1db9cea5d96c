"""The program that ends a real stack whose test was killed: nothing of it stays.

It waits at the other end of a pipe. As long as the test lives it does nothing. When the pipe closes
without a word the test is gone: the stack is taken down in order, whatever is left after that is
killed, and the home directory is removed.

It is run as a file of its own: only the standard library is imported here.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

HOME_VARIABLE: Final = "PEPPY_HOME"

TOKEN_VARIABLE: Final = "PEPPY_INSTANCE_TOKEN"

SHIM: Final = b"shim_main.py"
"""In the command of what stands between a daemon and each of its processes."""

NOT_NEEDED: Final = b"."
"""What the test says when all is gone already."""

IN_ORDER: Final = 60.0
"""Seconds in which the daemon has to take the stack down."""

TERMINATED: Final = 15.0
"""Seconds for what was told to end, and has no daemon; then it is killed."""

LOOK: Final = 0.05
"""Seconds between two looks at what there is."""

QUIET: Final = 3
"""Looks in a row without anything: a process may have been about to start another one."""


@contextmanager
def janitor_at(home: Path, environment: Mapping[str, str]) -> Generator[None]:
    """Inside the block, have all of this home ended should the present process be killed.

    `environment` is what the home's daemon is started with. Nothing is done at the block's end.
    """
    # Whoever looks for what has this home in its environment must not find the janitor.
    own = {name: value for name, value in environment.items() if name != HOME_VARIABLE}
    with subprocess.Popen(  # noqa: S603  # our own interpreter and our own words
        (sys.executable, "-I", "-S", __file__, str(home)),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=own,
        # Whoever kills the test may kill its whole process group.
        start_new_session=True,
    ) as janitor:
        try:
            yield
        finally:
            with suppress(BrokenPipeError):
                janitor.communicate(NOT_NEEDED)


def processes_of(home: Path) -> dict[int, str]:
    """Return the processes that have this home in their environment, with their commands."""
    wanted = f"{HOME_VARIABLE}={home}".encode()
    found: dict[int, str] = {}
    for pid, variables in _environments():
        if wanted in variables:
            with suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
                found[pid] = command.decode(errors="replace").strip()
    return found


def clean_up(home: Path) -> None:
    """End everything of this home, in order if that is possible, and remove it."""
    environment = {**os.environ, HOME_VARIABLE: str(home)}
    words = (sys.executable, "-m", "peppy", "service", "stop")
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(  # noqa: S603  # likewise
            words,
            env=environment,
            timeout=IN_ORDER,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    _end_all(home)
    shutil.rmtree(home, ignore_errors=True)


def _end_all(home: Path) -> None:
    """End what no daemon has ended, until nothing is there any more."""
    told: set[int] = set()
    kill_at = time.monotonic() + TERMINATED
    quiet = 0
    while quiet < QUIET:
        there = _with_shims(processes_of(home)) | {pid for pid in told if _is_shim(pid)}
        quiet = 0 if there else quiet + 1
        for pid in there:
            with suppress(ProcessLookupError):
                if time.monotonic() > kill_at:
                    os.kill(pid, signal.SIGKILL)
                elif pid not in told and not _is_of_instance(pid):
                    # An instance is told by the shim that it came of: twice would be in a hurry.
                    told.add(pid)
                    os.kill(pid, signal.SIGTERM)
        time.sleep(LOOK)


def _with_shims(processes: Iterable[int]) -> set[int]:
    """Return these, and the shims among their parents: those of a dead test's are not at home."""
    return {*processes, *(pid for pid in map(_parent, processes) if _is_shim(pid))}


def _parent(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError):
        # The command before it, in parentheses, may have spaces and parentheses in it.
        _, _, rest = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")
        return int(rest.split()[1])
    return 0


def _is_shim(pid: int) -> bool:
    with suppress(OSError):
        return SHIM in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def _is_of_instance(pid: int) -> bool:
    start = f"{TOKEN_VARIABLE}=".encode()
    with suppress(OSError):
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return any(each.startswith(start) for each in variables)
    return False


def _environments() -> Generator[tuple[int, list[bytes]]]:
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield int(entry.name), (entry / "environ").read_bytes().split(b"\0")


def main() -> None:
    """Wait for the end of the test, and clean up after it if it has said nothing."""
    if not sys.stdin.buffer.read(len(NOT_NEEDED)):
        clean_up(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
