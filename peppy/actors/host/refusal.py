"""Why a program did not start, as a sentence and a next step."""

import errno
import os
from typing import Final

from peppy.actors.host.files import cannot
from peppy.actors.host.ports import CommandLine, HostError

_WHY: Final = {
    errno.ENOENT: ("the interpreter in its first line is not there", "see its first line"),
    errno.EACCES: ("it is not executable", "run chmod +x on it"),
    errno.ENOEXEC: ("it is no program of this machine", "a script begins with '#!/bin/sh', say"),
}
"""What the system's answers mean for a program that is there."""


_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
"""What the system answers where nothing can be written."""


def no_such_directory(command: CommandLine) -> HostError:
    """Return the refusal to start a program in a directory that is not there."""
    return HostError(f"{_cannot(command)}: there is no directory '{command.directory}'")


def no_such_program(command: CommandLine) -> HostError:
    """Return the refusal to start what is neither at its path nor on the PATH."""
    hint = "see whether the build makes it; only a name without '/' is looked for on the PATH"
    if "/" not in command.argv[0]:
        path = command.environment.get("PATH")
        where = f"PATH, which is '{path}'" if path else "PATH, which is not set"
        hint = f"install it, or add its directory to {where}"
    return HostError(f"{_cannot(command)}: there is no such program", hint=hint)


def refusal(command: CommandLine, number: int) -> HostError:
    """Return what the system's error `number` means for the start of `command`. Looks at disk."""
    if not command.directory.is_dir():
        return no_such_directory(command)
    program = command.argv[0]
    is_there = "/" in program and os.path.lexists(command.directory / program)
    if number == errno.ENOENT and not is_there:
        return no_such_program(command)
    if number in _DISK:
        # What the program's shim writes before it starts anything: its log, and its record.
        place = (command.record or command.log).parent
        error = OSError(number, os.strerror(number))
        return HostError(f"{_cannot(command)}: {cannot('write below', place, error)}")
    why, hint = _WHY.get(number, (os.strerror(number), None))
    return HostError(f"{_cannot(command)}: {why}", hint=hint)


def _cannot(command: CommandLine) -> str:
    return f"cannot start '{command.argv[0]}'"
