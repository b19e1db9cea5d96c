"""A message for people: one field in a line, nested ones indented, what is long cut short."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

MOST_ITEMS: Final = 16
"""Items of an array that are shown; of a longer one, the first `FIRST_ITEMS` and the number."""

FIRST_ITEMS: Final = 8

MOST_OBJECTS: Final = 64
"""Objects of an array that are shown; each takes lines of its own."""

MOST_BYTES: Final = 16
"""Bytes that are shown one by one; of more, only their number."""

LONGEST_TEXT: Final = 2000
"""Characters."""

_PLAIN: Final = re.compile(r"[^\W\d][^\r\n:#\"'\\]*")
"""Text that cannot be taken for anything else, so it needs no quotes."""

_WORDS: Final = frozenset({"true", "false", "null", "nan", "inf"})

_QUOTES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n", "\t": r"\t", "\r": r"\r"})


def message(values: Mapping[str, Any]) -> str:
    """Return the lines of a message."""
    return "\n".join(_fields(values, "")) or "{}"


def value(item: Any) -> str:
    """Return one field's value: in one line, or in several if there are fields in it."""
    match item:
        case Mapping():
            return message(cast("Mapping[str, Any]", item))
        case list() if _holds_objects(cast("Sequence[Any]", item)):
            return "\n".join(_objects(cast("Sequence[Any]", item), ""))
        case _:
            return scalar(item)


def scalar(item: Any) -> str:
    """Return a value that has no fields in it, in one line."""
    match item:
        case None:
            return "null"
        case bool():
            return "true" if item else "false"
        case str():
            return _text(item)
        case bytes():
            return _octets(item)
        case list():
            return _array(cast("Sequence[Any]", item))
        case _:
            return repr(item)


def _fields(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, item in values.items():
        match item:
            case Mapping() if item:
                yield f"{indent}{name}:"
                yield from _fields(cast("Mapping[str, Any]", item), f"{indent}  ")
            case Mapping():
                yield f"{indent}{name}: {{}}"
            case list() if _holds_objects(cast("Sequence[Any]", item)):
                yield f"{indent}{name}:"
                yield from _objects(cast("Sequence[Any]", item), f"{indent}  ")
            case _:
                yield f"{indent}{name}: {scalar(item)}"


def _objects(items: Sequence[Any], indent: str) -> Iterator[str]:
    for item in items[:MOST_OBJECTS]:
        lines = list(_fields(item, "")) or ["{}"]
        yield f"{indent}- {lines[0]}"
        yield from (f"{indent}  {line}" for line in lines[1:])
    if len(items) > MOST_OBJECTS:
        yield f"{indent}... ({len(items)} items)"


def _holds_objects(items: Sequence[Any]) -> bool:
    return bool(items) and isinstance(items[0], Mapping)


def _array(items: Sequence[Any]) -> str:
    if len(items) <= MOST_ITEMS:
        return f"[{', '.join(map(scalar, items))}]"
    return f"[{', '.join(map(scalar, items[:FIRST_ITEMS]))}, ...] ({len(items)} items)"


def _octets(octets: bytes) -> str:
    if len(octets) > MOST_BYTES:
        return f"<{len(octets)} bytes>"
    return f"<{octets.hex(' ')}>"


def _text(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        return f"{_quoted(text[:LONGEST_TEXT])}... ({len(text)} characters)"
    plain = text.isprintable() and _PLAIN.fullmatch(text) and text == text.strip()
    return text if plain and text.lower() not in _WORDS else _quoted(text)


def _quoted(text: str) -> str:
    escaped = text.translate(_QUOTES)
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in escaped)
    return f'"{"".join(shown)}"'
