"""A moment as people write it: a while ago, a date, or seconds since the epoch."""

import re
from datetime import datetime
from typing import Final

from peppy.cli.usage import Usage

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_AGO: Final = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_EPOCH: Final = re.compile(r"\d+(?:\.\d+)?")


def moment(text: str, now: float, option: str) -> float:
    """Return seconds since the epoch for `10m`, `1h30m`, an ISO time or such a number itself.

    An ISO time without a zone is local. Raises `Usage`, naming the `option`.
    """
    text = text.strip()
    if _AGO.fullmatch(text):
        return now - sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if _EPOCH.fullmatch(text):
        return float(text)
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise Usage(
            f"'{option}' takes a time, not '{text}'",
            hint="write 10m, 2h or 1d for a while ago, 2026-02-17T10:15:00,"
            " or seconds since the epoch",
        ) from None
