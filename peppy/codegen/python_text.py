"""Pieces of Python source: brackets, literals, docstrings and names that are free.

What fits into a line stands in one; else each item has a line of its own, with a comma at the
end. `ruff format` leaves both as they are, at its default width and at any greater one.
"""

import keyword
from collections.abc import Collection, Mapping, Sequence
from typing import Final, cast

import msgspec

from peppy.schema.identifiers import identifier

_INDENT: Final = "    "

WIDTH: Final = 88
"""Columns of a line: what `ruff format` allows unless it is told otherwise."""

LONGEST_MODULE_NAME: Final = 240
"""File systems take 255 bytes; this leaves room for `.py` and for a clash's number."""


class Brackets(msgspec.Struct, frozen=True):
    """Items between brackets; `opening` holds what stands before them as well."""

    opening: str
    items: "tuple[str | Brackets, ...]"
    closing: str


def laid_out(piece: str | Brackets, depth: int = 0, after: str = "") -> str:
    """Return a piece as it stands `depth` levels deep, without the indent of its first line.

    `after` is what will follow on its last line; it counts and is not in the result.
    """
    flat = _flat(piece)
    if isinstance(piece, str) or _columns(flat + after) + len(_INDENT) * depth <= WIDTH:
        return flat
    inner = (laid_out(item, depth + 1, ",") for item in piece.items)
    rows = "".join(f"{_INDENT * (depth + 1)}{item},\n" for item in inner)
    return f"{piece.opening}\n{rows}{_INDENT * depth}{piece.closing}" if rows else flat


def literal(value: object, before: str = "") -> str | Brackets:
    """Return the expression of a plain value, with the text that stands `before` it."""
    match value:
        case str():
            return before + text_literal(value)
        case Mapping():
            entries = cast("Mapping[str, object]", value).items()
            items = (literal(item, f"{text_literal(key)}: ") for key, item in entries)
            return Brackets(f"{before}{{", tuple(items), "}")
        case list() | tuple():
            values = cast("Sequence[object]", value)
            return Brackets(f"{before}[", tuple(literal(item) for item in values), "]")
        case _:
            return before + repr(value)


def text_literal(text: str) -> str:
    """Return a string literal in the quotes that `ruff format` prefers for this text."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(f"\\{c}" if c == quote else _escaped(c) for c in text) + quote


def module(text: str) -> str:
    """Return a module's text as it is to be written.

    Where a name is so long that a line cannot be kept within `WIDTH`, the formatter is told to
    leave the module alone.
    """
    code = (line for line in text.splitlines() if not line.lstrip().startswith('"""'))
    if all(len(line) <= WIDTH for line in code):
        return text
    what, _, rest = text.partition("\n")
    return f"{what}\n# fmt: off\n{rest}"


def docstring(text: str) -> str:
    """Return a docstring of one line; quotes, backslashes and what is unprintable are escaped."""
    return '"""' + "".join('\\"' if c == '"' else _escaped(c) for c in text) + '"""'


def lines(*texts: str, depth: int = 0) -> str:
    """Return each text as a line of its own at this level."""
    return "".join(f"{_INDENT * depth}{text}\n" for text in texts)


def camel(name: str) -> str:
    """Return a name in CamelCase, as in `VideoResolution` for `video-resolution`."""
    words = identifier(name).split("_")
    return "".join(word[:1].upper() + word[1:] for word in words)


def class_name(prefix: str, name: str, taken: set[str]) -> str:
    """Return a free class name for what is called `name`, and take it."""
    wanted = prefix + camel(name)
    if not wanted or wanted[0].isdigit():
        wanted = f"Group{wanted}"
    return unique(wanted, taken)


def attribute(name: str, taken: set[str]) -> str:
    """Return a free attribute name for the field `name`, and take it."""
    plain = identifier(name)
    # A class changes names that begin with `__`, or gives them a meaning of its own.
    return unique(f"field{plain}" if plain.startswith("__") else plain, taken)


def module_name(name: str, taken: set[str]) -> str:
    """Return a free module name for the interface `name`, and take it."""
    return unique(name[:LONGEST_MODULE_NAME], taken)


def unique(wanted: str, taken: set[str]) -> str:
    """Return `wanted`, or with `_1`, `_2`... if it is taken or a keyword; take the result."""
    name, number = wanted, 0
    while name in taken or keyword.iskeyword(name):
        number += 1
        name = f"{wanted}_{number}"
    taken.add(name)
    return name


class Builtins:
    """The built-in names that a module uses, under aliases where a field has the same name."""

    def __init__(self, fields: Collection[str]) -> None:
        """Begin with none used; `fields` are the attribute names of the module's classes."""
        self._fields = fields
        self._aliased: set[str] = set()

    def __call__(self, name: str) -> str:
        """Return how the module writes the built-in `name`."""
        if name not in self._fields:
            return name
        self._aliased.add(name)
        return f"_{name.capitalize()}"

    def imports(self) -> list[str]:
        """Return the import lines for what has been asked for so far."""
        return [f"from builtins import {n} as _{n.capitalize()}" for n in sorted(self._aliased)]


def _flat(piece: str | Brackets) -> str:
    if isinstance(piece, str):
        return piece
    return f"{piece.opening}{', '.join(map(_flat, piece.items))}{piece.closing}"


def _columns(text: str) -> int:
    # Some characters are two columns wide; who counts them all so is never wrong by too little.
    return sum(1 if c.isascii() else 2 for c in text)


def _escaped(character: str) -> str:
    # The quotes are escaped by whoever knows which of them enclose the text.
    return character if character in "'\"" else repr(character)[1:-1]
