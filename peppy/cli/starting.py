"""Starting the daemon when a command needs one and none runs."""

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import BinaryIO, Final

from peppy.runtime.control_client import (
    DAEMON_LOG,
    ControlClient,
    DaemonVanished,
    NoDaemon,
    home_directory,
)
from peppy.schema.control import DaemonView, DescribeDaemon
from peppy.schema.errors import PeppyError
from peppy.schema.runtime_config import HOME_VARIABLE, RUNTIME_CONFIG_VARIABLE, TOKEN_VARIABLE
from peppy.schema.wording import reason

START_BUDGET: Final = 15.0
"""Seconds until the daemon must answer; it takes about one."""

LOSER_BUDGET: Final = 0.5
"""Seconds that we still wait after ours has ended, where no other has the home."""

LOCK_NAME: Final = "daemon.lock"
"""Below the home; the process id of the daemon that has it stands in it."""

IDLE_EXIT: Final = 600.0
"""Seconds after which a daemon that nobody asked for by name ends when its stack is empty."""

POLL_INTERVAL: Final = 0.02

LAST_LINES: Final = 10


class DaemonDidNotStart(PeppyError):
    """The daemon that we started does not answer."""

    kind = "daemon_did_not_start"

    def __init__(self, why: str, log: Path, last_lines: list[str]) -> None:
        self.log = log
        lines = "".join(f"\n  {line}" for line in last_lines)
        super().__init__(f"the peppy daemon did not start: {why}{lines}", hint=f"its log: {log}")


def start_daemon(home: Path, client: ControlClient, say: Callable[[str], None]) -> None:
    """Start a daemon of its own session for `home` and return when one answers.

    Of commands that do this at once, one starts it and it answers all. Raises `DaemonDidNotStart`
    with the last lines of its log.
    """
    log = home / DAEMON_LOG
    known = _prepare(log)
    with _turn(log.parent):
        if _who_answers(client) is None:
            view, ours = _start(home, client, known)
            if view.pid == ours:
                say(f"Started the peppy daemon (pid {view.pid})")


def print_into_log() -> None:
    """Have what this process prints go to the end of the daemon's log from now on."""
    log = home_directory() / DAEMON_LOG
    _prepare(log)
    with _opened(log) as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())


def await_daemon(client: ControlClient) -> DaemonView | None:
    """Return the daemon that somebody else has started, or None if none answers in time."""
    deadline = time.monotonic() + START_BUDGET
    while (view := _who_answers(client)) is None and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
    return view


def _start(home: Path, client: ControlClient, known: int) -> tuple[DaemonView, int]:
    """Return the daemon that answers, ours or one that came first, and the process id of ours."""
    log = home / DAEMON_LOG
    deadline = time.monotonic() + START_BUDGET
    process, lost = _spawn(home, log), False
    while (view := _who_answers(client)) is None:
        ended = process.poll() is not None
        if ended and _holder(home) is not None:
            lost = True
        elif ended and lost:
            # The one that had the home was on its way out.
            process, lost = _spawn(home, log), False
        elif ended:
            deadline = min(deadline, time.monotonic() + LOSER_BUDGET)
        if time.monotonic() > deadline:
            why = f"exit code {process.returncode}" if ended else f"no answer in {START_BUDGET:g} s"
            raise DaemonDidNotStart(why, log, _last_lines(log, known))
        time.sleep(POLL_INTERVAL)
    return view, process.pid


@contextlib.contextmanager
def _turn(directory: Path) -> Generator[None]:
    """Let one command after the other in: those that come second find the daemon of the first."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    deadline = time.monotonic() + START_BUDGET
    try:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(POLL_INTERVAL)
            except OSError:
                break  # a file system without locks: the daemons' own one decides
            else:
                break
        yield
    finally:
        os.close(descriptor)


def _holder(home: Path) -> int | None:
    """Return the daemon that has `home`, whether it answers or not."""
    try:
        pid = int((home / LOCK_NAME).read_text())
        os.kill(pid, 0)
    except (OSError, ValueError, OverflowError):
        return None
    return pid if pid > 0 else None


def _prepare(log: Path) -> int:
    """Make the place of the log and return how long it is already."""
    try:
        log.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        log.parent.mkdir(exist_ok=True)
        return log.stat().st_size if log.exists() else 0
    except OSError as error:
        raise PeppyError(f"cannot write below '{log.parent}': {reason(error)}") from error


def _opened(log: Path) -> BinaryIO:
    """Return the log, open at its end."""
    try:
        return log.open("ab")
    except OSError as error:
        raise PeppyError(f"cannot write '{log}': {reason(error)}") from error


def _spawn(home: Path, log: Path) -> "subprocess.Popen[bytes]":
    command = (sys.executable, "-m", "peppy", "service", "serve", "--idle-exit", str(IDLE_EXIT))
    # What marks a node's own processes would have the daemon end with the node that started it.
    foreign = {TOKEN_VARIABLE, RUNTIME_CONFIG_VARIABLE}
    environment = {name: value for name, value in os.environ.items() if name not in foreign}
    environment[HOME_VARIABLE] = str(home)
    with _opened(log) as output:
        return subprocess.Popen(  # noqa: S603  # our own interpreter and our own words
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=environment,
            start_new_session=True,
        )


def _who_answers(client: ControlClient) -> DaemonView | None:
    try:
        return client.call(DescribeDaemon(), timeout=START_BUDGET)
    except (NoDaemon, DaemonVanished):
        return None


def _last_lines(log: Path, known: int) -> list[str]:
    """Return the end of what was printed after the log was `known` bytes long."""
    with log.open("rb") as file:
        # What is shorter by now has begun anew.
        file.seek(known if known <= os.fstat(file.fileno()).st_size else 0)
        return file.read().decode(errors="replace").splitlines()[-LAST_LINES:]
