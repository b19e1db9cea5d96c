"""Log files: where they lie, and how their lines look (behaviour.md 7.1, 7.3)."""

from datetime import datetime
from pathlib import Path
from typing import Final

from peppy.schema.names import NodeId

LAST_LINES: Final = 20
"""How many lines of a failed process's output an error shows (behaviour.md 11.2)."""


def stamp(now: float) -> str:
    """Return the local time as in `2026-02-17T10:15:23.599`; `now` is seconds since the epoch."""
    return datetime.fromtimestamp(now).astimezone().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]


def line(now: float, text: str, mark: str | None = None) -> bytes:
    """Return one line of the daemon's own: `[time] text`, or `[time] [mark] text`."""
    marked = text if mark is None else f"[{mark}] {text}"
    return f"[{stamp(now)}] {marked}\n".encode()


def job_log(directory: Path, node: NodeId, now: float) -> Path:
    """Return the path `<name>_<tag>_<YYYYMMDD_HHMMSS_mmm>.log` in `directory`."""
    when = datetime.fromtimestamp(now).astimezone().strftime("%Y%m%d_%H%M%S_%f")[:-3]
    return directory / f"{node.name}_{node.tag}_{when}.log"


def without_stamp(text: str) -> str:
    """Return what stood behind the time and the stream's mark of a log line."""
    rest = text.split("] ", 1)[-1] if text.startswith("[") else text
    for mark in ("[stdout] ", "[stderr] "):
        if rest.startswith(mark):
            return rest.removeprefix(mark)
    return rest
