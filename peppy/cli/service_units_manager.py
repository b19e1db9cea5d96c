"""The machine's service manager: where its files lie, and what it is told."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from peppy.cli.service_units import LABEL, UNIT, Service, launchd_agent, systemd_unit
from peppy.cli.service_units_files import is_ours
from peppy.runtime.control_client import home_directory
from peppy.schema.daemon_config_reader import read_daemon_config
from peppy.schema.durations import SHUTDOWN_GRACE
from peppy.schema.errors import DocumentError, PeppyError
from peppy.schema.runtime_config import HOME_VARIABLE

CONFIG: Final = "conf/peppy_config.json5"
"""Below the home."""

ANSWER_LIMIT: Final = 30.0
"""Seconds; a manager answers in much less."""

Words = tuple[str, ...]


class Manager(msgspec.Struct, frozen=True, kw_only=True):
    """One service manager, as far as the daemon's service goes."""

    name: str
    path: Path
    """Of the file that describes the service."""
    service: Service
    text: str
    """What is to stand in the file."""
    enable: tuple[Words, ...]
    """Commands that make it start with the machine, or with its user."""
    enable_now: tuple[Words, ...]
    """The same, and start it."""
    start: Words
    disable: tuple[Words, ...]
    """Commands after which it starts no more; one that runs goes on."""
    forget: tuple[Words, ...]
    """Commands for when the file is gone."""
    pid: Words | None
    """The command that prints the process id of the one that runs."""


def manager_here(*, system: bool = False, platform: str = sys.platform) -> Manager:
    """Return the manager of this machine, or of this user on it."""
    if platform == "darwin":
        return _launchd(system)
    return _systemd(system)


def installed() -> Manager | None:
    """Return the manager that has a file of ours, the user's before the machine's."""
    for system in (False, True):
        manager = manager_here(system=system)
        if is_ours(manager.path):
            return manager
    return None


def tell(commands: tuple[Words, ...]) -> str | None:
    """Carry out commands one by one; return why one failed, None if none did."""
    for words in commands:
        done = _run(words)
        if isinstance(done, str):
            return done
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines()
            return f"'{' '.join(words)}' says: {lines[0] if lines else 'nothing'}"
    return None


def runs(manager: Manager, pid: int) -> bool:
    """Say whether the daemon `pid` is the one that the manager has started."""
    if manager.pid is None:
        return False
    done = _run(manager.pid)
    return not isinstance(done, str) and done.stdout.strip() == str(pid)


def _run(words: Words) -> "subprocess.CompletedProcess[str] | str":
    """Return the ended command, or why it could not be carried out."""
    program = shutil.which(words[0])
    if program is None:
        return f"there is no '{words[0]}' on this machine"
    try:
        return subprocess.run(  # noqa: S603  # the manager's own program and our own words
            (program, *words[1:]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=ANSWER_LIMIT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"'{words[0]}' does not answer: {error}"


def _systemd(system: bool) -> Manager:
    service = _service(os.environ, system)
    base: Words = ("systemctl",) if system else ("systemctl", "--user")
    directory = Path("/etc/systemd/system") if system else _configuration() / "systemd" / "user"
    reload = (*base, "daemon-reload")
    return Manager(
        name="systemd",
        path=directory / UNIT,
        service=service,
        text=systemd_unit(service),
        enable=(reload, (*base, "enable", UNIT)),
        enable_now=(reload, (*base, "enable", "--now", UNIT)),
        start=(*base, "start", UNIT),
        disable=((*base, "disable", UNIT),),
        forget=(reload,),
        pid=(*base, "show", "--property=MainPID", "--value", UNIT),
    )


def _launchd(system: bool) -> Manager:
    service = _service(os.environ, system)
    if system:
        path, domain = Path("/Library/LaunchDaemons") / f"{LABEL}.plist", "system"
    else:
        path = _user_home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"
        domain = f"gui/{os.getuid()}"
    bootstrap = ("launchctl", "bootstrap", domain, str(path))
    return Manager(
        name="launchd",
        path=path,
        service=service,
        text=launchd_agent(service),
        # What lies in its place is started at the next login; a bootstrap starts it at once.
        enable=(),
        enable_now=(bootstrap,),
        start=bootstrap,
        disable=(),
        forget=(),
        pid=None,
    )


def _service(environment: Mapping[str, str], system: bool) -> Service:
    home = environment.get(HOME_VARIABLE)
    return Service(
        command=(*_program(), "service", "serve", "--to-log"),
        home=str(Path(home).absolute()) if home else None,
        user=(environment.get("SUDO_USER") or _user()) if system else None,
        grace=_grace(),
    )


def _program() -> Words:
    """Return how this installation of peppy is started, whatever the PATH says later."""
    script = Path(sys.executable).parent / "peppy"
    return (str(script),) if script.exists() else (sys.executable, "-m", "peppy")


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _configuration() -> Path:
    """Return where this user's settings lie."""
    named = os.environ.get("XDG_CONFIG_HOME")
    return Path(named) if named else _user_home() / ".config"


def _user_home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise PeppyError(
            "there is no home directory to put a service into", hint="set HOME"
        ) from error


def _grace() -> float:
    """Return the shutdown grace of this home; what is wrong in its settings the daemon says."""
    try:
        text = (home_directory() / CONFIG).read_bytes()
        return read_daemon_config(text, CONFIG).config.lifecycle.shutdown_grace_secs
    except (OSError, DocumentError):
        return SHUTDOWN_GRACE
