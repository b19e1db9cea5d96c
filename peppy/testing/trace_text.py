"""A trace as lines for people, and as lines for programs; equal runs give equal bytes."""

import dataclasses
import enum
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from peppy.testing.trace_abridged import Abridged, digest
from peppy.testing.trace_entry import Entry

WIDTH: Final = 120
"""Characters of a line in a failure's report."""

AROUND: Final = 10
"""Entries on both sides of the one that a failure is about."""

FEW: Final = 3
"""Items of a list that a shortened line shows."""


def rows(entries: Sequence[Entry], width: int | None = WIDTH, marks: str = "") -> list[str]:
    """Return one line for each entry, in columns; `marks` has a character for each, put before it.

    `width` is the most characters that a line may have; without, everything is shown.
    """
    times = [f"{entry.at:.3f}" for entry in entries]
    wide = [
        max(map(len, column), default=0)
        for column in (times, [entry.name for entry in entries], [entry.who for entry in entries])
    ]
    lines: list[str] = []
    for index, (entry, time) in enumerate(zip(entries, times, strict=True)):
        mark = marks[index] if marks else " "
        head = (
            f"{mark} {time:>{wide[0]}} s  {entry.kind.value:<7}  "
            f"{entry.name:<{wide[1]}}  {entry.who:<{wide[2]}}  "
        )
        line = (head + _content(entry, None if width is None else FEW)).rstrip()
        lines.append(line if width is None else shortened(line, width))
    return lines


def excerpt(entries: Sequence[Entry], centre: int, around: int = AROUND) -> list[str]:
    """Return the lines about the entry at `centre`, which is pointed at, and how many are left out.

    A centre of -1 is before all entries, and points at none.
    """
    begin, end = max(0, centre - around), centre + around + 1
    shown = entries[begin:end]
    marks = "".join(">" if begin + i == centre else " " for i in range(len(shown)))
    lines = rows(shown, WIDTH, marks)
    if begin:
        lines.insert(0, f"  ... {begin} earlier")
    if (later := len(entries) - end) > 0:
        lines.append(f"  ... {later} later")
    return lines or ["  the trace is empty"]


def text(entries: Sequence[Entry], width: int | None = None) -> str:
    """Return all entries, one per line."""
    return "".join(f"{line}\n" for line in rows(entries, width))


def json_lines(entries: Iterable[Entry]) -> bytes:
    """Return all entries as JSON, one object per line, with values as `plain` gives them."""
    encoder = msgspec.json.Encoder()
    return encoder.encode_lines(
        {
            "at": entry.at,
            "kind": entry.kind.value,
            "name": entry.name,
            "who": entry.who,
            "what": plain(_read(entry)),
        }
        for entry in entries
    )


def write(path: Path, entries: Sequence[Entry]) -> None:
    """Write all entries to a file: as JSON lines if its suffix is `.jsonl`, else as text."""
    if path.suffix == ".jsonl":
        path.write_bytes(json_lines(entries))
    else:
        path.write_text(text(entries), encoding="utf-8")


def plain(value: Any) -> Any:
    """Return a value as JSON has it; bytes as their length and digest, dataclasses as objects."""
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if _is_binary(value):
        return {"bytes": len(value), "sha256": _digest(value)}
    if _is_list(value):
        return [plain(item) for item in value]
    fields = _fields(value)
    return str(value) if fields is None else {name: plain(item) for name, item in fields}


def shown(value: Any, few: int | None = None) -> str:
    """Return a value for people; of each list at most `few` items, and floats in short then."""
    if isinstance(value, float):
        return repr(value) if few is None else f"{value:.6g}"
    if _is_binary(value):
        return f"<{len(value)} bytes {_digest(value)}>"
    if _is_list(value):
        most = [shown(item, few) for item in value[:few]]
        return f"[{', '.join(most + ['…'] * (len(value) > len(most)))}]"
    if (fields := _fields(value)) is not None:
        return f"{{{', '.join(f'{name}: {shown(item, few)}' for name, item in fields)}}}"
    return repr(plain(value))


def shortened(line: str, width: int) -> str:
    """Return as much of a line as fits."""
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _content(entry: Entry, few: int | None) -> str:
    value = _read(entry)
    if value is None:
        return ""
    return value.replace("\n", "\\n") if isinstance(value, str) else shown(value, few)


def _read(entry: Entry) -> Any:
    """Return what an entry says; one that cannot be read must not hide the others."""
    try:
        return entry.what
    except Exception as error:
        return f"<unreadable: {error}>"


def _fields(value: Any) -> list[tuple[str, Any]] | None:
    """Return what a mapping or a dataclass holds; None for anything else."""
    if _is_mapping(value):
        return [(str(name), item) for name, item in value.items()]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    return None


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _is_binary(value: object) -> bool:
    return isinstance(value, bytes | bytearray | memoryview | Abridged)


def _digest(value: Any) -> str:
    return value.digest if isinstance(value, Abridged) else digest(value)
