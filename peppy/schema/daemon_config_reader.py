"""Reading `peppy_config.json5` (behaviour.md 7.4): its values, and what in it means nothing."""

from collections.abc import Iterator
from typing import Final

import msgspec

from peppy.schema.daemon_config import (
    LEAST_BUFFER,
    LEAST_DAEMON_GRACE,
    LEAST_SHUTDOWN_GRACE,
    Buffers,
    DaemonConfig,
    Lifecycle,
    Mode,
)
from peppy.schema.daemon_config_text import SETTINGS, Setting
from peppy.schema.errors import Problem
from peppy.schema.json5 import parse
from peppy.schema.places import Parsed, Spot, joined
from peppy.schema.reader import Cursor, cursor_over
from peppy.schema.wording import did_you_mean, quoted

LONGEST_GRACE: Final = 7 * 86400.0
"""Seconds; a longer one is a slip of the hand, and systems wait for some weeks at the most."""

LARGEST_BUFFER: Final = 1_000_000
"""Messages; more of the smallest ones fill a robot's memory."""


class Reading(msgspec.Struct, frozen=True):
    """What a file says."""

    config: DaemonConfig
    unknown: tuple[Problem, ...] = ()
    """Keys that mean nothing: they are kept and have no effect, which a person should know."""


def read_daemon_config(text: str | bytes, source: str) -> Reading:
    """Return the settings of a text, with defaults for those that it lacks.

    `source` is what messages call the text. Raises `DocumentError` with all problems at once: what
    is no JSON5, a value of the wrong type, one below its minimum.
    """
    parsed = parse(text, source)
    root = cursor_over(parsed)
    config = _config(root)
    root.report.settle()
    return Reading(config, tuple(_unknown(parsed, parsed.root, SETTINGS, "")))


def _config(root: Cursor) -> DaemonConfig:
    members = root.entries()
    mode = members.get("mode")
    peer, lifecycle = _group(members, "peer"), _group(members, "lifecycle")
    buffers, graces = Buffers(), Lifecycle()
    return DaemonConfig(
        mode=Mode.PEER if mode is None else mode.choice(Mode),
        buffers=Buffers(
            _size(peer.get("standard_buffer_size"), buffers.standard),
            _size(peer.get("high_throughput_buffer_size"), buffers.high_throughput),
        ),
        lifecycle=Lifecycle(
            _seconds(
                lifecycle.get("daemon_grace_secs"), LEAST_DAEMON_GRACE, graces.daemon_grace_secs
            ),
            _seconds(
                lifecycle.get("shutdown_grace_secs"),
                LEAST_SHUTDOWN_GRACE,
                graces.shutdown_grace_secs,
            ),
        ),
    )


def _group(members: dict[str, Cursor], key: str) -> dict[str, Cursor]:
    member = members.get(key)
    return {} if member is None else member.entries()


def _size(cursor: Cursor | None, otherwise: int) -> int:
    """Return a number of messages: a whole number, however it is written."""
    if cursor is None:
        return otherwise
    number = _number(cursor, LEAST_BUFFER, LARGEST_BUFFER)
    if number is None:
        return otherwise
    if number != int(number):
        cursor.problem(f"must be a whole number, not {quoted(str(number))}")
    return int(number)


def _seconds(cursor: Cursor | None, least: float, otherwise: float) -> float:
    if cursor is None:
        return otherwise
    number = _number(cursor, least, LONGEST_GRACE)
    return otherwise if number is None else float(number)


def _number(cursor: Cursor, least: float, most: float) -> int | float | None:
    """Return a number from `least` to `most`; None where a problem has been noted instead."""
    value = cursor.value
    if not isinstance(value, int | float) or isinstance(value, bool):
        cursor.must_be("a number")
    elif value < least:
        cursor.problem(f"must be at least {least:g}, not {quoted(str(value))}")
    elif value > most:
        cursor.problem(f"must be at most {most:.0f}, not {quoted(str(value))}")
    else:
        return value
    return None


def _unknown(
    parsed: Parsed, spot: Spot, settings: tuple[Setting, ...], path: str
) -> Iterator[Problem]:
    """Yield the keys of the object at `spot`, and of those in it, that are no settings."""
    by_key = {setting.key: setting for setting in settings}
    for key, member in spot.members.items():
        inner = joined(path, key)
        setting = by_key.get(str(key))
        if setting is not None:
            if not isinstance(setting.value, str):
                yield from _unknown(parsed, member, setting.value, inner)
        elif member.key is not None:
            place = parsed.lines.place(member.key)
            what = f"{quoted(str(key))} is not known here{did_you_mean(str(key), by_key)}"
            yield Problem(place.line, place.column, inner, what)
