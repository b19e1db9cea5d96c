"""A daemon of its own for one test, with its own home directory and its own port: a process."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol, TypeVar

import trio

from peppy.runtime.control_client import (
    DAEMON_LOG,
    ControlClient,
    DaemonVanished,
    NoDaemon,
    socket_path,
)
from peppy.runtime.log_following import last_lines
from peppy.runtime.transport.ports import lasting_port
from peppy.schema.control import DaemonView, DescribeDaemon, StopDaemon
from peppy.schema.errors import PeppyError
from peppy.schema.frames import Note
from peppy.schema.requests import Request
from peppy.schema.runtime_config import (
    HOME_VARIABLE,
    PORT_VARIABLE,
    RUNTIME_CONFIG_VARIABLE,
    STATE_FILE_VARIABLE,
    TOKEN_VARIABLE,
)
from peppy.schema.wording import reason
from peppy.testing.stack.janitor import processes_of

A = TypeVar("A")

FOREIGN: Final = (
    HOME_VARIABLE,
    PORT_VARIABLE,
    RUNTIME_CONFIG_VARIABLE,
    STATE_FILE_VARIABLE,
    TOKEN_VARIABLE,
    "VIRTUAL_ENV",
)
"""What a test's own environment must not hand on to the stack that it tests."""

START: Final = 20.0
"""Seconds until the daemon must answer; it takes about one."""

LOOK: Final = 0.02
"""Seconds between two looks whether it does."""

END: Final = 10.0
"""Seconds from a daemon's last word to its end."""

GONE: Final = 5.0
"""Seconds for what was killed to be gone."""

LAST_LINES: Final = 10

STARTS: Final = 3
"""How often a start is tried: somebody else may take the port at the same moment."""


class DaemonFailed(PeppyError):
    """The test's daemon does not run."""

    kind = "daemon_failed"

    def __init__(self, why: str, home: Path) -> None:
        lines, _ = last_lines(home / DAEMON_LOG, LAST_LINES, absent_is_empty=True)
        shown = "".join(f"\n  {line}" for line in lines)
        super().__init__(f"the daemon of the real stack {why}{shown}")


class OwnDaemon(Protocol):
    """One daemon after another on the same home directory, on the machine as it is."""

    @property
    def home(self) -> Path:
        """Its home directory, which nobody else has."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """What builds and instances are started with."""
        ...

    async def start(self) -> DaemonView:
        """Start a daemon and return what it says of itself. Raises `PeppyError`."""
        ...

    async def ask(self, request: Request[A], on_note: Callable[[Note], None] | None = None) -> A:
        """Return its answer; raises the `PeppyError` that it refuses with."""
        ...

    async def read(self, path: Path) -> bytes:
        """Return a file as the daemon sees it; raises `PeppyError`."""
        ...

    def kill(self) -> None:
        """Kill it, without a chance to say anything; its instances live on."""
        ...

    async def stop(self) -> None:
        """Have it take the stack down, and end. Raises `PeppyError` if that fails."""
        ...

    async def destroy(self) -> list[str]:
        """Let nothing of it be left; return what there still was."""
        ...


def environment_at(home: Path) -> dict[str, str]:
    """Return a daemon's environment for this home, with a port that it keeps."""
    return {
        **{name: value for name, value in os.environ.items() if name not in FOREIGN},
        HOME_VARIABLE: str(home),
        # Kept over all daemons: where one is killed, another's would take its port meanwhile.
        PORT_VARIABLE: str(lasting_port()),
    }


class RealDaemon:
    """One daemon after another on the same home directory, each a process."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._client = ControlClient(socket_path(home))
        self._process: subprocess.Popen[bytes] | None = None
        self.environment = environment_at(home)
        """What the daemon, builds and instances are started with."""

    async def start(self) -> DaemonView:
        """Start a daemon and return what it says of itself. Raises `DaemonFailed`."""
        for attempt in range(STARTS):
            if attempt:
                self.kill()
                self.environment[PORT_VARIABLE] = str(lasting_port())
            process = self._process = self._spawn()
            with trio.move_on_after(START):
                while process.poll() is None:
                    try:
                        return await self.ask(DescribeDaemon())
                    except (NoDaemon, DaemonVanished):
                        await trio.sleep(LOOK)
        ended = self._process is None or self._process.poll() is not None
        raise DaemonFailed("did not start" if ended else f"is silent for {START:g} s", self.home)

    async def ask(self, request: Request[A], on_note: Callable[[Note], None] | None = None) -> A:
        """Return its answer, however long that takes; raises as `ControlClient.call` does.

        `on_note` is called on another thread. Cancelled, it waits for the answer no more.
        """
        return await trio.to_thread.run_sync(
            self._client.call, request, on_note, abandon_on_cancel=True
        )

    async def read(self, path: Path) -> bytes:
        """Return a file's content. Raises `PeppyError`."""
        try:
            return await trio.Path(path).read_bytes()
        except OSError as error:
            raise PeppyError(f"cannot read '{path}': {reason(error)}") from error

    def kill(self) -> None:
        """Kill it, without a chance to say anything; its instances live on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    async def stop(self) -> None:
        """Have it take the stack down, and end. Raises `PeppyError` if that fails."""
        if self._process is None:
            return
        await self.ask(StopDaemon())
        try:
            await trio.to_thread.run_sync(self._process.wait, END)
        except subprocess.TimeoutExpired:
            why = f"has not ended {END:g} s after it said that it would"
            raise DaemonFailed(why, self.home) from None
        self._process = None

    async def destroy(self) -> list[str]:
        """Let nothing of it be left; return what there still was."""
        self.kill()
        return await swept(self.home)

    def _spawn(self) -> "subprocess.Popen[bytes]":
        self.home.mkdir(mode=0o700, exist_ok=True)
        return subprocess.Popen(  # our own interpreter and our own words
            (sys.executable, "-m", "peppy", "service", "serve", "--to-log"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=self.environment,
            # A Ctrl+C is the test's: it takes the stack down in order.
            start_new_session=True,
        )

    def __repr__(self) -> str:
        return f"<RealDaemon in '{self.home}'>"


async def swept(home: Path) -> list[str]:
    """Kill every process of this home that is there; return what they were."""
    left = processes_of(home)
    with trio.move_on_after(GONE):
        while there := processes_of(home):
            for pid in there:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await trio.sleep(LOOK)
    return [f"process {pid} ran on: {command}" for pid, command in left.items()]
