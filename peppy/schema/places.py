"""Where things stand in a text: lines and columns, and a document's values with their offsets."""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from peppy.schema.names import is_name
from peppy.schema.wording import quoted

_LINE_END: Final = re.compile(r"\r\n|\n|\r")


class Place(msgspec.Struct, frozen=True, order=True):
    """A line and a column of a text, both 1-based; columns count characters."""

    line: int
    column: int


class Lines:
    """The lines of one text, for turning offsets into places."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(end.end() for end in _LINE_END.finditer(text))]

    def place(self, offset: int) -> Place:
        """Return the place of the character at `offset`, which is 0-based."""
        line = bisect_right(self._starts, offset)
        return Place(line, offset - self._starts[line - 1] + 1)


class Spot(msgspec.Struct, frozen=True):
    """A value and where it begins; `members` are the values in it, by key or by index."""

    value: object
    offset: int
    key: int | None = None
    """The offset of the key before it, where it has one."""
    members: "Mapping[str | int, Spot]" = {}


class Parsed(msgspec.Struct, frozen=True):
    """A document's plain values and the place of each."""

    source: str
    """What the text is called in messages, mostly a path."""
    root: Spot
    lines: Lines

    @property
    def value(self) -> object:
        """The whole document as dicts, lists, strings, numbers, booleans and None."""
        return self.root.value

    def place(self, path: Sequence[str | int] = ()) -> Place:
        """Return where the value at `path` begins; raise `KeyError` if there is none."""
        return self.lines.place(self._spot(path).offset)

    def key_place(self, path: Sequence[str | int]) -> Place:
        """Return where the key of the value at `path` begins; raise `KeyError` if it has none."""
        key = self._spot(path).key
        if key is None:
            raise KeyError(path)
        return self.lines.place(key)

    def _spot(self, path: Sequence[str | int]) -> Spot:
        spot = self.root
        for part in path:
            spot = spot.members[part]
        return spot


def joined(path: str, part: str | int) -> str:
    """Return the written path of a member, as in `emits[0].name`; odd keys stand in quotes."""
    if isinstance(part, int):
        return f"{path}[{part}]"
    if not is_name(part.removeprefix("$")):
        return f"{path}[{quoted(part)}]"
    return f"{path}.{part}" if path else part
