"""Starting the daemon when a command needs one and none runs."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from peppy.runtime.control_client import DAEMON_LOG, ControlClient, DaemonVanished, NoDaemon
from peppy.schema.control import DaemonView, DescribeDaemon
from peppy.schema.errors import PeppyError
from peppy.schema.runtime_config import HOME_VARIABLE, RUNTIME_CONFIG_VARIABLE, TOKEN_VARIABLE

START_BUDGET: Final = 15.0
"""Seconds until the daemon must answer; it takes about one."""

LOSER_BUDGET: Final = 2.0
"""Seconds that we wait for another command's daemon after ours has ended: it came first."""

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

    Of two commands that do this at once, one daemon wins and answers both. Raises
    `DaemonDidNotStart` with the last lines of its log.
    """
    log = home / DAEMON_LOG
    known = _prepare(log)
    process = _spawn(home, log)
    deadline = time.monotonic() + START_BUDGET
    while (view := _who_answers(client)) is None:
        ended = process.poll() is not None
        if ended:
            deadline = min(deadline, time.monotonic() + LOSER_BUDGET)
        if time.monotonic() > deadline:
            why = f"exit code {process.returncode}" if ended else f"no answer in {START_BUDGET:g} s"
            raise DaemonDidNotStart(why, log, _last_lines(log, known))
        time.sleep(POLL_INTERVAL)
    if view.pid == process.pid:
        say(f"Started the peppy daemon (pid {view.pid})")


def _prepare(log: Path) -> int:
    """Make the place of the log and return how long it is already."""
    try:
        log.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        log.parent.mkdir(exist_ok=True)
        return log.stat().st_size if log.exists() else 0
    except OSError as error:
        raise PeppyError(f"cannot write below '{log.parent}': {error.strerror}") from error


def _spawn(home: Path, log: Path) -> "subprocess.Popen[bytes]":
    command = (sys.executable, "-m", "peppy", "service", "serve", "--idle-exit", str(IDLE_EXIT))
    # What marks a node's own processes would have the daemon end with the node that started it.
    foreign = {TOKEN_VARIABLE, RUNTIME_CONFIG_VARIABLE}
    environment = {name: value for name, value in os.environ.items() if name not in foreign}
    environment[HOME_VARIABLE] = str(home)
    with log.open("ab") as output:
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
        file.seek(known)
        return file.read().decode(errors="replace").splitlines()[-LAST_LINES:]
