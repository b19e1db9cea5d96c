"""Changing a JSON5 text without losing what a person wrote in it: comments, order, white space.

Each function looks at one text and returns its changes; offsets are those of that text.
"""

import re
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Final, TypeAlias

from peppy.schema.tokens import Token, TokenKind, tokens

STEP: Final = "  "
"""What a level is indented by, in what peppy writes."""

_LINE_END: Final = re.compile(r"\r\n|\n|\r")

Edit: TypeAlias = tuple[int, int, str]
"""Where a piece begins and ends, and what stands there instead."""


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Return a text with these changes; of two at one offset, the one that comes first."""
    pieces: list[str] = []
    done = 0
    for start, end, piece in sorted(edits, key=itemgetter(0)):
        pieces += (text[done:start], piece)
        done = end
    return "".join((*pieces, text[done:]))


def line_end(text: str) -> str:
    """Return what ends the lines of a text."""
    return found.group() if (found := _LINE_END.search(text)) else "\n"


def line_start(text: str, offset: int) -> int:
    """Return where the line begins that has `offset`."""
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def indentation(text: str, offset: int) -> str:
    """Return the white space at the beginning of the line that has `offset`."""
    line = text[line_start(text, offset) : offset]
    return line[: len(line) - len(line.lstrip(" \t"))]


def begins_line(text: str, offset: int) -> bool:
    """Say whether nothing but white space stands before `offset` on its line."""
    return not text[line_start(text, offset) : offset].strip(" \t")


def end_of_brackets(text: str, offset: int) -> tuple[int, int]:
    """Return where the last token in the object or list at `offset` ends, and its last bracket."""
    depth = last = 0
    for token in tokens(text):
        if token.offset < offset:
            continue
        if token.kind is TokenKind.MARK and token.text in "{[":
            depth += 1
        elif token.kind is TokenKind.MARK and token.text in "}]":
            depth -= 1
            if depth == 0:
                return last, token.offset
        last = token.offset + len(token.text)
    raise ValueError(f"no object begins at {offset}")


def end_of_value(text: str, offset: int) -> int:
    """Return where the value ends that begins at `offset`."""
    if text[offset] in "{[":
        return end_of_brackets(text, offset)[1] + 1
    return offset + len(next(token.text for token in tokens(text) if token.offset == offset))


def appending(text: str, opening: int, items: Sequence[str]) -> list[Edit]:
    """Put items, each of one or more lines, at the end of the object or list at `opening`.

    They stand on the same line where the others do and there are no more lines in them.
    """
    last, closing = end_of_brackets(text, opening)
    needs_comma = text[last - 1] not in "{[,"
    flat = not _LINE_END.search(text[opening:closing] + "".join(items))
    if flat:
        gap = ", " if needs_comma else " " if text[last - 1] == "," else ""
        return [(last, last, gap + ", ".join(items))]
    newline, outer = line_end(text), indentation(text, closing)
    inner = _inner_indentation(text, opening) or outer + STEP
    lines = [f"{inner}{line}{newline}" for item in items for line in _LINE_END.split(f"{item},")]
    edits: list[Edit] = [(last, last, ",")] if needs_comma else []
    if begins_line(text, closing):
        start = line_start(text, closing)
        return [*edits, (start, start, "".join(lines))]
    return [*edits, (closing, closing, "".join((newline, *lines, outer)))]


def removing(text: str, offset: int) -> list[Edit]:
    """Take the item at `offset` out of its list, with its comma, and its lines if they get empty.

    Comments beside it stay.
    """
    end = end_of_value(text, offset)
    before, after = _neighbours(text, offset, end)
    start = offset
    if after.text == ",":
        end = after.offset + 1
    elif before.text == "," and not text[before.offset + 1 : offset].strip(" \t"):
        start = before.offset
    rest = _LINE_END.search(text, end)
    line_is_empty = rest is not None and not text[end : rest.start()].strip(" \t")
    if rest is not None and line_is_empty and begins_line(text, start):
        return [(line_start(text, start), rest.end(), "")]
    if start == offset:
        end += len(text[end:]) - len(text[end:].lstrip(" \t"))
    return [(start, end, "")]


def _inner_indentation(text: str, opening: int) -> str | None:
    """Return the white space before what begins the first line of its own in these brackets."""
    for token in tokens(text):
        if token.offset > opening and begins_line(text, token.offset):
            return None if token.text in "]}" else indentation(text, token.offset)
    return None


def _neighbours(text: str, offset: int, end: int) -> tuple[Token, Token]:
    """Return the tokens before and after the value that begins and ends there."""
    before = Token(TokenKind.END, "", 0)
    for token in tokens(text):
        if token.offset < offset:
            before = token
        elif token.offset >= end:
            return before, token
    raise ValueError(f"no value stands at {offset}")
