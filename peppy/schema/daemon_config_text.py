"""The text of `peppy_config.json5`: a fresh one with comments, and an old one with what it lacks.

Completing only ever inserts: every character that a person wrote stays, in its place and order.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from peppy.schema.daemon_config import (
    HIGH_THROUGHPUT_BUFFER,
    LEAST_BUFFER,
    LEAST_DAEMON_GRACE,
    LEAST_SHUTDOWN_GRACE,
    STANDARD_BUFFER,
    Mode,
)
from peppy.schema.durations import DAEMON_GRACE, SHUTDOWN_GRACE
from peppy.schema.json5 import parse
from peppy.schema.places import Spot
from peppy.schema.text_edits import STEP, edited, end_of_brackets, indentation, line_end, line_start


class Setting(msgspec.Struct, frozen=True):
    """One member of an object of the document, as a fresh file has it."""

    key: str
    about: tuple[str, ...]
    """The lines of the comment above it."""
    value: "str | tuple[Setting, ...]"
    """JSON5, or the members of an object."""


SETTINGS: Final = (
    Setting(
        "mode",
        (
            f'How nodes reach one another: "{Mode.PEER}" directly, "{Mode.ROUTER}" through the'
            " daemon's router.",
        ),
        f'"{Mode.PEER}"',
    ),
    Setting(
        "peer",
        ("How many messages wait for a consumer before the oldest gives way.",),
        (
            Setting("standard_buffer_size", (f"At least {LEAST_BUFFER}.",), f"{STANDARD_BUFFER}"),
            Setting(
                "high_throughput_buffer_size",
                (f"For 'sensor_data' topics. At least {LEAST_BUFFER}.",),
                f"{HIGH_THROUGHPUT_BUFFER}",
            ),
        ),
    ),
    Setting(
        "lifecycle",
        ("Seconds, each of which every node is told when it starts.",),
        (
            Setting(
                "daemon_grace_secs",
                (
                    "How long a node bears a silent daemon before it ends itself. At least"
                    f" {LEAST_DAEMON_GRACE:g}.",
                ),
                f"{DAEMON_GRACE:g}",
            ),
            Setting(
                "shutdown_grace_secs",
                (
                    "What all shutdown hooks of a node have together. The daemon kills a node only"
                    " some",
                    f"seconds later. At least {LEAST_SHUTDOWN_GRACE:g}.",
                ),
                f"{SHUTDOWN_GRACE:g}",
            ),
        ),
    ),
)
"""Every setting, in the order of a fresh file (behaviour.md 7.4)."""

HEAD: Final = (
    "// The settings of the peppy daemon. It reads them once, when it starts, so a change counts",
    "// from 'peppy service restart' on. What is missing here is added with its default.",
)


def fresh() -> str:
    """Return the text of a file that nobody has written in yet."""
    return "\n".join((*HEAD, "{", *_members(SETTINGS, STEP), "}", ""))


def completed(text: str) -> str:
    """Return `text` with the settings that it lacks, in the objects where they belong.

    Raises `DocumentError` for a text that is no JSON5.
    """
    parsed = parse(text, "")
    insertions = _insertions(text, parsed.root, SETTINGS, line_end(text))
    return edited(text, ((offset, offset, piece) for offset, piece in insertions))


def _insertions(
    text: str, spot: Spot, settings: Sequence[Setting], newline: str
) -> Iterator[tuple[int, str]]:
    """Yield what to insert at which offset of the object at `spot` and of the objects in it.

    Of two for one offset, the one that comes first stands first.
    """
    if not isinstance(spot.value, dict):
        return
    missing = [setting for setting in settings if setting.key not in spot.members]
    for setting in settings:
        inner = spot.members.get(setting.key)
        if inner is not None and not isinstance(setting.value, str):
            yield from _insertions(text, inner, setting.value, newline)
    if not missing:
        return
    last, brace = end_of_brackets(text, spot.offset)
    if text[last - 1] not in "{,":
        yield last, ","
    outer = indentation(text, brace)
    lines = _members(missing, _inner_indent(text, spot, outer))
    start = line_start(text, brace)
    if text[start:brace].strip(" \t"):
        yield brace, "".join((newline, *(line + newline for line in lines), outer))
    else:
        yield start, "".join(line + newline for line in lines)


def _members(settings: Iterable[Setting], indent: str) -> Iterator[str]:
    """Yield the lines of these members; each but the last is followed by an empty line."""
    for number, setting in enumerate(settings):
        if number:
            yield ""
        yield from (f"{indent}// {line}" for line in setting.about)
        if isinstance(setting.value, str):
            yield f"{indent}{setting.key}: {setting.value},"
        else:
            yield f"{indent}{setting.key}: {{"
            yield from _members(setting.value, indent + STEP)
            yield f"{indent}}},"


def _inner_indent(text: str, spot: Spot, outer: str) -> str:
    """Return the indentation of an object's members: that of one that begins a line, if any."""
    for member in spot.members.values():
        if member.key is not None:
            before = text[line_start(text, member.key) : member.key]
            if not before.strip(" \t"):
                return before
    return outer + STEP
