"""The file that describes the service: it is written and removed only where it is ours."""

import os
from pathlib import Path

from peppy.cli.service_units import MARK
from peppy.schema.errors import PeppyError
from peppy.schema.wording import reason


class NotOurs(PeppyError):
    """Somebody else has described a service of this name."""

    kind = "not_ours"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"'{path}' was not written by 'peppy service install'",
            hint="move it away if you do not need it",
        )


class RootNeeded(PeppyError):
    """A service of the whole machine is root's."""

    kind = "root_needed"

    def __init__(self, verb: str, program: str) -> None:
        super().__init__(
            "a service of the whole machine takes root's rights",
            hint=f"sudo {program} service {verb} --system",
        )


def must_be_root(verb: str, program: str, user: int | None = None) -> None:
    """Raise `RootNeeded` if the user, by default the one of this process, is not root."""
    if (os.geteuid() if user is None else user) != 0:
        raise RootNeeded(verb, program)


def is_ours(path: Path) -> bool:
    """Say whether there is a file that `peppy service install` has written."""
    try:
        return MARK in path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def write(path: Path, text: str) -> None:
    """Put the description into its place, over an older one of ours.

    Raises `NotOurs`, and `PeppyError` where it cannot be written.
    """
    if os.path.lexists(path) and not is_ours(path):
        raise NotOurs(path)
    beside = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise PeppyError(f"cannot write '{path}': {reason(error)}") from error


def remove(path: Path) -> bool:
    """Remove the description; return whether there was one.

    Raises `NotOurs`, and `PeppyError` where it cannot be removed.
    """
    if not os.path.lexists(path):
        return False
    if not is_ours(path):
        raise NotOurs(path)
    try:
        path.unlink()
    except OSError as error:
        raise PeppyError(f"cannot remove '{path}': {reason(error)}") from error
    return True
