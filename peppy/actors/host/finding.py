"""Looking for files by the end of their names, as a function that blocks: a level at a time."""

import os
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

from peppy.actors.host.exclusions import is_left_out
from peppy.actors.host.ports import FoundFile

MOST_LOOKED_AT: Final = 200_000
"""Names of files and directories; looking at so many takes a second or two."""


def find(directory: Path, suffix: str, depth: int, most: int) -> list[FoundFile]:
    """Return the regular files below `directory` whose names end in `suffix`, those above first.

    What cannot be opened is passed over, but for `directory` itself: that raises `OSError`.
    """
    found: list[FoundFile] = []
    left = MOST_LOOKED_AT
    level = [""]
    for _ in range(depth + 1):
        below: list[str] = []
        for place in level:
            entries = _entries(directory, place)
            left -= len(entries)
            names = [entry.name for entry in entries]
            if place and is_left_out(os.path.basename(place), names):
                continue
            for entry in entries:
                path = os.path.join(place, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    below.append(path)
                elif entry.name.endswith(suffix) and entry.is_file(follow_symlinks=False):
                    with suppress(OSError):  # it has been removed since
                        found.append(FoundFile(path, entry.stat(follow_symlinks=False).st_size))
            if len(found) >= most or left < 0:
                return found[:most]
        level = below
    return found


def _entries(directory: Path, place: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(directory / place) as entries:
            return sorted(islice(entries, MOST_LOOKED_AT), key=lambda entry: entry.name)
    except OSError:
        if place:
            return []
        raise
