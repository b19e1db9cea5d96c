"""The file `conf/peppy_config.json5`: made at the first start, completed, never rewritten."""

import os
import stat
from pathlib import Path
from typing import Final

from peppy.actors.host.home import Home
from peppy.actors.host.ports import Files, HostError
from peppy.schema.daemon_config import DaemonConfig
from peppy.schema.daemon_config_reader import read_daemon_config
from peppy.schema.daemon_config_text import completed, fresh
from peppy.schema.errors import Problem

DEFAULT_MODE: Final = 0o644


async def load_config(home: Home, files: Files) -> tuple[DaemonConfig, tuple[str, ...]]:
    """Return the settings of `home`, and sentences that a person should see.

    A file that is not there is made; settings that it lacks are added to it. Where it cannot be
    written, its values count all the same, and a sentence says so. Raises `DocumentError` for a
    file that has problems, and `HostError` for one that cannot be read.
    """
    path = home.config
    if not await files.exists(path):
        return DaemonConfig(), await _write(files, path, fresh())
    data = await files.read(path)
    reading = read_daemon_config(data, str(path))
    warnings = tuple(_sentence(path, problem) for problem in reading.unknown)
    before = data.decode()
    after = completed(before)
    if after != before:
        warnings += await _write(files, path, after)
    return reading.config, warnings


async def _write(files: Files, path: Path, text: str) -> tuple[str, ...]:
    # Whoever keeps the settings elsewhere and has a link here keeps the link.
    target = Path(os.path.realpath(path))
    try:
        await files.write(target, text.encode(), mode=_mode(target))
    except HostError as error:
        return (f"{error.sentence}; the settings that it lacks have their defaults",)
    return ()


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return DEFAULT_MODE


def _sentence(path: Path, problem: Problem) -> str:
    return f"{path}:{problem.line}:{problem.column}: {problem.path}: {problem.what}"
