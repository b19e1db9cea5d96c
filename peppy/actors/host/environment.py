"""The environment that build and run commands get (behaviour.md 10.3)."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from peppy.schema.runtime_config import RUNTIME_CONFIG_VARIABLE, TOKEN_VARIABLE

LEFT_OUT: Final = frozenset(
    {
        *("PWD", "OLDPWD"),
        *("LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT"),
        *("BASH_ENV", "ENV", "CDPATH", "IFS", "SHELLOPTS", "BASHOPTS", "PS4"),
        *("PROMPT_COMMAND", "GLOBIGNORE"),
        # A caller may itself run inside an instance: what names that one is not for this one.
        *(RUNTIME_CONFIG_VARIABLE, TOKEN_VARIABLE),
        # So is an environment that the caller has activated: a node is built into its own.
        *("VIRTUAL_ENV", "PYTHONHOME", "UV_PROJECT_ENVIRONMENT"),
    }
)
"""What says where the caller stood, or changes how a loader or a shell starts."""

_REFERENCE: Final = re.compile(r"\$\{(\w+)\}", re.ASCII)


def child_environment(
    caller: Mapping[str, str], extra: Mapping[str, str], *, uv_directory: str | None
) -> dict[str, str]:
    """Return the caller's environment without what misleads, with `extra` on top.

    The path stays as the caller has it: its tools are found, even those of an environment that is
    active there. Python prints without buffers, so that a log has every line when it was printed.
    `uv_directory` comes last on the path: a machine's own uv wins.
    """
    environment = {
        name: value
        for name, value in caller.items()
        if name not in LEFT_OUT and not name.startswith("DYLD_")
    }
    environment.setdefault("PYTHONUNBUFFERED", "1")
    environment.update(extra)
    if uv_directory is not None:
        path = environment.get("PATH") or os.defpath
        environment["PATH"] = os.pathsep.join((path, uv_directory))
    return environment


def expand(argv: Sequence[str], environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the arguments to start a `build_cmd` with.

    A single element is a shell's line; in several, `${NAME}` is replaced, and stays as it stands
    where it has no value. Source: behaviour.md 2.5.
    """
    if len(argv) == 1:
        return ("/bin/sh", "-c", argv[0])

    def value(reference: re.Match[str]) -> str:
        return environment.get(reference[1], reference[0])

    return tuple(_REFERENCE.sub(value, argument) for argument in argv)


def bundled_uv() -> str | None:
    """Return the directory of the uv that was installed with us, or None if there is none."""
    try:
        # Only a daemon needs it, and an installation without it works where the system has uv.
        from uv import find_uv_bin
    except ImportError:
        return None
    try:
        return str(Path(find_uv_bin()).parent)
    except FileNotFoundError:
        return None
