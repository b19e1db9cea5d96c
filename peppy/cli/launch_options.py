"""What the verbs about launch files take, and how it is read."""

import os
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from peppy.cli.options import absolute, positive
from peppy.cli.usage import Usage
from peppy.schema.errors import PeppyError
from peppy.schema.wording import did_you_mean, quoted

LAUNCH_FILE: Final = "peppy_launcher.json5"
"""The launch file of a directory (behaviour.md 6)."""

SUFFIX: Final = ".json5"

LauncherName = Annotated[
    str,
    Parameter(
        name="FILE",
        help="A launch file, a directory with a 'peppy_launcher.json5', or the bare name of"
        " one in a repository.",
    ),
]

LockFile = Annotated[
    Path | None,
    Parameter(name="--lock-file", help="The lock file; by default the one beside the launch file."),
]

Yes = Annotated[bool, Parameter(name=["--yes", "-y"], help="Stop what runs without asking.")]

DryRun = Annotated[
    bool, Parameter(name="--dry-run", help="Show what would be done, and do nothing.")
]

NoRollback = Annotated[
    bool, Parameter(name="--no-rollback", help="Do not bring the former stack back if it fails.")
]

Locked = Annotated[
    bool, Parameter(name="--locked", help="Refuse whatever differs from the lock file.")
]

Frozen = Annotated[
    bool,
    Parameter(
        name="--frozen", help="Launch exactly what the lock file says, wherever branches are now."
    ),
]

Rebuild = Annotated[bool, Parameter(name="--rebuild", help="Build also what has not changed.")]

ADD_IDLE: Final = "--node-add-idle-timeout-secs"
BUILD_IDLE: Final = "--node-build-idle-timeout-secs"
RUN_IDLE: Final = "--node-run-idle-timeout-secs"
LONGEST: Final = "--max-timeout-secs"

AddIdleTimeout = Annotated[
    float, Parameter(name=ADD_IDLE, help="Seconds without progress in fetching (600).")
]

BuildIdleTimeout = Annotated[
    float, Parameter(name=BUILD_IDLE, help="Seconds without a line of a build (600).")
]

RunIdleTimeout = Annotated[
    float, Parameter(name=RUN_IDLE, help="Seconds without a line of a start (600).")
]

MaxTimeoutSecs = Annotated[
    float, Parameter(name=LONGEST, help="Seconds for each build or start, whatever it says (3600).")
]


def launch_timeouts(add: float, build: float, run: float, longest: float) -> dict[str, Any]:
    """Return the time-outs of a launch as fields of `Launch`; raise `Usage` for what is no time."""
    return {
        "add_idle_timeout": positive(add, ADD_IDLE),
        "build_idle_timeout": positive(build, BUILD_IDLE),
        "run_idle_timeout": positive(run, RUN_IDLE),
        "max_timeout": positive(longest, LONGEST),
    }


def launcher(text: str) -> str:
    """Return a launch file as the daemon takes it: an absolute path, or a bare name.

    A path is what has a slash, ends in `.json5` or is there; a directory means the launch file in
    it. Raises `Usage` for an empty text, and `PeppyError` for a path where there is none.
    """
    if not text:
        raise Usage("FILE is empty", hint="'.' is the directory that you are in")
    path = Path(text)
    if path.is_dir():
        path /= LAUNCH_FILE
    elif "/" not in text and not text.endswith(SUFFIX) and not path.exists():
        return text
    if not path.exists():
        raise _absent(path)
    return absolute(path)


def lock_file(path: Path | None) -> str | None:
    """Return a lock file as the daemon takes it."""
    return None if path is None else absolute(path)


def _absent(path: Path) -> PeppyError:
    try:
        there = sorted(name for name in os.listdir(path.parent) if name.endswith(SUFFIX))
    except OSError:
        there = []
    hint = did_you_mean(path.name, there).removeprefix("; ") or (
        "name a launch file, or a directory that has a 'peppy_launcher.json5'"
    )
    return PeppyError(f"there is no launch file {quoted(absolute(path))}", hint=hint)
